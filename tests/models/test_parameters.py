"""Parameters of pieces by name: set, got back, copied, and refused with the nearest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models.small_sde import fit
from undertow.baselines import Smoothing
from undertow.dynamics import CoupledOscillators, LinearSDE, NeuralSDE
from undertow.errors import ModelError
from undertow.models import (
    LFADS,
    Ensemble,
    Estimator,
    GRUEncoding,
    LangevinFlow,
    LatentSDE,
    MLPDecoding,
)
from undertow.models.parameters import parameter_names
from undertow.training import Training

sizes, shares = st.integers(1, 512), st.floats(0.0, 0.99)
above_zero = st.floats(1e-3, 1e3)
SHARED = {
    "encoder__hidden_dim": sizes,
    "decoder__width": sizes,
    "observation__kind": st.sampled_from(["poisson", "negative-binomial"]),
    "observation__link": st.sampled_from(["exp", "softplus"]),
    "observation__rate_floor_hz": st.floats(0.0, 9.0),
    "kl__peak": st.floats(0.0, 10.0),
    "kl__shape": st.sampled_from(["constant", "linear", "cyclic"]),
    "dropout": shares,
    "samples": sizes,
    "seed": st.integers(0, 99),
    "training__epochs": sizes,
    "training__learning_rate": above_zero,
    "training__patience": st.none() | sizes,
    "training__monitor": st.sampled_from(["auto", "co-bps", "likelihood", "generate"]),
}
SETTINGS: dict[type[Estimator], dict[str, st.SearchStrategy[Any]]] = {
    LangevinFlow: {
        **SHARED,
        "latent_dim": sizes,
        "dynamics__potential": st.sampled_from(["mlp", "double-well", "free-oscillators"]),
        "dynamics__gamma": above_zero,
        "dynamics__learn": st.sampled_from([(), ("gamma",), ("mass", "timescale")]),
        "dynamics__timescale_s": above_zero | st.just("bin"),
        "encoder__bidirectional": st.booleans(),
        "encoder__reads": st.sampled_from(["current", "previous", "held"]),
        "decoder__inputs": st.sampled_from([("z",), ("h",), ("z", "v", "h")]),
        "decoder__withhold_h": shares,
        "posterior__initial_s": above_zero | st.sampled_from(["first", "all"]),
        "variant__learn_from_kept": shares,
    },
    LatentSDE: {
        **SHARED,
        "dynamics__coupling": st.sampled_from(["none", "diffusive"]),
        "dynamics__timescale_s": above_zero,
        "encoder__context": st.sampled_from(["backward", "forward", "both"]),
        "posterior__kind": st.sampled_from(["auto", "controlled", "drift", "autonomous"]),
        "posterior__full_initial": st.booleans(),
        "signals__labels": st.sampled_from([None, (), ("choice",)]),
        "solver__bins_per_step": st.sampled_from([0.25, 0.5, 1.0, 2.0]),
    },
}
SETTINGS[LFADS] = {
    **{name: values for name, values in SHARED.items() if not name.startswith("decoder")},
    "inputs": st.integers(0, 9),
    "generator__l2_penalty": st.floats(0.0, 1e3),
    "controller__correlation_s": above_zero,
    "controller__learn_prior": st.booleans(),
    "initial__prior": st.sampled_from(["learned", "standard"]),
    "initial__kl_weight": st.floats(0.0, 10.0),
}
SETTINGS[Ensemble] = {"size": st.integers(1, 9)} | {
    f"member__{name}": values for name, values in SETTINGS[LangevinFlow].items()
}
every = pytest.mark.parametrize("cls", SETTINGS, ids=lambda cls: cls.__name__)


# --- set and got back -------------------------------------------------------------------------


@every
@given(data=st.data())
def test_what_is_set_is_got_back_and_nothing_else_moves(
    cls: type[Estimator], data: st.DataObject
) -> None:
    settings = data.draw(st.fixed_dictionaries({}, optional=SETTINGS[cls]))
    model, plain = cls(), cls()
    assert model.set_params(**settings) is model
    found, before = model.get_params(), plain.get_params()
    pieces = {name.rpartition("__")[0] for name in settings} | {"member"}
    if any("dynamics__" in name for name in settings):  # given by name, they are made now
        before |= {k: v for k, v in found.items() if k.startswith("dynamics__state_dim")}
    for name, value in found.items():
        if name not in pieces:
            expected = settings.get(name, before[name])
            if name.endswith("__steps") and name.replace("__steps", "__epochs") in settings:
                expected = None  # the other way to say a budget
            assert repr(value) == repr(expected), name
    assert repr(cls(**model.get_params(deep=False))) == repr(model)
    assert repr(model.copy()) == repr(model)
    assert repr(plain) == f"{cls.__name__}()"


@every
def test_shallow_parameters_are_the_constructor_s_and_deep_ones_have_one_more_level(
    cls: type[Estimator],
) -> None:
    model = cls()
    assert list(model.get_params(deep=False)) == parameter_names(cls)
    deep = set(model.get_params()) - set(parameter_names(cls))
    assert {name.partition("__")[0] for name in deep} <= set(parameter_names(cls))
    assert deep >= {name for name in SETTINGS[cls] if "__" in name}


def test_plain_parameters_have_none_of_their_own() -> None:
    model = Smoothing()
    assert model.get_params() == model.get_params(deep=False)
    with pytest.raises(ModelError, match="width_s has no parameter 'first': it has none"):
        model.set_params(width_s__first=0.1)


def test_pieces_come_before_what_changes_them_whatever_the_order() -> None:
    model = LangevinFlow().set_params(decoder__width=12, decoder="mlp")
    assert model.decoder == MLPDecoding(width=12)
    model.set_params(training__epochs=3, training=Training(batch_size=7))
    assert model.training == Training(epochs=3, batch_size=7)


def test_options_given_are_left_as_they_were() -> None:
    encoder, training = GRUEncoding(hidden_dim=5), Training(epochs=9)
    model = LangevinFlow(encoder=encoder, training=training)
    copy = model.copy(encoder__hidden_dim=7, training__epochs=1, latent_dim=4)
    assert (copy.encoder, copy.training) == (GRUEncoding(hidden_dim=7), Training(epochs=1))
    assert model.encoder is encoder
    assert encoder == GRUEncoding(hidden_dim=5)
    assert model.training is training
    assert model.latent_dim == 64


# --- dynamics and members ---------------------------------------------------------------------


def test_dynamics_given_are_remade_and_left_as_they_were() -> None:
    dynamics = CoupledOscillators(8)
    model = LatentSDE(dynamics)
    assert model.get_params()["dynamics__state_dim"] == 8
    copy = model.copy(dynamics__coupling="none", dynamics__timescale_s=0.3)
    assert isinstance(copy.dynamics, CoupledOscillators)
    changed = {"state_dim": 8, "coupling": "none", "timescale_s": 0.3}
    assert copy.dynamics.settings == {**dynamics.settings, **changed}
    assert model.dynamics is dynamics
    assert dynamics.settings["coupling"] != "none"


def test_dynamics_by_name_are_made_as_wide_as_the_latents() -> None:
    model = LatentSDE("linear-sde", 6)
    assert model.get_params()["dynamics__state_dim"] == 6
    assert model.set_params(latent_dim=4, dynamics__noise=False).get_params(deep=False)
    assert isinstance(model.dynamics, LinearSDE)
    assert (model.dynamics.state_dim, model.dynamics.noise_dim) == (4, 0)


def test_a_members_parameters_are_reached_through_it() -> None:
    member = LangevinFlow(latent_dim=8)
    model = Ensemble(member, size=2)
    assert model.get_params()["member__training__epochs"] == member.training.epochs
    model.set_params(member__training__epochs=3, member__decoder="linear", size=4)
    assert (model.size, model.member.training.epochs) == (4, 3)
    assert model.member.decoder == "linear"
    assert model.member.latent_dim == 8
    assert (member.training, member.decoder) == (Training(refit=True), "transformer")
    unsaid = Ensemble().set_params(member__latent_dim=4)
    assert repr(unsaid.member) == "LangevinFlow(latent_dim=4)"


def test_a_subclass_without_a_constructor_has_the_parameters_of_its_base() -> None:
    class Mine(LangevinFlow):
        cli_name = "mine"

    model = Mine(latent_dim=8).set_params(decoder="mlp", training__epochs=2)
    assert (
        repr(model) == "Mine(latent_dim=8, decoder='mlp', training=Training(epochs=2, refit=True))"
    )
    assert parameter_names(Mine) == parameter_names(LangevinFlow)


# --- refusals ---------------------------------------------------------------------------------

UNKNOWN: dict[str, tuple[Callable[[], Estimator], str, str]] = {
    "parameter": (LangevinFlow, "latent_dims", "LangevinFlow has no parameter .*'latent_dim'"),
    "piece": (LangevinFlow, "trainig__epochs", "has no parameter 'trainig__epochs': .*'training'"),
    "option": (LangevinFlow, "encoder__hiden_dim", "encoder has no .*: did you mean 'hidden_dim'"),
    "of none": (lambda: LangevinFlow(dynamics=None), "dynamics__gamma", "dynamics has no .*none"),
    "of a number": (LatentSDE, "samples__most", "samples has no parameter 'most': it has none"),
    "of dynamics": (
        lambda: LatentSDE(LinearSDE(4)),
        "dynamics__nois",
        "dynamics has no parameter 'nois': did you mean 'noise'",
    ),
    "of named dynamics": (LatentSDE, "dynamics__couplings", "did you mean 'coupling'"),
    "of a member": (Ensemble, "member__seeds", "LangevinFlow has no .*: did you mean 'seed'"),
    "of a member's piece": (
        lambda: Ensemble(LatentSDE()),
        "member__training__epoch",
        "training has no parameter 'epoch': did you mean 'epochs'",
    ),
}


@pytest.mark.parametrize(("make", "name", "message"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_unknown_names_are_refused_with_the_nearest(
    make: Callable[[], Estimator], name: str, message: str
) -> None:
    model = make()
    before = repr(model)
    for change in (model.set_params, model.copy):
        with pytest.raises(ModelError, match=message):
            change(**{name: 1})
    assert repr(model) == before


def test_values_that_break_a_rule_are_refused_when_they_are_set() -> None:
    model = LangevinFlow()
    for name, value in {"training__epochs": 0, "decoder__norm": "rms", "kl__rise": 2.0}.items():
        with pytest.raises(ModelError, match=rf"{name.replace('__', '[.]')} is "):
            model.set_params(**{name: value})
    assert repr(model) == "LangevinFlow()"


def test_setting_parameters_leaves_the_global_random_state_alone() -> None:
    for model in (LatentSDE("neural-sde", 4), LatentSDE(NeuralSDE(4), 4)):
        state = torch.random.get_rng_state()
        model.set_params(dynamics__hidden_dim=3)
        assert torch.equal(torch.random.get_rng_state(), state)


def test_loading_leaves_the_global_random_state_alone(tmp_path: Path) -> None:
    model = fit(dynamics=NeuralSDE(4)).save(tmp_path / "model.safetensors")
    before = torch.random.get_rng_state()
    LatentSDE.load(model)
    assert torch.equal(torch.random.get_rng_state(), before)
