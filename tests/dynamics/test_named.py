"""Dynamics by name."""

import pytest

from tests.dynamics.variants import FAMILY, STATE_DIM
from undertow.dynamics import SDE, CoupledOscillators, Dynamics, EulerLangevin, NeuralSDE
from undertow.dynamics.named import (
    dynamics_names,
    kebab,
    make_dynamics,
    setting_defaults,
    setting_names,
)
from undertow.errors import ModelError


def test_every_exported_dynamics_has_a_name_of_its_own() -> None:
    names = dynamics_names()
    assert set(names.values()) == set(FAMILY)
    assert all(name == name.lower() and " " not in name and "_" not in name for name in names)
    assert SDE not in names.values()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CoupledOscillators", "coupled-oscillators"),
        ("LinearSDE", "linear-sde"),
        ("LDS", "lds"),
        ("GRU", "gru"),
        ("LowRankRNN", "low-rank-rnn"),
        ("VanDerPol", "van-der-pol"),
        ("FitzHughNagumo", "fitzhugh-nagumo"),
    ],
)
def test_names_are_in_kebab_case(name: str, expected: str) -> None:
    assert kebab(name) == expected


@pytest.mark.parametrize("cls", FAMILY)
def test_settings_are_all_the_constructor_takes_and_nothing_else(cls: type[Dynamics]) -> None:
    names = setting_names(cls)
    assert names[0] == "state_dim"
    assert len(set(names)) == len(names)
    dynamics = make_dynamics(kebab(cls.__name__), {"state_dim": STATE_DIM})
    assert type(dynamics) is cls
    assert set(dynamics.settings) <= set(names)
    with_all = make_dynamics(kebab(cls.__name__), setting_defaults(cls) | {"state_dim": STATE_DIM})
    assert set(with_all.settings) == set(names)
    assert {k: v.shape for k, v in with_all.state_dict().items()} == {
        k: v.shape for k, v in dynamics.state_dict().items()
    }


def test_a_default_is_that_of_the_nearest_class() -> None:
    assert setting_defaults(CoupledOscillators)["integrator"] == "splitting"
    assert setting_defaults(NeuralSDE)["integrator"] == "euler"
    assert setting_defaults(NeuralSDE)["timescale_s"] is None
    assert setting_defaults(EulerLangevin)["timescale_s"] == 0.02


def test_settings_reach_the_dynamics() -> None:
    dynamics = make_dynamics(
        "coupled-oscillators", {"state_dim": 6, "coupling": "diffusive", "noise": False}
    )
    assert isinstance(dynamics, CoupledOscillators)
    assert (dynamics.coupling.kind, dynamics.noise_dim) == ("diffusive", 0)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ModelError,
        match=r"there is no dynamics 'oscillators': did you mean 'coupled-oscillators'",
    ):
        make_dynamics("oscillators", {"state_dim": 4})


def test_an_unknown_setting_is_refused_with_those_it_has() -> None:
    with pytest.raises(
        ModelError,
        match=r"'neural-sde' have no setting 'width': choose one of .*hidden_dim.*state_dim",
    ):
        make_dynamics("neural-sde", {"state_dim": 4, "width": 3})


def test_a_missing_width_is_asked_for() -> None:
    with pytest.raises(ModelError, match="state_dim"):
        make_dynamics("neural-sde", {})


def test_settings_passed_on_to_bases_are_counted() -> None:
    assert {"hidden_dim", "integrator", "diffusion", "timescale_s", "learn_timescale"} <= set(
        setting_names(NeuralSDE)
    )
