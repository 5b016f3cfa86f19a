"""The published Euler steps: by hand, in closed form, and where they diverge."""

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_lyapunov
from torch import Tensor

from tests.dynamics.fixtures import rolled
from undertow.dynamics import (
    CoupledOscillatorPotential,
    EulerLangevin,
    FreeOscillatorPotential,
    HarmonicPotential,
    MixedOscillatorPotential,
    Potential,
)
from undertow.errors import ModelError, StabilityError


class Free(Potential):
    """No force anywhere."""

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        return 0.0 * z.sum(-1)


def euler(dim: int, potential: Any, **options: Any) -> EulerLangevin:
    """With internal time in seconds, in float64."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return EulerLangevin(2 * dim, potential, timescale_s=1.0, **options).double()


def well(curvature: float, **options: Any) -> EulerLangevin:
    return euler(1, lambda dim: HarmonicPotential(dim, curvature), **options)


def step_matrix(dynamics: EulerLangevin, h: float) -> np.ndarray:
    """The mean of one step as a matrix acting on columns [z, v]."""
    eye = torch.eye(dynamics.state_dim, dtype=torch.float64)
    with torch.no_grad():
        return dynamics.step(0.0, eye, torch.tensor(h, dtype=torch.float64))[0].numpy().T


def dense_radius(dynamics: EulerLangevin, bin_s: float) -> float:
    steps = dynamics.steps_per_bin(bin_s)
    return float(np.abs(np.linalg.eigvals(step_matrix(dynamics, bin_s / steps))).max() ** steps)


def growth(dynamics: EulerLangevin, bin_s: float) -> tuple[float, float]:
    """Spectral radius a bin and the bins to grow a thousandfold."""
    radius = dense_radius(dynamics, bin_s)
    return radius, math.log(1000) / math.log(radius)


# --- the step ---------------------------------------------------------------------------------


@pytest.mark.parametrize("delta", [1.0, 0.01])
def test_two_steps_by_hand(delta: float) -> None:
    """U = ½ · 0.8 z²; γ = 0.6, m = 1, k_Bτ = 1, h = 1; both updates from the old state."""
    z0, v0, eta = 0.5, -1.0, (0.3, -0.7)
    std = math.sqrt(2 * 0.6)
    z1 = z0 + delta * v0
    v1 = 0.4 * (v0 - delta * 0.8 * z0) + std * eta[0]
    z2 = z1 + delta * v1
    v2 = 0.4 * (v1 - delta * 0.8 * z1) + std * eta[1]
    noise = torch.tensor(eta, dtype=torch.float64).view(1, 2, 1, 1)
    dynamics = well(0.8, gamma=0.6, hamiltonian_step=delta)
    with torch.no_grad():
        path = rolled(dynamics, torch.tensor([[z0, v0]], dtype=torch.float64), noise, 1.0)
    expected = torch.tensor([[z0, v0], [z1, v1], [z2, v2]], dtype=torch.float64)
    assert torch.allclose(
        path.states[0], expected, atol=1e-6
    )  # the constants are kept as float32 logarithms


def test_mass_and_temperature_enter_as_printed() -> None:
    """v½ = v − (h/m)∇U and a noise of variance 2mγk_Bτh, not that of eq. 1 divided by m."""
    dynamics = euler(
        1, lambda dim: HarmonicPotential(dim, 0.8), mass=2.0, gamma=0.5, temperature=3.0
    )
    x = torch.tensor([[1.5, 0.4]], dtype=torch.float64)
    with torch.no_grad():
        mean, std = dynamics.step(0.0, x, torch.tensor(0.5, dtype=torch.float64))
    assert mean[0].tolist() == pytest.approx([1.5 + 0.2, 0.75 * (0.4 - 0.25 * 0.8 * 1.5)], rel=1e-6)
    assert float(std.square()) == pytest.approx(2 * 2.0 * 0.5 * 3.0 * 0.5, rel=1e-6)


@pytest.mark.parametrize("gamma", [0.55, 0.7, 0.8])
def test_free_velocities_have_the_stationary_variance_of_the_printed_step(gamma: float) -> None:
    """2γ / (1 − (1 − γ)²) = 2 / (2 − γ) at m = 1, not k_Bτ = 1."""
    dynamics = euler(4, Free, gamma=gamma)
    kept = step_matrix(dynamics, 1.0)[4, 4]
    with torch.no_grad():
        _, std = dynamics.step(0.0, torch.zeros(1, 8).double(), torch.tensor(1.0).double())
    exact_var = float(
        solve_discrete_lyapunov(np.array([[kept]]), np.array([[float(std[0]) ** 2]])).item()
    )
    assert exact_var == pytest.approx(2 / (2 - gamma), rel=1e-6)
    trials, bins = 200, 60
    noise = torch.randn(
        trials, bins, 1, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    with torch.no_grad():
        v = rolled(dynamics, torch.zeros(trials, 8).double(), noise, 1.0).states[:, 20:, 4:]
    # v² of an AR(1) sequence is correlated as (1 − γ)²ᵏ
    independent = v.numel() * (1 - kept**2) / (1 + kept**2)
    assert float(v.square().mean()) == pytest.approx(
        2 / (2 - gamma), rel=5 * math.sqrt(2 / independent)
    )


def test_a_bin_as_long_as_the_timescale_is_one_step_of_one() -> None:
    dynamics = EulerLangevin(16, timescale_s=0.02)
    assert dynamics.steps_per_bin(0.02) == 1
    assert dynamics.steps_per_bin(0.05) == 3


# --- where it diverges ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "potential", [CoupledOscillatorPotential, FreeOscillatorPotential, MixedOscillatorPotential]
)
@pytest.mark.parametrize("bin_s", [1.0, 2.5])
@pytest.mark.parametrize("delta", [1.0, 0.01])
def test_the_spectral_radius_is_that_of_the_dense_step(
    potential: Any, bin_s: float, delta: float
) -> None:
    dynamics = euler(12, potential, gamma=0.55, mass=1.4, hamiltonian_step=delta)
    with torch.no_grad():
        for parameter in dynamics.potential.parameters():
            parameter += torch.linspace(-1, 1, parameter.numel(), dtype=torch.float64).view_as(
                parameter
            )
    assert dynamics.spectral_radius(bin_s) == pytest.approx(dense_radius(dynamics, bin_s), rel=1e-9)


@pytest.mark.parametrize("k", [0.3, 1.1, 1.2, 1.25, 1.5, 2.0])
@pytest.mark.parametrize("gamma", [0.55, 0.667, 0.7])
def test_it_diverges_above_a_curvature_of_gamma_over_one_minus_gamma(
    k: float, gamma: float
) -> None:
    """1.22 at γ = 0.55; no curvature up to 2 diverges from γ = 2/3 on."""
    dynamics = well(k, gamma=gamma)
    assert (dense_radius(dynamics, 1.0) > 1) == (k > gamma / (1 - gamma))
    if k > gamma / (1 - gamma):
        radius, bins = growth(dynamics, 1.0)
        with pytest.raises(
            StabilityError,
            match=re.escape(f"is unstable: its spectral radius is {radius:.4g} per bin"),
        ):
            dynamics.check_stable(1.0)
        with pytest.raises(
            StabilityError, match=f"paths grow 1000-fold in {bins:.0f} bins; use a confining"
        ):
            dynamics.check_stable(1.0)
    else:
        dynamics.check_stable(1.0)


def test_the_bins_named_are_those_the_mean_path_takes() -> None:
    class Hill(Potential):
        def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
            return -0.01 * z.square().sum(-1)

        def stiffness(self) -> Tensor:
            return -0.02 * torch.ones(self.dim, 1, 1)

    dynamics = euler(1, Hill, gamma=0.55)
    bins = round(growth(dynamics, 1.0)[1])
    x0, still = torch.tensor([[1.0, 0.0]]).double(), torch.zeros(1, 50 + bins, 1, 1).double()
    with torch.no_grad():
        z = rolled(dynamics, x0, still, 1.0).states[0, :, 0]
    assert float(z[50 + bins] / z[50]) == pytest.approx(1000, rel=0.02)
    with pytest.raises(StabilityError, match=f"1000-fold in {bins} bins"):
        dynamics.check_stable(1.0)


@pytest.mark.parametrize("gamma", [0.55, 0.6, 0.66])
def test_confining_oscillators_can_become_unstable_below_two_thirds(gamma: float) -> None:
    dynamics = euler(16, CoupledOscillatorPotential, gamma=gamma)
    radius = dense_radius(well(2.0, gamma=gamma), 1.0)
    assert dynamics.largest_radius(1.0) == pytest.approx(radius, rel=1e-6)
    with pytest.raises(
        StabilityError, match=f"can become unstable: its spectral radius is {radius:.4g} per bin"
    ):
        dynamics.check_settings(1.0)


@pytest.mark.parametrize("gamma", [0.667, 0.7, 0.8])
def test_confining_oscillators_are_safe_from_two_thirds_on(gamma: float) -> None:
    euler(16, CoupledOscillatorPotential, gamma=gamma).check_settings(1.0)


def test_free_oscillators_can_run_down_a_hill_at_any_friction() -> None:
    """At curvature −2 the larger eigenvalue of [[1, 1], [2(1 − γ), 1 − γ]] is above one."""
    for gamma in (0.55, 0.8):
        matrix = np.array([[1, 1], [2 * (1 - gamma), 1 - gamma]])
        radius = np.abs(np.linalg.eigvals(matrix)).max()
        dynamics = euler(16, FreeOscillatorPotential, gamma=gamma)
        assert dynamics.largest_radius(1.0) == pytest.approx(radius, rel=1e-6)
        with pytest.raises(StabilityError, match=f"spectral radius is {radius:.4g} per bin"):
            dynamics.check_settings(1.0)


def test_the_released_step_grows_too_only_slower() -> None:
    slow = euler(16, MixedOscillatorPotential, gamma=0.55, hamiltonian_step=0.01).largest_radius(
        1.0
    )
    fast = euler(16, MixedOscillatorPotential, gamma=0.55).largest_radius(1.0)
    assert slow is not None
    assert fast is not None
    assert 1 < slow < 1.01 < fast


@pytest.mark.parametrize("check", ["check_stable", "check_settings"])
def test_allow_unstable_silences(check: str) -> None:
    with pytest.raises(StabilityError, match="allow_unstable=True"):
        getattr(well(2.0, gamma=0.55), check)(1.0)
    getattr(well(2.0, gamma=0.55, allow_unstable=True), check)(1.0)


def test_a_potential_without_one_curvature_is_not_checked() -> None:
    dynamics = euler(4, Free)
    assert dynamics.spectral_radius(1.0) is None
    assert dynamics.largest_radius(1.0) is None
    dynamics.check_stable(1.0)
    dynamics.check_settings(1.0)


@pytest.mark.parametrize("delta", [0.0, -1.0, float("nan")])
def test_a_step_of_nothing_is_refused(delta: float) -> None:
    with pytest.raises(ModelError, match=r"hamiltonian_step is .*: it must be above zero"):
        EulerLangevin(16, hamiltonian_step=delta)
