"""The linear SDE: its transition against scipy and closed forms, entry by entry, and where it
grows."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad_vec
from scipy.linalg import expm, solve_continuous_lyapunov

from tests.dynamics.fixtures import chosen, path_of, rolled, scalar
from tests.dynamics.variants import normal
from undertow.dynamics import LinearSDE
from undertow.errors import ModelError, StabilityError


def linear(dim: int = 4, **options: Any) -> LinearSDE:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        dynamics = LinearSDE(dim, **{"timescale_s": 1.0, **options}).double()
    with torch.no_grad():
        dynamics.offset.copy_(normal(dim, seed=7))
        if dynamics.diffusivity is not None:
            dynamics.diffusivity.raw.copy_(normal(dim, seed=8))
    return dynamics


@pytest.mark.parametrize("h", [0.01, 0.3, 1.5])
def test_mean_and_covariance_entry_by_entry(h: float) -> None:
    dynamics = linear(input_dim=2)
    x, u = normal(3, 4), normal(3, 2, seed=1)
    with torch.no_grad():
        mean, factor = dynamics.step(0.0, x, scalar(h), u)
        a = dynamics.matrix.numpy()
        push = (dynamics.offset + u @ dynamics.input_map.weight.t()).numpy()
        q = np.diag(dynamics.diffusion(0.0, x)[0].numpy() ** 2)
    integral = quad_vec(lambda r: expm(a * r), 0, h)[0]
    covariance = quad_vec(lambda r: expm(a * r) @ q @ expm(a.T * r), 0, h)[0]
    np.testing.assert_allclose(
        mean.numpy(), x.numpy() @ expm(a * h).T + push @ integral.T, atol=1e-10
    )
    np.testing.assert_allclose((factor @ factor.mT).numpy(), covariance, atol=1e-10)
    assert torch.equal(factor, factor.tril())


def test_long_steps_reach_the_stationary_law() -> None:
    """A P + P Aᵀ + Q = 0, and the mean −A⁻¹ c."""
    dynamics = linear()
    with torch.no_grad():
        mean, factor = dynamics.step(0.0, normal(1, 4), scalar(12.0))
        a = dynamics.matrix.numpy()
        q = np.diag(dynamics.diffusion(0.0, mean)[0].numpy() ** 2)
        expected = np.linalg.solve(-a, dynamics.offset.numpy())
    stationary = solve_continuous_lyapunov(a, -q)
    np.testing.assert_allclose((factor @ factor.mT).numpy(), stationary, atol=2e-4)
    np.testing.assert_allclose(mean[0].numpy(), expected, atol=2e-2)


def test_one_long_step_is_several_short_ones() -> None:
    """Chapman–Kolmogorov: the law after 0.6 is that after three steps of 0.2."""
    dynamics = linear()
    with torch.no_grad():
        decay, integral, covariance = dynamics.transition(scalar(0.2))
        long_decay, long_integral, long_covariance = dynamics.transition(scalar(0.6))
        total = torch.zeros_like(covariance)
        for _ in range(3):
            total = decay @ total @ decay.mT + covariance
    assert torch.allclose(long_decay, decay @ decay @ decay, atol=1e-12)
    assert torch.allclose(
        long_integral, integral + decay @ integral + decay @ decay @ integral, atol=1e-12
    )
    assert torch.allclose(long_covariance, total, atol=1e-12)


def test_sampled_paths_have_the_law() -> None:
    dynamics, trials = linear(2), 20_000
    x0 = normal(1, 2).expand(trials, 2)
    with torch.no_grad():
        end = rolled(dynamics, x0, normal(trials, 4, 1, 2, seed=3), 0.1).states[:, -1]
        mean, factor = dynamics.step(0.0, x0[:1], scalar(0.4))
    covariance = factor @ factor.mT
    error = (covariance.diagonal() / trials).sqrt()
    assert ((end.mean(0) - mean[0]).abs() < 5 * error).all()
    pairs = torch.outer(covariance.diagonal(), covariance.diagonal()) + covariance.square()
    assert ((torch.cov(end.T) - covariance).abs() < 5 * (pairs / trials).sqrt()).all()


def test_without_noise_it_is_the_matrix_exponential() -> None:
    dynamics = chosen(linear(noise=False), offset=0.0)
    x = normal(4)
    found = path_of(dynamics, x, 5, 0.2)[-1].numpy()
    np.testing.assert_allclose(
        found, expm(dynamics.matrix.detach().numpy()) @ x.numpy(), atol=1e-12
    )
    assert dynamics.noise_dim == 0


def test_growth_is_refused_and_the_start_is_stable() -> None:
    for dim in (1, 2, 16):
        for bin_s in (0.001, 0.02, 1.0):
            LinearSDE(dim).check_stable(bin_s)
    growing = chosen(linear(2), matrix=torch.tensor([[0.5, 1.0], [0.0, -2.0]]))
    with pytest.raises(
        StabilityError, match=r"linear drift is unstable: its spectral radius is 1.051 per bin"
    ):
        growing.check_stable(0.1)
    chosen(linear(2, allow_unstable=True), matrix=torch.eye(2)).check_stable(0.1)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ModelError, match="state_dim is 0"):
        LinearSDE(0)
    with pytest.raises(ModelError, match="timescale_s is 0"):
        LinearSDE(2, timescale_s=0)
