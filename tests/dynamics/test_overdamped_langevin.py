"""First-order dynamics: by hand, against the Boltzmann law of its own step, and where it
diverges."""

import math
from typing import Any

import pytest
import torch

from tests.dynamics.fixtures import rolled
from undertow.dynamics import (
    CoupledOscillatorPotential,
    FreeOscillatorPotential,
    HarmonicPotential,
    OverdampedLangevin,
)
from undertow.errors import ModelError, StabilityError


def overdamped(dim: int, potential: Any, **options: Any) -> OverdampedLangevin:
    """With internal time in seconds, in float64."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return OverdampedLangevin(dim, potential, **{"timescale_s": 1.0, **options}).double()


def well(k: float, **options: Any) -> OverdampedLangevin:
    return overdamped(1, lambda dim: HarmonicPotential(dim, k), **options)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_two_steps_by_hand() -> None:
    """A bin of 0.8 with k = 1.5, k_Bτ = 0.7 is two steps of 0.4."""
    assert well(1.5).steps_per_bin(0.8) == 2
    noise = normal(1, 1, 2, 1)
    std = math.sqrt(2 * 0.7 * 0.4)
    z1 = 2.0 - 0.4 * 1.5 * 2.0 + std * float(noise[0, 0, 0])
    z2 = z1 - 0.4 * 1.5 * z1 + std * float(noise[0, 0, 1])
    with torch.no_grad():
        path = rolled(well(1.5, temperature=0.7), torch.tensor([[2.0]]).double(), noise, 0.8)
    assert path.states[0, :, 0].tolist() == pytest.approx([2.0, z2], rel=1e-6)


@pytest.mark.parametrize("k", [0.5, 1.5])
def test_positions_have_the_stationary_variance_of_the_step(k: float) -> None:
    """Var = 2k_Bτh / (1 − (1 − hk)²) = (k_Bτ/k) · 2 / (2 − hk), which is the Boltzmann variance as
    h → 0."""
    h, temperature, trials, dim = 0.4, 0.8, 3000, 4
    dynamics = overdamped(dim, lambda d: HarmonicPotential(d, k), temperature=temperature)
    with torch.no_grad():
        z = rolled(
            dynamics, torch.zeros(trials, dim).double(), normal(trials, 60, 1, dim), h
        ).states[:, -1]
    expected_var = temperature / k * 2 / (2 - h * k)
    assert float(z.square().mean()) == pytest.approx(
        expected_var, rel=5 * math.sqrt(2 / (trials * dim))
    )


def test_without_temperature_it_is_the_printed_descent() -> None:
    dynamics = overdamped(8, CoupledOscillatorPotential, temperature=0.0)
    z0 = normal(3, 8)
    with torch.no_grad():
        path = rolled(dynamics, z0, normal(3, 2, 1, 8), 0.5)
        z1 = z0 - 0.5 * dynamics.potential.gradient(z0)
        z2 = z1 - 0.5 * dynamics.potential.gradient(z1)
    assert torch.allclose(path.states, torch.stack([z0, z1, z2], 1), atol=1e-14)


def test_without_temperature_a_learned_timescale_has_a_gradient() -> None:
    dynamics = overdamped(8, CoupledOscillatorPotential, temperature=0.0, learn=("timescale",))
    rolled(dynamics, normal(3, 8), normal(3, 2, 1, 8), 0.5).states.square().sum().backward()
    grad = dynamics.log_timescale.grad
    assert grad is not None
    assert torch.isfinite(grad)
    assert grad != 0


def test_the_state_is_the_positions() -> None:
    x = normal(2, 5, 8)
    assert list(overdamped(8, CoupledOscillatorPotential).readout(x)) == ["z"]
    assert torch.equal(overdamped(8, CoupledOscillatorPotential).readout(x)["z"], x)


# --- where it diverges ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "bin_s", "radius"), [(4.2, 0.5, 1.1), (5.0, 0.5, 1.5), (5.0, 1.0, 2.25)]
)
def test_it_is_refused_by_radius_and_bins(k: float, bin_s: float, radius: float) -> None:
    """|1 − hk| a step, to the power of the steps in a bin."""
    bins = math.log(1000) / math.log(radius)
    message = (
        f"first-order step is unstable: its spectral radius is {radius:.4g} per bin, .* in "
        f"{bins:.0f} bins"
    )
    with pytest.raises(StabilityError, match=message):
        well(k).check_stable(bin_s)
    with pytest.raises(
        StabilityError,
        match=r"first-order step can become unstable: .* longer timescale_s, or pass",
    ):
        well(k).check_settings(bin_s)
    well(k, allow_unstable=True).check_stable(bin_s)
    well(k, allow_unstable=True).check_settings(bin_s)
    well(3.9).check_stable(bin_s)


def test_confining_oscillators_are_stable_and_free_ones_can_become_unstable() -> None:
    """At curvature −2 a step of 0.5 doubles the position."""
    for bin_s in (0.1, 1.0, 7.0):
        overdamped(16, CoupledOscillatorPotential).check_settings(bin_s)
        overdamped(16, CoupledOscillatorPotential).check_stable(bin_s)
    with pytest.raises(
        StabilityError,
        match=r"can become unstable: its spectral radius is 2 per bin, .* in 10 bins",
    ):
        overdamped(16, FreeOscillatorPotential).check_settings(0.5)


def test_default_dynamics_are_stable_at_any_bin_width() -> None:
    for bin_s in (1e-4, 0.001, 0.005, 0.02, 0.1, 1.0):
        OverdampedLangevin(64).check_settings(bin_s)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"potential": HarmonicPotential(3)}, "the potential has 3 positions, the dynamics 8"),
        ({"learn": ("gamma",)}, "cannot learn 'gamma': it must be among temperature, timescale"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": 0.0, "learn": ("temperature",)}, "above zero to be learned"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"timescale_s": 0.0}, "timescale_s is 0.0"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        OverdampedLangevin(8, **settings)


def test_only_what_is_asked_for_is_learned() -> None:
    dynamics = OverdampedLangevin(8, learn=("temperature",))
    learned = {name for name, parameter in dynamics.named_parameters() if parameter.requires_grad}
    assert learned == {"log_temperature", "potential.factor"}
