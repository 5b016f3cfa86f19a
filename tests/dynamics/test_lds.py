"""The linear dynamical system against its recursion, moment by moment."""

import math

import pytest
import torch
from torch import Tensor

from tests.dynamics.fixtures import rolled
from undertow.dynamics import LDS
from undertow.errors import StabilityError


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(state_dim: int = 3, input_dim: int = 2, **options: bool) -> LDS:
    """In float64, with every parameter moved off its start."""
    dynamics = LDS(state_dim, input_dim, **options).double()
    with torch.no_grad():
        for k, parameter in enumerate(dynamics.parameters()):
            if parameter.requires_grad:
                parameter += 0.1 * normal(*parameter.shape, seed=100 + k)
    return dynamics


def test_a_step_by_hand() -> None:
    dynamics, x, u = made(), normal(4, 3), normal(4, 2, seed=1)
    mean, std = dynamics.step(0.0, x, torch.tensor(0.3), u)
    a, b, c = dynamics.transition, dynamics.input_map.weight, dynamics.offset
    assert b is not None
    for trial in range(4):
        for i in range(3):
            expected = (
                c[i]
                + sum(a[i, j] * x[trial, j] for j in range(3))
                + sum(b[i, j] * u[trial, j] for j in (0, 1))
            )
            assert float(mean[trial, i].detach()) == pytest.approx(
                float(expected.detach()), abs=1e-14
            )
    assert dynamics.diffusivity is not None
    assert torch.allclose(std, torch.nn.functional.softplus(dynamics.diffusivity.raw) + 1e-3)


def test_mean_and_covariance_follow_the_recursion() -> None:
    """m ← A m + B u + b and P ← A P Aᵀ + diag σ², from a known start, over 12 bins."""
    dynamics, trials, bins = made(), 40_000, 12
    inputs = normal(1, bins, 2, seed=1)
    with torch.no_grad():
        noise = normal(trials, bins, 1, 3, seed=2)
        x0 = normal(1, 3, seed=3)
        path = rolled(
            dynamics, x0.expand(trials, 3), noise, 0.01, None, inputs.expand(trials, bins, 2)
        ).states
        mean, covariance = x0[0], torch.zeros(3, 3).double()
        std = dynamics.step(0.0, x0, torch.tensor(1.0), inputs[:, 0])[1]
        assert dynamics.input_map.weight is not None
        for t in range(bins):
            mean = (
                dynamics.transition @ mean
                + dynamics.input_map.weight @ inputs[0, t]
                + dynamics.offset
            )
            covariance = (
                dynamics.transition @ covariance @ dynamics.transition.T + std.square().diag()
            )
    last = path[:, -1]
    var = covariance.diagonal()
    assert ((last.mean(0) - mean).abs() < 5 * (var / trials).sqrt()).all()
    tolerance = 5 * ((var[:, None] * var + covariance.square()) / trials).sqrt()
    assert ((last.T.cov() - covariance).abs() < tolerance).all()


def test_noise_free_paths_are_powers_of_the_matrix() -> None:
    dynamics = made(4, 0, noise=False)
    with torch.no_grad():
        dynamics.offset.zero_()
        path = rolled(dynamics, normal(2, 4), torch.zeros(2, 5, 1, 0).double(), 0.01)
        expected = [
            normal(2, 4) @ torch.linalg.matrix_power(dynamics.transition, t).T for t in range(6)
        ]
    assert torch.allclose(path.states, torch.stack(expected, 1), atol=1e-14)
    assert path.mean.shape == (2, 5, 0)
    assert dynamics.noise_dim == 0


@pytest.mark.parametrize("dim", [1, 2, 5, 8])
def test_it_starts_as_decaying_rotations(dim: int) -> None:
    values = torch.linalg.eigvals(LDS(dim).double().transition)
    assert torch.allclose(values.abs(), torch.full((dim,), 0.9).double(), atol=1e-6)
    assert float(values.angle().abs().max().detach()) == pytest.approx(
        0.5 if dim > 3 else 0.0, abs=1e-6
    )


def test_growth_is_refused_by_radius_and_bins() -> None:
    dynamics, tolerant = LDS(4), LDS(4, allow_unstable=True)
    dynamics.check_stable(0.01)
    for each in (dynamics, tolerant):
        with torch.no_grad():
            each.transition.mul_(1.1 / 0.9)
    bins = math.log(1000) / math.log(1.1)
    message = (
        rf"linear step is unstable: its spectral radius is 1\.1 per bin, .* in {bins:.0f} bins"
    )
    with pytest.raises(StabilityError, match=message):
        dynamics.check_stable(0.01)
    with pytest.raises(StabilityError, match="smaller eigenvalues, or pass allow_unstable"):
        dynamics.check_settings(0.01)
    tolerant.check_stable(0.01)


def test_a_push_costs_what_girsanov_says_at_any_timescale() -> None:
    for timescale_s in (0.01, 1.0):
        dynamics = made().remade(timescale_s=timescale_s).double()
        noise, inputs, push = normal(2, 1, 1, 3), normal(2, 1, 2), normal(2, 1, 3, seed=1)
        free, pushed = (
            rolled(dynamics, normal(2, 3), noise, 0.01, c, inputs) for c in (None, push)
        )
        kl = 0.5 * ((pushed.mean - free.mean) / free.std).square()
        assert torch.allclose(kl, 0.5 * 0.01 / timescale_s * push.square(), rtol=1e-6)
