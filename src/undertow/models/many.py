"""`fit_many`: models that differ in a few numbers alone, trained at once as one batched model."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from undertow.data import TrialSet, join_trials
from undertow.data.arrays import TrialsLike, learning_parts
from undertow.data.lazy_batch import few
from undertow.errors import ModelError
from undertow.inference import KLSchedule
from undertow.memory import give_back
from undertow.models.base import ProgressReport
from undertow.models.trained import TrainedModel
from undertow.names import listed
from undertow.training import TrainingState, Validate, kept_row, reporter, threads
from undertow.training.kept_state import save
from undertow.training.many import Member, train_many

OF_STEPS = (
    "learning_rate",
    "dynamics_rate",
    "readout_rate",
    "schedule",
    "warmup_epochs",
    "weight_decay",
    "weight_decay_warmup_epochs",
    "clip_norm",
    "average_decay",
    "patience",
)
VARIED = frozenset({*(f"training__{name}" for name in OF_STEPS), "kl__peak", "dropout"})
"""Settings in which models that are trained at once may differ."""
Model = TypeVar("Model", bound=TrainedModel[Any])


def fit_many(
    models: Sequence[Model],
    trials: TrialsLike,
    validation: TrialsLike | None = None,
    *,
    bin_s: float | None = None,
    folders: Sequence[Path] | None = None,
    progress: ProgressReport | None = None,
    verbose: bool = True,
) -> list[Model]:
    """Fit models that differ in learning rates, decay, dropout or the weight of KL terms, at once.

    One pass computes the gradients of all of them. Each ends as its own `fit` would: they have the
    same seed, so the same first weights, minibatches and noise. One whose training breaks is fitted
    alone afterwards, from its start. What is gained grows with the share of a step that goes into
    calls instead of numbers: much on a GPU, little on a CPU but for small networks.

    Args:
        models: not fitted, of one class; they differ in settings of `VARIED` alone.
        trials, validation, bin_s, progress, verbose: as in `TrainedModel.fit`.
        folders: one for each model, for the state its training ended in, from which `fit` goes on.

    Returns:
        The models, fitted.

    Raises:
        ModelError: for models that cannot be trained at once, or settings that cannot be.
    """
    check_alike(models)
    report = reporter(progress, verbose)
    trials, validation = learning_parts(trials, validation, bin_s, models[0].seed)
    for k in fit_at_once(models, trials, validation, report, folders):
        models[k].fit(
            trials, validation, progress=report, checkpoint=folders[k] if folders else None
        )
    return list(models)


def fit_at_once(
    models: Sequence[Model],
    trials: TrialSet,
    validation: TrialSet,
    report: ProgressReport,
    folders: Sequence[Path] | None = None,
) -> list[int]:
    """Fit the models of `fit_many` but those whose training breaks; the places of these."""
    for model in models:
        model.check_settings()
    whole = models[0].training.refit and models[0].training.keep == "last"
    learned, n_threads = trials, None
    for model in models:
        model.notes_ = []
        model._build(model.describe(trials), trials)
        n_threads = model._threads(trials, model.training.batch_size * len(models))
    held = models[0].read(few(validation))
    checks = [None if whole else model.validator(few(validation), held) for model in models]
    with threads(n_threads or 1):
        if whole:
            learned = join_trials(trials, validation)
        broken = _train(models, learned, checks, None, report, folders)
        left = [k for k in range(len(models)) if k not in broken]
        for k in left if not whole else ():
            models[k].network_.eval()
            models[k].choose(few(trials), few(validation))
        if left and models[0].training.refit and not whole:
            learned = join_trials(trials, validation)
            again = _refit([models[k] for k in left], trials, learned, report)
            broken |= {left[k] for k in again}
        for k in left:
            if k not in broken:
                models[k].network_.eval()
                models[k].complete(few(learned))
                models[k].finish(held)
    give_back()
    return sorted(broken)


def _train(
    models: Sequence[Model],
    trials: TrialSet,
    checks: Sequence[Validate | None],
    last: Sequence[int] | None,
    report: ProgressReport,
    folders: Sequence[Path] | None = None,
) -> set[int]:
    """Train all networks; the places of those that broke."""
    batch, first = models[0].learned_from(trials), models[0]
    solved, members = first.read(few(trials)), []
    for k, model in enumerate(models):
        settings = model.training.planned(len(trials))
        state = TrainingState(
            model.network_,
            settings,
            model.seed,
            None if last is None else last[k],
            model.parameter_groups(),
        )
        peak = getattr(getattr(model, "kl", None), "peak", None)
        members.append(Member(state, checks[k], model.closed_form(solved), peak))
    template = copy(first)

    def objective(
        minibatch: Any, generator: torch.Generator, at: float, peak: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if peak is not None:
            template.kl = _Peak(first.kl, peak)  # type: ignore[attr-defined]
        return template.objective(minibatch, generator, at)

    train_many(members, batch, objective, report)
    for k, (model, member) in enumerate(zip(models, members, strict=True)):
        if last is None:
            model.history_ = member.state.counters.history
            kept = kept_row(model.history_) if model.history_ else {}
            model.validation_score_ = kept.get("validation_score", float("nan"))
        if folders is not None and not member.broken:
            save(folders[k], member.state.tensors(), member.state.numbers())
    return {k for k, member in enumerate(members) if member.broken}


def _refit(
    models: Sequence[Model], trials: TrialSet, learned: TrialSet, report: ProgressReport
) -> set[int]:
    """Train fresh networks on all trials, each up to its own epoch."""
    last = []
    for model in models:
        share = kept_row(model.history_)["epoch"] / model._epochs(trials) if model.history_ else 0
        last.append(max(1, round(share * model._epochs(learned))))
        model._build(model.population_, trials)
    return _train(models, learned, [None] * len(models), last, report)


class _Peak:
    """A KL schedule whose peak is a tensor, one of each network."""

    def __init__(self, schedule: KLSchedule, peak: Tensor) -> None:
        self.schedule, self.peak = replace(schedule, peak=1.0), peak

    def __call__(self, progress: float) -> Tensor:
        return self.schedule(progress) * self.peak


# --- which models can be trained at once ---------------------------------------------------------


def check_alike(models: Sequence[TrainedModel[Any]]) -> None:
    """Refuse models that cannot be trained at once.

    Raises:
        ModelError: naming what hinders it.
    """
    if not models:
        raise ModelError("there is no model to fit: give at least one.")
    first = models[0]
    if any(type(model) is not type(first) for model in models) or not isinstance(
        first, TrainedModel
    ):
        names = {type(model).__name__: None for model in models}
        raise ModelError(
            f"the models are {listed(names)}: models that are trained at once are of one class "
            "that is trained by gradients."
        )
    if differ := sorted(differing(models) - VARIED):
        dotted = [name.replace("__", ".") for name in differ]
        raise ModelError(
            f"the models differ in {listed(dotted)}: trained at once, they may differ in "
            f"{listed([name.replace('__', '.') for name in sorted(VARIED)], 20)}."
        )
    training = first.training
    for name, wanted in (("recipes", ()), ("distill", 0.0), ("max_seconds", None), ("shards", 1)):
        if getattr(training, name) != wanted:
            raise ModelError(
                f"training.{name} is {getattr(training, name)}: models that are trained at once "
                f"need {wanted!r}."
            )


def differing(models: Sequence[TrainedModel[Any]]) -> set[str]:
    """Settings in which models differ, those of their parts by 'part__name'."""
    params = [_flat(model) for model in models]
    names = {name for each in params for name in each}
    return {name for name in names if any(_of(p, name) != _of(params[0], name) for p in params)}


def _flat(model: TrainedModel[Any]) -> Mapping[str, Any]:
    """All settings; a part that has settings of its own is there by these alone."""
    params = model.get_params()
    parts = {name.rpartition("__")[0] for name in params if "__" in name}
    return {name: value for name, value in params.items() if name not in parts}


def _of(params: Mapping[str, Any], name: str) -> str:
    return repr(params.get(name))
