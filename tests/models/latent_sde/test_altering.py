"""Interventions on a fitted `LatentSDE`: regions silenced, dynamics changed."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small_sde import TRIALS, fit, fitted
from undertow.dynamics import (
    LSTM,
    CoupledOscillators,
    Dynamics,
    FitzHughNagumo,
    Kuramoto,
    LotkaVolterra,
)
from undertow.errors import ModelError, StabilityError
from undertow.models import LatentSDE
from undertow.models.latent_sde.altering import silenced_coordinates

REGIONS = ("CA1", "MOs", "V1")


def regional(coupling: str = "diffusive", **settings: Any) -> LatentSDE:
    """Six oscillators in three regions, with a coupling and a stimulus that act."""
    return _regional(coupling, tuple(settings.items()))


@cache
def _regional(coupling: str, settings: tuple[tuple[str, Any], ...]) -> LatentSDE:
    model = fit(
        dynamics=CoupledOscillators(12, coupling=coupling), regions="split", **dict(settings)
    )
    return model.altered(_strengthened)


def _strengthened(dynamics: Dynamics) -> None:
    for parameter in dynamics.coupling.parameters():  # type: ignore[union-attr]
        parameter.mul_(20.0)  # type: ignore[operator]


def test_a_silenced_region_stays_at_zero_and_acts_on_others_through_coupling_alone() -> None:
    v1 = np.array([name == "V1" for name in TRIALS.region])
    for coupling, acts in (("matrix", True), ("none", False)):
        model = (
            regional("matrix")
            if acts
            else fit(dynamics=CoupledOscillators(12, coupling="none"), regions="split")
        )
        own, silent = model.sample(trials=TRIALS), model.sample(trials=TRIALS, silenced=("V1",))
        assert own.truth is not None
        assert silent.truth is not None
        assert np.ptp(silent.truth[..., v1], axis=(0, 1)).max() == 0, coupling
        assert np.ptp(own.truth[..., v1], axis=(0, 1)).min() > 0
        assert (np.abs(own.truth - silent.truth)[..., ~v1].max() > 0) == acts


def test_silencing_is_deciding_coordinates_by_region() -> None:
    model = regional()
    network, population = model.network_, model.population_
    region = model.unit_regions()
    assert sorted(set(region)) == sorted(REGIONS)
    assert len(region) == 6
    held = silenced_coordinates(network, population, ["CA1", "MOs"])
    assert held is not None
    np.testing.assert_array_equal(held[:6].numpy(), region != "V1")
    np.testing.assert_array_equal(held[6:].numpy(), region != "V1")
    assert silenced_coordinates(network, population, ()) is None
    assert set(fitted().unit_regions()) == {"all"}


def test_a_cell_and_its_unit_are_silenced_through_the_unit() -> None:
    model = fit(dynamics=LSTM(12), regions="split")
    held = silenced_coordinates(model.network_, model.population_, "V1")
    assert held is not None
    assert held[:6].any()
    assert not held[6:].any()


@pytest.mark.parametrize(
    ("dynamics", "reason"),
    [
        (Kuramoto(6), r"at zero a unit reads \(1, 0\), a state like any other"),
        (LotkaVolterra(6), "logarithm of a population"),
        (FitzHughNagumo(12), "rest near a voltage"),
    ],
)
def test_dynamics_in_which_zero_is_not_silence_are_refused(dynamics: Dynamics, reason: str) -> None:
    model = fit(dynamics=dynamics, regions="split")
    with pytest.raises(ModelError, match=f"{type(dynamics).__name__} has no silence .*{reason}"):
        model.sample(trials=TRIALS, silenced=("V1",))


# --- changed dynamics -------------------------------------------------------------------------


def test_altered_dynamics_leave_the_original_as_it_was(tmp_path: Path) -> None:
    model = regional()
    before = {name: value.clone() for name, value in model.network_.state_dict().items()}
    weaker = model.altered(lambda dynamics: dynamics.coupling.constant.mul_(0.5))
    halved = weaker.network_.state_dict()
    for name, value in model.network_.state_dict().items():
        assert torch.equal(value, before[name])
        factor = 0.5 if name == "dynamics.coupling.constant" else 1.0
        assert torch.equal(halved[name], factor * value)
    assert not np.array_equal(
        weaker.sample(trials=TRIALS).truth, model.sample(trials=TRIALS).truth, equal_nan=True
    )
    again = LatentSDE.load(weaker.save(tmp_path / "weaker.safetensors"))
    np.testing.assert_array_equal(
        again.sample(trials=TRIALS).spikes, weaker.sample(trials=TRIALS).spikes
    )


def test_alterations_that_break_the_dynamics_are_refused() -> None:
    with pytest.raises(ModelError, match=r"after the change log_omega of .* is not finite"):
        regional().altered(lambda dynamics: dynamics.log_omega.fill_(np.nan))
    explicit = fit(dynamics=CoupledOscillators(4, integrator="euler", timescale_s=1.0))
    with pytest.raises(StabilityError, match="integrator='euler'"):
        explicit.altered(lambda dynamics: dynamics.log_omega.add_(np.log(1e3)))
