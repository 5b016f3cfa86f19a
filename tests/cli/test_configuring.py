"""Dynamics by name with settings as text."""

import pytest
import torch
from undertow.experiments.dynamics_settings import (
    build_dynamics,
    setting_types,
    split_dynamics,
)

from undertow.dynamics import CoupledOscillators, LowRankRNN
from undertow.dynamics.named import dynamics_names
from undertow.errors import ModelError


def test_settings_are_split_by_their_prefix() -> None:
    own, rest = split_dynamics({"dynamics.coupling": "none", "dynamics": "gru", "state_dim": 4})
    assert own == {"coupling": "none"}
    assert rest == {"dynamics": "gru", "state_dim": 4}


def test_dynamics_are_made_with_their_settings_of_the_right_type() -> None:
    made = build_dynamics(
        "coupled-oscillators", 8, {"coupling": "diffusive", "timescale_s": 1, "noise": False}
    )
    assert isinstance(made, CoupledOscillators)
    assert made.settings["coupling"] == "diffusive"
    assert type(made.settings["timescale_s"]) is float
    assert made.state_dim == 8
    assert made.noise_dim == 0
    low_rank = build_dynamics("low-rank-rnn", 6, {"rank": 3})
    assert isinstance(low_rank, LowRankRNN)
    assert low_rank.settings["rank"] == 3


def test_making_them_leaves_the_global_random_state_alone() -> None:
    before = torch.random.get_rng_state()
    build_dynamics("neural-sde", 4, {})
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", sorted(dynamics_names()))
def test_every_named_dynamics_knows_the_types_of_its_settings(name: str) -> None:
    types = setting_types(dynamics_names()[name])
    assert {"state_dim", "timescale_s"} <= types.keys() or "latent_dim" in types
    assert not [key for key, kind in types.items() if kind is None or key == "options"]


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "coupled-oscilators",
            {},
            "there is no dynamics 'coupled-oscilators': did you mean 'coupled-oscillators'",
        ),
        ("gru", {"nois": True}, "gru has no setting 'dynamics.nois'"),
        (
            "coupled-oscillators",
            {"couplng": "none"},
            "'dynamics.couplng': did you mean 'dynamics.coupling'",
        ),
        (
            "coupled-oscillators",
            {"noise": "often"},
            "dynamics.noise is 'often': it must be true or false",
        ),
        ("coupled-oscillators", {"coupling": "loose"}, "coupling is 'loose': it must be one of"),
        (
            "neural-sde",
            {"state_dim": 4},
            "the model sets dynamics.state_dim: give state_dim itself",
        ),
        (
            "neural-sde",
            {"input_dim": 4},
            "the model sets dynamics.input_dim: give a stimulus itself",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_nearest_name(
    name: str, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        build_dynamics(name, 8, settings)
