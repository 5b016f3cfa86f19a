"""The reduced Wong–Wang model: against the published equations, and its decision."""

import math

import pytest
import torch

from tests.dynamics.fixtures import chosen, path_of, rolled, vector
from tests.dynamics.variants import normal
from undertow.dynamics import WongWang
from undertow.dynamics.wong_wang import SLOPE, transfer
from undertow.errors import ModelError


def published(s1: float, s2: float, stimulus: float) -> float:
    """dS₁/dt · τ_S of Wong & Wang (2006): nA, Hz, seconds; no AMPA, background I₀ = 0.3255 nA."""
    x = 0.2609 * s1 - 0.0497 * s2 + 0.3255 + stimulus
    rate = (270 * x - 108) / (1 - math.exp(-0.154 * (270 * x - 108)))
    return -s1 + (1 - s1) * 0.641 * rate * 0.1


def test_the_start_is_the_published_drift() -> None:
    """Five units of rate: 1 per 0.1 s of gating."""
    dynamics = chosen(WongWang(2, input_dim=2), input_map__weight=torch.eye(2))
    s1, s2, i1, i2 = 0.3, 0.15, 0.02, 0.01
    found = dynamics.drift(0.0, vector(s1, s2)[None], SLOPE * vector(i1, i2)[None])[0].tolist()
    expected = [5 * published(s1, s2, i1), 5 * published(s2, s1, i2)]
    assert found == pytest.approx(expected, rel=1e-4)


def test_populations_of_a_pair_compete_and_pairs_do_not_meet() -> None:
    x = torch.sigmoid(normal(6)).requires_grad_()
    drift = WongWang(6).double().drift(0.0, x[None])[0]
    (pull,) = torch.autograd.grad(drift[0], x)
    assert torch.equal(pull != 0, torch.tensor([True, False, False, True, False, False]))
    assert pull[3] < 0


def test_the_transfer_function_and_its_slope_are_safe_everywhere() -> None:
    y = vector(-500.0, -4.0, -1e-3, 0.0, 1e-9, 1e-3, 4.0, 500.0).requires_grad_()
    value = transfer(y)
    value.sum().backward()
    exact = [1.0 if v == 0 else (0.0 if v < -400 else -v / math.expm1(-v)) for v in y.tolist()]
    assert value.tolist() == pytest.approx(exact, rel=1e-10, abs=1e-12)
    assert y.grad is not None
    assert y.grad[3:5].tolist() == pytest.approx([0.5, 0.5], abs=1e-6)
    assert ((y.grad > -1e-9) & (y.grad < 1 + 1e-9)).all()


def test_strong_input_makes_a_winner_and_weak_input_none() -> None:
    dynamics = chosen(WongWang(2, noise=False, integrator="rk4", timescale_s=1.0))
    quiet = path_of(dynamics, vector(0.11, 0.10), 400, 0.05)[-1]
    assert quiet.max() < 0.2
    with torch.no_grad():
        dynamics.current += SLOPE * 5.2e-4 * 30
    won = path_of(dynamics, vector(0.11, 0.10), 400, 0.05)[-1]
    assert won[0] > 0.5
    assert won[1] < 0.2


def test_the_splitting_keeps_fixed_points_and_the_range_of_gating() -> None:
    exact = chosen(WongWang(2, noise=False, integrator="rk4", timescale_s=1.0))
    end = path_of(exact, vector(0.11, 0.10), 400, 0.05)[-1]
    split = chosen(WongWang(2, noise=False, timescale_s=1.0))
    assert torch.allclose(
        path_of(split, vector(0.9, 0.1), 200, 0.2)[-1],
        path_of(exact, vector(0.9, 0.1), 800, 0.05)[-1],
        atol=1e-6,
    )
    assert torch.allclose(path_of(split, end, 1, 0.7)[-1], end, atol=1e-9)
    still = WongWang(16, noise=False).double()
    inside = rolled(still, torch.rand(64, 16).double(), torch.zeros(64, 20, 1, 0), 0.5).states
    assert ((inside >= 0) & (inside <= 1)).all()


def test_an_odd_state_is_refused() -> None:
    with pytest.raises(
        ModelError, match="state_dim is 3: competing populations take two coordinates each"
    ):
        WongWang(3)
