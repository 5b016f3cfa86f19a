"""Models that are trained at once end as each would alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.experiments.test_run import tiny
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models import LFADS, NDT, LangevinFlow, LatentSDE, fit_many
from undertow.models.trained import TrainedModel
from undertow.training import Training, TrainingState
from undertow.training.broken import NonFiniteError
from undertow.training.gradient import Noise
from undertow.training.loop import follow_gradient
from undertow.training.many import Member, Stack

TRAINING = Training(epochs=4, batch_size=24, validate_every=1, warmup_epochs=1, refit=True)
pytestmark = pytest.mark.filterwarnings("ignore:.*latent", "ignore:.*rolled back")


def model(name: str) -> TrainedModel:
    if name == "flow":
        return tiny().copy(training=TRAINING)
    kinds: dict[str, type[TrainedModel]] = {"lfads": LFADS, "ndt": NDT, "latent-sde": LatentSDE}
    made = kinds[name](training=TRAINING)
    return made.set_params(samples=2) if name != "ndt" else made


CHANGES: list[dict[str, Any]] = [
    {},
    {"training__learning_rate": 1e-2, "training__weight_decay": 0.5},
    {"training__clip_norm": 1.0, "training__schedule": "constant", "dropout": 0.3},
]


def assert_the_same(found: TrainedModel, alone: TrainedModel, trials: TrialSet) -> None:
    assert len(found.history_) == len(alone.history_)
    for row, own in zip(found.history_, alone.history_, strict=True):
        for name in own.keys() - {"seconds"}:
            assert row[name] == pytest.approx(own[name], rel=2e-4, abs=2e-5), name
    rates = [each.predict(trials).rates for each in (found, alone)]
    # Adam divides by gradients: where these are rounding, steps differ by a learning rate
    assert np.nanmedian(np.abs(rates[0] / rates[1] - 1)) < 1e-3


@pytest.mark.parametrize("name", ["flow", "ndt", "lfads", "latent-sde"])
def test_each_ends_as_it_would_alone(name: str, small_trials: TrialSet) -> None:
    train, held = small_trials[:56], small_trials[56:]
    made = [model(name).set_params(dropout=0.1).set_params(**change) for change in CHANGES]
    if name in ("flow", "lfads"):
        made.append(made[0].copy(kl__peak=0.7))
    together = fit_many([each.copy() for each in made], train, held, verbose=False)
    for found, each in zip(together, made, strict=True):
        assert_the_same(found, each.fit(train, held, verbose=False), held)


def test_the_gradients_of_all_are_those_of_each(small_trials: TrialSet) -> None:
    made, members = [model("flow").set_params(dropout=s) for s in (0.1, 0.4)], []
    for k, each in enumerate(made):
        each._build(each.describe(small_trials), small_trials)
        with torch.no_grad():
            for weight in each.network_.parameters():
                if weight.requires_grad:
                    weight.mul_(1 + 0.1 * k)
        members.append(Member(TrainingState(each.network_, TRAINING, 0), None, None))
    batch, cpu = made[0].read(small_trials), torch.device("cpu")
    alone = []
    for each in made:
        each.network_.train()
        with Noise(3, 1, cpu).drawn_in(each.network_, 0) as generator:
            loss, _ = each.objective(batch, generator, 0.5)
        loss.backward()
        held = each.network_.named_parameters()
        alone.append((loss.detach(), {n: p.grad.clone() for n, p in held if p.grad is not None}))
    unused = {n for n, p in made[0].network_.named_parameters() if p.grad is None}
    stack = Stack(members, made[0].network_, unused)
    losses, _ = stack.gradients(
        batch, lambda b, g, at, kl: made[0].objective(b, g, at), Noise(3, 1, cpu), 0.5
    )
    for k, (loss, grads) in enumerate(alone):
        assert losses[k] == pytest.approx(loss.item(), rel=1e-6)
        for name, weight in made[k].network_.named_parameters():
            if name in grads:
                scale = max(grads[name].abs().max().item(), 1.0)
                assert torch.allclose(weight.grad, grads[name], rtol=0, atol=2e-6 * scale), name


def test_progress_is_told_with_the_time_left(small_trials: TrialSet) -> None:
    told: list[tuple[dict, float, float]] = []
    made = [model("flow"), model("flow").set_params(training__clip_norm=1.0)]
    fit_many(made, small_trials[:56], small_trials[56:], progress=lambda *row: told.append(row))
    assert [row["epoch"] for row, *_ in told[:4]] == [1, 2, 3, 4]
    assert all(0 < share <= 1 and 0 <= left < 1e6 for _, share, left in told)
    assert 0 < made[0].history_[-1]["seconds"] < 1e6


def test_one_that_breaks_is_fitted_alone(
    small_trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, held = small_trials[:56], small_trials[56:]
    made = [model("flow"), model("flow").set_params(training__learning_rate=0.002)]
    alone = [each.copy().fit(train, held, verbose=False) for each in made]

    def broken(state: TrainingState, when: str) -> None:
        if state.settings.learning_rate == 0.002:
            raise NonFiniteError("out of luck")
        follow_gradient(state, when)

    monkeypatch.setattr("undertow.training.many.follow_gradient", broken)
    for found, each in zip(fit_many(made, train, held, verbose=False), alone, strict=True):
        assert_the_same(found, each, held)
    assert [row["loss"] for row in made[1].history_] == [row["loss"] for row in alone[1].history_]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "the models differ in seed: trained at once, they may differ in dropout"),
        ({"latent_dim": 6}, "the models differ in latent_dim"),
        ({"training__epochs": 5}, "the models differ in training.epochs"),
        ({"dropout": 0.0}, "dropout is 0 in some models and not in others"),
    ],
)
def test_models_too_different_are_refused(
    changes: dict, message: str, small_trials: TrialSet
) -> None:
    first = model("flow").set_params(dropout=0.2)
    with pytest.raises(ModelError, match=message):
        fit_many([first, first.copy(**changes)], small_trials)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training__recipes": ("default",)}, r"training.recipes is \('default',\)"),
        ({"training__shards": 2}, "training.shards is 2"),
    ],
)
def test_trainings_that_cannot_be_batched_are_refused(
    changes: dict, message: str, small_trials: TrialSet
) -> None:
    with pytest.raises(ModelError, match=message):
        fit_many([model("flow").set_params(**changes)], small_trials)


def test_models_of_two_classes_are_refused(small_trials: TrialSet) -> None:
    with pytest.raises(ModelError, match="are of one class"):
        fit_many([LangevinFlow(), LFADS()], small_trials)
    with pytest.raises(ModelError, match="there is no model to fit"):
        fit_many([], small_trials)


def test_a_timescale_that_is_learned_cannot_be_batched(small_trials: TrialSet) -> None:
    """Its number of steps per bin depends on the weights."""
    made = model("flow")
    learns = made.copy(dynamics=replace(made.piece("dynamics"), learn=("timescale",)))
    with pytest.raises(ModelError, match="cannot be trained many at a time"):
        fit_many([learns, learns.copy(training__learning_rate=1e-3)], small_trials, verbose=False)
