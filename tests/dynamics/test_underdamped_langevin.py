"""Underdamped Langevin dynamics against closed forms: temperature, Boltzmann law, energy,
stability."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.dynamics.fixtures import rolled
from tests.dynamics.langevin import Free, langevin, noise, spectral_radius
from undertow.dynamics import (
    CoupledOscillatorPotential,
    DoubleWellPotential,
    HarmonicPotential,
    Potential,
    UnderdampedLangevin,
)
from undertow.errors import ModelError, StabilityError

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
        ({"state_dim": 8, "timescale_s": 0.0}, "timescale_s is 0.0"),
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
