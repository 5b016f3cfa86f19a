"""The exact flows splitting is made of, and the order of a step made of two."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from torch import Tensor

from tests.dynamics.fixtures import scalar, vector
from tests.dynamics.orders import SIGMA, STEPS, law_errors, slope, strong_errors
from undertow.dynamics import SplitSDE
from undertow.dynamics.splitting import logistic_gain, mean_decay, relaxation, rotation
from undertow.errors import ModelError


class TwoDecays(SplitSDE):
    """dx = −(p + q) x ds + σ dW, of which p decays exactly and q is an Euler kick."""

    p, q = 1.2, 0.8

    def drift(self, s: float, x: Tensor, u: Tensor | None = None) -> Tensor:
        return -(self.p + self.q) * x

    def split_step(self, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        return (x - h * self.q * x) * torch.exp(-self.p * h)


def two_decays(**options: Any) -> TwoDecays:
    dynamics = TwoDecays(1, timescale_s=1.0, **options).double()
    if dynamics.diffusivity is not None:
        with torch.no_grad():
            dynamics.diffusivity.raw.copy_(scalar(SIGMA - 1e-3).expm1().log())
    return dynamics


@pytest.mark.parametrize("rate", [2.0, 1e-2, 1e-5, 0.0, -1e-5, -1.5])
@pytest.mark.parametrize("start", [0.0, 0.1, 1.0, 9.0])
def test_logistic_growth_is_exact(rate: float, start: float) -> None:
    solved = solve_ivp(
        lambda _, n: n * (rate - 0.7 * n), (0, 0.9), [start], rtol=1e-11, atol=1e-13
    ).y[0, -1]
    gain = logistic_gain(scalar(rate), scalar(0.7 * start), scalar(0.9))
    assert float(gain) * start == pytest.approx(solved, rel=1e-8, abs=1e-12)


def test_the_mean_of_a_decay_and_its_slope_are_right_around_zero() -> None:
    z = vector(-3.0, -2e-3, -9e-4, -1e-8, 0.0, 1e-8, 9e-4, 2e-3, 3.0, 200.0).requires_grad_()
    value = mean_decay(z)
    value.sum().backward()
    exact = [1.0 if x == 0 else -math.expm1(-x) / x for x in z.tolist()]
    assert value.tolist() == pytest.approx(exact, rel=1e-12)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    t = (nodes + 1) / 2  # φ(z) = ∫₀¹ e^{−zt} dt, so φ' = −∫₀¹ t e^{−zt} dt
    slopes = [-float(np.sum(weights / 2 * t * np.exp(-x * t))) for x in z.tolist()]
    assert z.grad is not None
    assert z.grad.tolist() == pytest.approx(slopes, rel=1e-8)


@pytest.mark.parametrize("omega", [0.0, 1.7, -2.4])
def test_rotation_is_exact(omega: float) -> None:
    expected = expm(0.6 * np.array([[0.0, 1.0], [-(omega**2), 0.0]])) @ [0.4, -1.1]
    found = rotation(scalar(0.4), scalar(-1.1), scalar(omega), scalar(0.6))
    assert [float(part) for part in found] == pytest.approx(expected.tolist(), rel=1e-14)


def test_relaxation_is_exact() -> None:
    found = relaxation(scalar(2.0), scalar(0.5), scalar(3.0), scalar(0.2))
    assert float(found) == pytest.approx(0.5 + 1.5 * math.exp(-0.6), rel=1e-15)


def test_two_parts_together_are_of_order_one() -> None:
    """Against the known Ornstein–Uhlenbeck law and path of rate 2: mean, variance, and pathwise."""
    mean_errors, var_errors = law_errors(two_decays(), rate=2.0)
    assert slope(mean_errors) == pytest.approx(1, abs=0.1)
    assert slope(var_errors) == pytest.approx(1, abs=0.1)
    strong, error_of_slope = strong_errors(two_decays(), rate=2.0)
    assert slope(strong) == pytest.approx(1, abs=0.1 + 4 * error_of_slope)
    assert len(strong) == len(STEPS)


def test_other_integrators_leave_the_splitting_out() -> None:
    x, h = vector(0.7)[None], scalar(0.1)
    for integrator, factor in (
        ("euler", 0.8),
        ("heun", 0.82),
        ("splitting", 0.92 * math.exp(-0.12)),
    ):
        mean = two_decays(integrator=integrator).step(0.0, x, h)[0]
        assert float(mean) == pytest.approx(0.7 * factor, rel=1e-12)


def test_an_unknown_integrator_is_refused() -> None:
    with pytest.raises(
        ModelError, match="integrator is 'milstein': it must be one of 'splitting', 'euler'"
    ):
        two_decays(integrator="milstein")
