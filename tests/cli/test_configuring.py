"""Models from settings by dotted key: their own arguments, their parts', their dynamics'."""

from typing import Any

import pytest
import torch

from undertow.baselines import Smoothing
from undertow.cli.configuring import (
    argument_types,
    configure,
    option_names,
    part_of,
)
from undertow.cli.settings import parse_pairs
from undertow.dynamics import CoupledOscillators, LowRankRNN
from undertow.dynamics.named import dynamics_names, setting_types
from undertow.errors import ModelError
from undertow.models import LangevinFlow, LatentSDE
from undertow.models.base import Estimator
from undertow.training import Training


def test_a_dotted_key_changes_one_option_and_leaves_the_model_given() -> None:
    base = LangevinFlow(training=Training(epochs=9))
    made = configure(base, parse_pairs(["training.patience=3", "latent_dim=8.0"]))
    assert made.training == Training(epochs=9, patience=3)
    assert made.latent_dim == 8
    assert base.training == Training(epochs=9)


def test_a_class_is_configured_from_its_defaults() -> None:
    made = configure(LatentSDE, {"training.epochs": 5})
    assert made.training.epochs == 5
    assert made.training.batch_size == LatentSDE().training.batch_size
    assert configure(Smoothing, {}).get_params() == Smoothing().get_params()


def test_dynamics_are_made_with_their_settings_of_the_right_type() -> None:
    pairs = ["dynamics.coupling=diffusive", "dynamics.timescale_s=1", "dynamics.noise=false"]
    made = configure(LatentSDE, parse_pairs(pairs)).dynamics
    assert isinstance(made, CoupledOscillators)
    assert made.settings["coupling"] == "diffusive"
    assert type(made.settings["timescale_s"]) is float
    assert (made.state_dim, made.noise_dim) == (16, 0)
    low_rank = configure(LatentSDE, {"dynamics": "low-rank-rnn", "dynamics.rank": 3}).dynamics
    assert isinstance(low_rank, LowRankRNN)
    assert low_rank.settings["rank"] == 3


def test_dynamics_that_are_only_named_stay_a_name() -> None:
    assert configure(LatentSDE, {"dynamics": "neural-sde"}).dynamics == "neural-sde"


def test_dynamics_given_as_an_object_are_changed_too() -> None:
    base = LatentSDE(CoupledOscillators(8, noise=False))
    made = configure(base, {"dynamics.coupling": "diffusive"}).dynamics
    assert (made.settings["coupling"], made.settings["noise"]) == ("diffusive", False)


def test_making_dynamics_leaves_the_global_random_state_alone() -> None:
    before = torch.random.get_rng_state()
    configure(LatentSDE, {"dynamics.noise": False})
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", sorted(dynamics_names()))
def test_every_named_dynamics_knows_the_types_of_its_settings(name: str) -> None:
    types = setting_types(dynamics_names()[name])
    assert {"state_dim", "timescale_s"} <= types.keys() or "latent_dim" in types
    assert not [key for key, kind in types.items() if kind is None or key == "options"]


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (LangevinFlow, {"latnt_dim": 8}, "langevin-flow has no setting 'latnt_dim': did you mean"),
        (LangevinFlow, {"epochs": 8}, "did you mean 'training.epochs'"),
        (LangevinFlow, {"training.epoch": 8}, "did you mean 'training.epochs'"),
        (LangevinFlow, {"variant.epochs": 8}, "did you mean 'variant."),
        (LangevinFlow, {"training.epochs": "x"}, "training.epochs is 'x': it must be a whole"),
        (LangevinFlow, {"training": 3}, "training is 3: it must be set part by part"),
        (Smoothing, {"dynamics.noise": True}, "smoothing has no setting 'dynamics.noise'"),
        (LatentSDE, {"dynamics": "coupled-oscilators"}, "did you mean 'coupled-oscillators'"),
        (LatentSDE, {"dynamics.couplng": "none"}, "did you mean 'dynamics.coupling'"),
        (LatentSDE, {"dynamics.noise": "often"}, "dynamics.noise is 'often': it must be true or"),
        (LatentSDE, {"dynamics.coupling": "loose"}, "coupling is 'loose': it must be one of"),
        (LatentSDE, {"dynamics.state_dim": 4}, "sets dynamics.state_dim from its own width"),
        (LatentSDE, {"dynamics.input_dim": 4}, "sets dynamics.input_dim from the stimulus"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_nearest_name(
    model: type[Estimator], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        configure(model, settings)


def test_option_names_are_dotted_and_leave_out_what_the_model_gives() -> None:
    model = LatentSDE()
    types = argument_types(LatentSDE)
    known = option_names(types, {name: part_of(model, name) for name in types})
    assert {"dynamics", "dynamics.coupling", "training.epochs"} <= set(known)
    assert not {"training", "dynamics.state_dim", "dynamics.input_dim"} & set(known)
