"""Underdamped Langevin dynamics against closed forms: temperature, Boltzmann law, energy,
stability."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import expm, solve_discrete_lyapunov
from torch import Tensor

from tests.dynamics.fixtures import rolled
from undertow.dynamics import (
    CoupledOscillatorPotential,
    DoubleWellPotential,
    HarmonicPotential,
    Potential,
    UnderdampedLangevin,
)
from undertow.errors import ModelError, StabilityError


class Free(Potential):
    """No force anywhere."""

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        return 0.0 * z.sum(-1)


def langevin(dim: int, potential: Any, **constants: float) -> UnderdampedLangevin:
    """With internal time in seconds, in float64."""
    return UnderdampedLangevin(2 * dim, potential, timescale_s=1.0, **constants).double()


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def step_matrix(dynamics: UnderdampedLangevin, h: float) -> np.ndarray:
    """The mean of one step as a matrix acting on columns [z, v]; the step is linear."""
    eye = torch.eye(dynamics.state_dim, dtype=torch.float64)
    mean, _ = dynamics.step(0.0, eye, torch.tensor(h, dtype=torch.float64))
    return mean.detach().numpy().T


def spectral_radius(dynamics: UnderdampedLangevin, h: float) -> float:
    return float(np.abs(np.linalg.eigvals(step_matrix(dynamics, h))).max())


# --- temperature ------------------------------------------------------------------------------


@pytest.mark.parametrize("h", [0.1, 1.0])
@pytest.mark.parametrize("mass", [0.5, 2.0])
@pytest.mark.parametrize("gamma", [0.3, 1.5])
def test_free_velocities_have_the_variance_of_their_temperature(
    h: float, mass: float, gamma: float
) -> None:
    dynamics = langevin(4, Free, mass=mass, gamma=gamma, temperature=1.7)
    trials, steps, expected_var = 64, 300, 1.7 / mass
    x0 = torch.cat(
        [torch.zeros(trials, 4), math.sqrt(expected_var) * noise(trials, 4)], -1
    ).double()
    with torch.no_grad():
        v = rolled(dynamics, x0, noise(trials, steps, 1, 4), h).states[..., 4:]
    a = math.exp(-gamma * h)
    # v² of an AR(1) sequence is correlated as a²ᵏ: so many bins are worth (1 − a²) / (1 + a²) as
    # many draws
    independent = 4 * trials * (steps + 1) * (1 - a**2) / (1 + a**2)
    assert float(v.square().mean()) == pytest.approx(
        expected_var, rel=5 * math.sqrt(2 / independent)
    )


@pytest.mark.parametrize("h", [0.02, 0.5, 1.0])
def test_one_step_of_free_velocities_is_the_exact_ornstein_uhlenbeck_one(h: float) -> None:
    dynamics = langevin(1, Free, mass=2.0, gamma=0.9, temperature=1.7)
    with torch.no_grad():
        mean, std = dynamics.step(
            0.0, torch.tensor([[0.0, 3.0]]).double(), torch.tensor(h).double()
        )
    assert float(mean[0, 1]) == pytest.approx(3.0 * math.exp(-0.9 * h), rel=1e-6)
    assert float(std.square()) == pytest.approx(1.7 / 2.0 * (1 - math.exp(-2 * 0.9 * h)), rel=1e-6)


# --- stationary law ---------------------------------------------------------------------------


def stationary_covariance(dynamics: UnderdampedLangevin, h: float) -> np.ndarray:
    """Of [z, v] under the step itself, from the discrete Lyapunov equation Σ = AΣAᵀ + Q."""
    step = torch.tensor(h, dtype=torch.float64)
    _, std = dynamics.decay_and_std(step)
    still = torch.zeros(dynamics.noise_dim, dynamics.state_dim, dtype=torch.float64)
    noise_in = dynamics.displaced(still, torch.diag(std), step).detach().numpy()
    return solve_discrete_lyapunov(step_matrix(dynamics, h), noise_in.T @ noise_in)


@pytest.mark.parametrize("gamma", [0.2, 0.7, 3.0])
@pytest.mark.parametrize("h", [0.02, 0.4, 1.0, 1.4])
def test_stationary_variances_in_a_harmonic_well_are_exact_at_any_stable_step(
    h: float, gamma: float
) -> None:
    """var z = k_Bτ/k, var v = k_Bτ/m; at h = 1.4, k = 2 the step is near its limit of √2."""
    k, mass, temperature = 2.0, 1.0, 0.8
    dynamics = exact_constants(
        langevin(1, HarmonicPotential, mass=mass, gamma=gamma), temperature, k
    )
    covariance = stationary_covariance(dynamics, h)
    assert covariance[0, 0] == pytest.approx(temperature / k, rel=1e-9)
    assert covariance[1, 1] == pytest.approx(temperature / mass, rel=1e-9)
    # v is read half a kick early, at an average force of k z
    assert covariance[0, 1] == pytest.approx(h / (2 * mass) * temperature, rel=1e-9)


def exact_constants(
    dynamics: UnderdampedLangevin, temperature: float, curvature: float
) -> UnderdampedLangevin:
    """With temperature and curvature in float64, not rounded to float32 on the way."""
    with torch.no_grad():
        dynamics.log_temperature.fill_(math.log(temperature))
        dynamics.potential.log_curvature.fill_(math.log(curvature))
    return dynamics


def test_stationary_positions_of_coupled_oscillators_have_the_boltzmann_law() -> None:
    """exp(−U/k_Bτ) in U = ½ zᵀKz has covariance k_Bτ K⁻¹, whatever the step."""
    dynamics = langevin(
        8, lambda dim: CoupledOscillatorPotential(dim, 2), mass=1.5, temperature=0.8
    )
    stiffness = torch.block_diag(*dynamics.potential.stiffness().detach()).numpy()
    boltzmann = float(dynamics.temperature[0]) * np.linalg.inv(stiffness)
    for h in (0.02, 0.4, 1.0):
        covariance = stationary_covariance(dynamics, h)
        assert np.abs(covariance[:8, :8] - boltzmann).max() < 1e-7 * boltzmann.max()
        assert np.allclose(covariance[8:, 8:], np.diag(np.diag(covariance)[8:]), atol=1e-12)


@pytest.mark.parametrize("h", [0.1, 0.4, 1.0])
def test_sampled_paths_have_the_stationary_variances(h: float) -> None:
    trials, dim, k, mass, temperature = 3000, 4, 2.0, 1.2, 0.8
    dynamics = langevin(
        dim, lambda d: HarmonicPotential(d, k), mass=mass, gamma=1.0, temperature=temperature
    )
    steps = round(20 / h)
    with torch.no_grad():
        last = rolled(
            dynamics, torch.zeros(trials, 2 * dim).double(), noise(trials, steps, 1, dim), h
        ).states[:, -1]
    spread = 5 * math.sqrt(2 / (trials * dim))
    z, v = last.chunk(2, -1)
    assert float(z.square().mean()) == pytest.approx(temperature / k, rel=spread)
    assert float(v.square().mean()) == pytest.approx(temperature / mass, rel=spread)


# --- order ------------------------------------------------------------------------------------


def law_at(dynamics: UnderdampedLangevin, duration: float, n: int, early: bool) -> np.ndarray:
    """Mean of z and covariance of z at `duration` from z = 1, v = −0.5, in n steps; exactly, as the
    step is linear. `early`: the initial velocity is read half a kick early."""
    h = duration / n
    k, mass = float(dynamics.potential.stiffness()[0]), float(dynamics.mass[0])
    a, mean = step_matrix(dynamics, h), np.array([1.0, -0.5 + early * h / (2 * mass) * k])
    step = torch.tensor(h, dtype=torch.float64)
    std = dynamics.decay_and_std(step)[1]
    q = dynamics.displaced(torch.zeros(1, 2).double(), std[None], step).detach().numpy()
    covariance = np.zeros((2, 2))
    for _ in range(n):
        mean, covariance = a @ mean, a @ covariance @ a.T + q.T @ q
    return np.array([mean[0], covariance[0, 0]])


def exact_law(dynamics: UnderdampedLangevin, duration: float) -> np.ndarray:
    """The same of the continuous process (Van Loan's matrix exponential)."""
    k, mass = float(dynamics.potential.stiffness()[0]), float(dynamics.mass[0])
    gamma, temperature = float(dynamics.gamma[0]), float(dynamics.temperature[0])
    a = np.array([[0.0, 1.0], [-k / mass, -gamma]])
    q = np.diag([0.0, 2 * gamma * temperature / mass])
    blocks = expm(duration * np.block([[-a, q], [np.zeros((2, 2)), a.T]]))
    flow = blocks[2:, 2:].T
    return np.array([(flow @ [1.0, -0.5])[0], (flow @ blocks[:2, 2:])[0, 0]])


@torch.no_grad()
def test_the_law_of_positions_is_of_second_order() -> None:
    """Half the step, a quarter of the error, with the velocity read half a kick early; half of it
    where it is not."""
    dynamics = langevin(1, lambda d: HarmonicPotential(d, 1.7), gamma=0.9, mass=1.3)
    exact = exact_law(dynamics, 2.0)
    steps = (8, 16, 32, 64)
    for early, order in ((True, 2.0), (False, 1.0)):
        errors = np.array([np.abs(law_at(dynamics, 2.0, n, early) - exact) for n in steps])
        measured = np.log2(errors[:-1] / errors[1:])
        assert (measured[-1] > order - 0.1).all()
    assert np.abs(law_at(dynamics, 2.0, 64, True) - exact).max() < 1e-3


@torch.no_grad()
def test_stationary_positions_forget_at_a_rate_of_second_order() -> None:
    """Their autocovariance at a lag of one unit: the law that bins of any width observe."""
    dynamics = langevin(1, lambda d: HarmonicPotential(d, 1.7), gamma=0.9, mass=1.3)
    k, mass, gamma = 1.7, 1.3, 0.9
    flow = expm(np.array([[0.0, 1.0], [-k / mass, -gamma]]))
    errors = []
    for n in (2, 4, 8, 16):
        lagged = np.linalg.matrix_power(step_matrix(dynamics, 1 / n), n)
        covariance = lagged @ stationary_covariance(dynamics, 1 / n)
        errors.append(abs(covariance[0, 0] - flow[0, 0] / k))
    ratios = np.array(errors[:-1]) / errors[1:]
    assert (np.abs(ratios[1:] - 4) < 0.3).all()


# --- energy -----------------------------------------------------------------------------------


def energies(potential: Any, h: float, duration: float) -> Tensor:
    """Total energy along a path without friction or noise, (steps + 1,)."""
    dynamics = langevin(4, potential, mass=1.5, gamma=1e-12)
    steps = round(duration / h)
    x0 = 0.7 * noise(1, 8)
    with torch.no_grad():
        states = rolled(dynamics, x0, torch.zeros(1, steps, 1, 4).double(), h).states[0]
        z, v = states.chunk(2, -1)
        return dynamics.potential.energy(z) + 0.5 * 1.5 * v.square().sum(-1)


@pytest.mark.parametrize(
    "potential", [CoupledOscillatorPotential, HarmonicPotential, DoubleWellPotential]
)
def test_energy_is_conserved_to_the_order_of_the_step(potential: Any) -> None:
    """The velocity is half a kick early: half the step, half the error."""
    errors = []
    for h in (0.02, 0.01, 0.005):
        energy = energies(potential, h, 5.0)
        errors.append(float((energy - energy[0]).abs().max()))
    assert errors[1] == pytest.approx(errors[0] / 2, rel=0.1)
    assert errors[2] == pytest.approx(errors[1] / 2, rel=0.1)


@pytest.mark.parametrize("potential", [CoupledOscillatorPotential, HarmonicPotential])
def test_energy_error_stays_bounded_over_long_times(potential: Any) -> None:
    """Symplectic: no drift, unlike explicit Euler, whose energy would grow by a factor of e⁵
    here."""
    energy = energies(potential, 0.1, 1000.0)
    assert float((energy - energy[0]).abs().max()) < 0.2 * float(energy[0])


def test_frictionless_harmonic_path_keeps_its_shadow_energy_exactly() -> None:
    """½ m v² + ½ k z² − ½ h k z v is conserved by the step to rounding."""
    h, k, mass = 0.3, 1.2, 1.5
    dynamics = langevin(1, lambda d: HarmonicPotential(d, k), mass=mass, gamma=1e-14)
    path = rolled(
        dynamics, torch.tensor([[0.7, -0.4]]).double(), torch.zeros(1, 500, 1, 1).double(), h
    )
    z, v = path.states.detach()[0].unbind(-1)
    curvature = float(dynamics.potential.stiffness()[0].detach())
    shadow = 0.5 * mass * v**2 + 0.5 * curvature * z**2 - 0.5 * h * curvature * z * v
    assert torch.allclose(shadow, shadow[0], rtol=1e-10)


# --- stability --------------------------------------------------------------------------------


@pytest.mark.parametrize("h", [0.3, 1.0])
@pytest.mark.parametrize("gamma", [0.2, 0.7, 3.0])
@pytest.mark.parametrize("mass", [0.4, 1.0])
def test_the_limit_of_stability_is_exact(h: float, gamma: float, mass: float) -> None:
    limit = 4 * mass / h**2
    below = langevin(1, lambda d: HarmonicPotential(d, 0.999 * limit), mass=mass, gamma=gamma)
    above = langevin(1, lambda d: HarmonicPotential(d, 1.001 * limit), mass=mass, gamma=gamma)
    assert spectral_radius(below, h) < 1 < spectral_radius(above, h)
    below.check_stable(h)
    radius = spectral_radius(above, h)
    bins = math.log(1000) / math.log(radius)
    with pytest.raises(
        StabilityError,
        match=(
            rf"is unstable: its spectral radius is {radius:.4g} per bin, .* 1000-fold in "
            rf"{bins:.0f} bins; use .* larger"
        ),
    ):
        above.check_stable(h)


@pytest.mark.parametrize("mass", [0.3, 0.5, 0.6, 1.0, 4.0])
def test_coupled_oscillators_are_refused_where_their_step_grows(mass: float) -> None:
    dynamics = langevin(12, CoupledOscillatorPotential, mass=mass)
    if spectral_radius(dynamics, 1.0) < 1:
        dynamics.check_stable(1.0)
    else:
        with pytest.raises(StabilityError):
            dynamics.check_stable(1.0)


def test_default_dynamics_are_stable_at_any_bin_width() -> None:
    for bin_s in (1e-4, 0.001, 0.005, 0.02, 0.1, 1.0):
        UnderdampedLangevin(128).check_stable(bin_s)


def test_a_hill_is_unstable_at_any_step() -> None:
    class Hill(Potential):
        def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
            return -0.5 * z.square().sum(-1)

        def stiffness(self) -> Tensor:
            return -torch.ones(self.dim, 1, 1)

    with pytest.raises(StabilityError):
        UnderdampedLangevin(4, Hill).check_stable(0.001)


# --- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"state_dim": 7}, "state_dim is 7: .* even"),
        ({"state_dim": 0}, "state_dim is 0"),
        ({"state_dim": 8, "mass": 0.0}, "mass is 0.0: it must be above zero"),
        ({"state_dim": 8, "gamma": -1.0}, "gamma is -1.0"),
        ({"state_dim": 8, "temperature": float("nan")}, "temperature is nan"),
        ({"state_dim": 8, "timescale_s": 0.0}, "timescale is 0.0"),
        (
            {"state_dim": 8, "learn": ("friction",)},
            "cannot learn 'friction': .* mass, gamma, temperature, timescale",
        ),
        (
            {"state_dim": 8, "potential": HarmonicPotential(3)},
            "the potential has 3 positions, the dynamics 4",
        ),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        UnderdampedLangevin(**settings)


def test_only_what_is_asked_for_is_learned() -> None:
    dynamics = UnderdampedLangevin(8, learn=("gamma",))
    learned = {name for name, parameter in dynamics.named_parameters() if parameter.requires_grad}
    assert learned == {"log_gamma", "potential.factor"}
    assert torch.allclose(dynamics.gamma, torch.full((4,), 0.7))
