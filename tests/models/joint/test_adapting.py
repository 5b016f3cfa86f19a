"""New sessions: what all share stays as it is, what is learned is the session's own."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.joint.planted import SMALL, A, B, C, adapted, joint, quietly, session
from tests.models.small import small
from undertow.data import TrialSet
from undertow.errors import DataError, ModelError
from undertow.models import JointModel
from undertow.models.joint.joined import ADAPTING_STEPS, adapting_training
from undertow.models.joint.tying import shared_parameters
from undertow.training import Training

each_kind = pytest.mark.parametrize("kind", sorted(SMALL))
SHORT = Training(epochs=3, batch_size=16, validate_every=1, learning_rate=1e-2)


def learnable(model: JointModel) -> set[str]:
    return {name for name, p in model["a"].network_.named_parameters() if p.requires_grad}


@each_kind
def test_what_is_shared_stays_as_it_is(kind: str) -> None:
    model = quietly(joint(kind), {"a": A, "b": B})
    before = {k: v.clone() for k, v in model["a"].network_.state_dict().items()}
    learned = learnable(model)
    rates = model["b"].predict(B).rates
    new = adapted(model, C, name="c", training=SHORT)
    after = model["a"].network_.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert np.array_equal(model["b"].predict(B).rates, rates)
    assert list(model) == ["a", "b", "c"]
    assert model["c"] is new
    mine = {id(p) for p in shared_parameters(new.network_)}
    assert mine == {id(p) for p in shared_parameters(model["a"].network_)}
    assert learnable(model) == learned
    assert new.predict(C).rates.shape == C.shape


@each_kind
def test_the_sessions_layers_learn(kind: str) -> None:
    model = quietly(joint(kind), {"a": A, "b": B})
    new = adapted(model, C, C, name="c", training=SHORT)
    one = adapted(
        quietly(joint(kind), {"a": A, "b": B}),
        C,
        C,
        name="c",
        training=SHORT.__class__(epochs=1, batch_size=16, validate_every=1, learning_rate=1e-5),
    )
    shared = {id(p) for p in shared_parameters(new.network_)}
    own = {k: p for k, p in new.network_.named_parameters() if id(p) not in shared}
    other = dict(one.network_.named_parameters())
    assert own
    assert all(not torch.equal(p, other[k]) for k, p in own.items())


def test_an_adapted_session_predicts_held_out_spikes() -> None:
    """Of planted latents that a joint model of two sessions has learned: a third needs few steps
    for its own layers to tell its neurons' tuning."""
    many = {"a": session(60, 12, seed=0), "b": session(60, 12, seed=1)}
    model = quietly(JointModel(small(40, training__refit=False), channels=6), many)
    trials = session(60, 12, seed=2)
    new = adapted(model, trials, name="c", training=Training(epochs=40, batch_size=16))
    assert new.validation_score_ > 0.1  # bits/spike
    assert model.validation_score_ > 0.1


def test_the_default_training_is_the_models_for_few_steps() -> None:
    given = Training(epochs=77, learning_rate=5e-3, refit=True)
    assert adapting_training(given).steps == ADAPTING_STEPS
    assert adapting_training(given).epochs is None
    assert adapting_training(given).learning_rate == 5e-3
    assert (adapting_training(given).refit, adapting_training(given).batch_size) == (True, 32)
    assert adapting_training(Training(batch_size=8)).batch_size == 8
    assert adapting_training(given, 20).steps == 20


def test_arrays_are_trials_too() -> None:
    model = quietly(joint("langevin-flow"), {"a": A, "b": B})
    new = adapted(model, np.asarray(C.spikes), name="array", training=SHORT)
    assert new.bin_s_ == A.bin_s


def test_other_signals_are_refused() -> None:
    """Dynamics that read a stimulus cannot be those of a session without one."""
    rng = np.random.default_rng(0)

    def driven(n_neurons: int, channels: int) -> TrialSet:
        stimulus = rng.normal(size=(20, 10, channels))
        spikes = rng.poisson(1.0, (20, 10, n_neurons))
        return TrialSet(spikes, 0.02, stimulus=stimulus, heldout=np.arange(n_neurons) < 2)

    model = quietly(joint("latent-sde"), {"a": driven(6, 2), "b": driven(5, 2)})
    with pytest.raises(ModelError, match=r"share their .*same kinds of signals"):
        adapted(model, driven(5, 3), name="c", training=SHORT)
    assert list(model) == ["a", "b"]
    with pytest.raises(DataError, match="stimulus channels: 2 and 3"):
        quietly(joint("latent-sde"), {"a": driven(6, 2), "b": driven(5, 3)})


def test_an_interrupted_adaptation_leaves_what_is_shared_learnable(tmp_path: Path) -> None:
    model = quietly(joint("langevin-flow"), {"a": A, "b": B})
    learned = learnable(model)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapted(model, C, name="c", training=SHORT, checkpoint=tmp_path / "c", progress=stop)
    assert list(model) == ["a", "b"]
    assert learnable(model) == learned
