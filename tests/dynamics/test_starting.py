"""Where natural frequencies start: in the band asked for, in the order asked for."""

import math

import pytest
import torch

from undertow.dynamics import (
    CoupledOscillators,
    Kuramoto,
    SecondOrderOscillators,
    VanDerPol,
)
from undertow.dynamics.base import TRIAL_UNITS
from undertow.dynamics.starting import starting_frequencies
from undertow.errors import ModelError

CYCLES = TRIAL_UNITS / (2 * math.pi)


def test_a_band_is_spread_over_evenly() -> None:
    log, linear = (CYCLES * starting_frequencies((0.5, 4.0), 4, log=log) for log in (True, False))
    assert log.tolist() == pytest.approx([0.5, 1.0, 2.0, 4.0])
    assert linear.tolist() == pytest.approx(torch.linspace(0.5, 4.0, 4).tolist())


@pytest.mark.parametrize(
    "oscillators", [CoupledOscillators, SecondOrderOscillators, Kuramoto, VanDerPol]
)
def test_oscillators_start_in_their_band_in_a_seeded_order(oscillators: type) -> None:
    plain = oscillators(16, start_cycles=(0.2, 5.0)).omega.detach()
    shuffled = oscillators(16, start_cycles=(0.2, 5.0), start_order=1).omega.detach()
    assert CYCLES * float(plain.min()) == pytest.approx(0.2)
    assert CYCLES * float(plain.max()) == pytest.approx(5.0)
    assert not torch.equal(plain, shuffled)
    assert torch.equal(plain, shuffled.sort().values)
    assert torch.equal(shuffled, oscillators(16, start_cycles=(0.2, 5.0), start_order=1).omega)


@pytest.mark.parametrize("band", [(3.0, 0.5), (0.0, 1.0), (1.0,), (1.0, math.inf)])
def test_a_band_that_is_none_is_refused(band: tuple[float, ...]) -> None:
    with pytest.raises(ModelError, match=r"start_cycles is .*two positive numbers"):
        starting_frequencies(band, 3)  # type: ignore[arg-type]


def test_an_order_is_a_seed() -> None:
    with pytest.raises(ModelError, match="start_order is -1"):
        starting_frequencies((0.5, 3.0), 3, order=-1)


@pytest.mark.parametrize("oscillators", [CoupledOscillators, SecondOrderOscillators, VanDerPol])
def test_frequencies_are_learned_as_logarithms(oscillators: type) -> None:
    """A step of an optimiser moves slow and fast ones by the same factor."""
    dynamics = oscillators(8, noise=False)
    before = dynamics.omega.detach()
    optimizer = torch.optim.Adam([dynamics.log_omega], lr=0.1)
    dynamics.omega.log().sum().backward()
    optimizer.step()
    assert torch.allclose(dynamics.omega / before, torch.full((4,), math.exp(-0.1)))
    dynamics.omega = 2 * before
    assert torch.allclose(dynamics.omega, 2 * before)


def test_frequencies_saved_as_such_are_converted() -> None:
    old, sense = {"a.omega": torch.tensor([2.0, -3.0]), "b": torch.ones(1)}, "turn backwards"
    found = SecondOrderOscillators(4).converted(old, "a.", "model.safetensors")
    assert found.keys() == {"a.log_omega", "b"}
    assert found["a.log_omega"].exp().tolist() == pytest.approx([2.0, 3.0])
    with pytest.raises(ModelError, match=f"^model.safetensors holds oscillators that .* {sense}"):
        CoupledOscillators(4).converted(old, "a.", "model.safetensors")
    assert CoupledOscillators(4).converted({"b": old["b"]}, "a.", "x") == {"b": old["b"]}
