"""Learning one model from several sessions: one loop, one budget, layers of each session's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from undertow.data import TrialSet, join_trials
from undertow.data.batches import Batch
from undertow.data.counts import totals
from undertow.data.lazy_batch import LazyBatch, few
from undertow.models.base import ProgressReport
from undertow.models.joint.alignment import Alignment
from undertow.models.joint.batches import JointBatch
from undertow.models.joint.common import Common
from undertow.models.racing import REFIT
from undertow.models.trained import TrainedModel
from undertow.training import Solve, kept_row, threads, train

Models = Mapping[str, TrainedModel[Any]]
Trials = Mapping[str, TrialSet]


def learn_together(
    models: Models,
    common: Common,
    trials: Trials,
    validation: Trials,
    folder: Path | None,
    resume: bool,
    report: ProgressReport,
) -> list[dict[str, float]]:
    """Fit the models of all sessions, which share what is of no neurons; returns the history.

    What a `TrainedModel` does with its trials is done here with those of each session.
    """
    first = next(iter(models.values()))
    build_together(models, common, trials)
    judged = {name: few(each) for name, each in validation.items()}
    held = {name: model.read(judged[name]) for name, model in models.items()}
    checks = {name: model.validator(judged[name], held[name]) for name, model in models.items()}

    def validate(network: nn.Module) -> float:
        assert isinstance(network, nn.ModuleList)
        scores = [check(part) for check, part in zip(checks.values(), network, strict=True)]
        return float(np.mean([_total(score) for score in scores]))

    training, longest = first.training, max(trials.values(), key=len)
    whole = training.keep == "last" and training.refit
    with threads(first._threads(longest, training.batch_size)):
        if whole:
            trials = _joined(trials, validation)
        history = _train(models, trials, None if whole else validate, folder, resume, report)
        if not whole:
            for name, model in models.items():
                model.network_.eval()
                model.history_ = history
                model.validation_score_ = _total(checks[name](model.network_))
                model.choose(few(trials[name]), judged[name])
            if training.refit and history:
                trials = _refit(models, common, trials, validation, history, folder, resume, report)
        for name, model in models.items():
            model.network_.eval()
            model.history_ = history
            model.complete(few(trials[name]))
            model.finish(held[name])
    return history


def describe(models: Models, trials: Trials) -> Common:
    """Describe what the sessions have in common, before any network is built."""
    spikes = [totals(each.spikes)[0][~each.heldout] for each in trials.values()]
    for model in models.values():
        model._common = Common(0.0, [], 0.0)  # it is one of several from here on
    first = next(iter(models.values()))
    return Common.of(
        [model.describe(trials[name]) for name, model in models.items()],
        float(np.concatenate(spikes).mean()),
        Alignment.of(
            {name: few(each) for name, each in trials.items()}, first.piece("encoder").read_in
        ),
        first.seed,
    )


def build_together(models: Models, common: Common, trials: Trials) -> None:
    """Build the networks of all sessions anew."""
    common.network = None
    for name, model in models.items():
        model._common = common
        model._build(model.describe(trials[name]), trials[name])


def _refit(
    models: Models,
    common: Common,
    trials: Trials,
    validation: Trials,
    history: list[dict[str, float]],
    folder: Path | None,
    resume: bool,
    report: ProgressReport,
) -> Trials:
    """Train fresh networks on all trials, up to the epoch that was kept; returns these trials."""
    training = next(iter(models.values())).training
    before = sum(map(len, trials.values()))
    share = kept_row(history)["epoch"] / training.epochs_of(before)
    learned = _joined(trials, validation)
    build_together(models, common, trials)
    last = max(1, round(share * training.epochs_of(sum(map(len, learned.values())))))
    folder = folder and folder / REFIT
    _train(models, learned, None, folder, resume, report, last)
    return learned


def _train(
    models: Models,
    trials: Trials,
    validate: Any,
    folder: Path | None,
    resume: bool,
    report: ProgressReport,
    last_epoch: int | None = None,
) -> list[dict[str, float]]:
    """Run the training loop over the minibatches of all sessions."""
    first = next(iter(models.values()))
    batch = JointBatch({name: model.learned_from(trials[name]) for name, model in models.items()})

    def objective(
        some: JointBatch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        loss, terms = torch.zeros((), device=some.device), dict[str, Tensor]()
        for name, part in some.parts.items():
            assert isinstance(part, Batch)
            own, parts = models[name].objective(part, generator, progress)
            share = len(part) / len(some)
            loss = loss + share * own
            for term, value in parts.items():
                terms[term] = terms.get(term, 0.0) + share * value
        return loss, terms

    groups: dict[str, list[nn.Parameter]] = {}
    for model in models.values():
        for name, own in model.parameter_groups().items():
            groups.setdefault(name, []).extend(own)
    return train(
        nn.ModuleList([model.network_ for model in models.values()]),
        batch,
        objective,
        validate,
        first.training,
        first.seed,
        folder,
        resume,
        report,
        last_epoch,
        groups,
        _solver(models, trials, batch),
    )


def _solver(models: Models, trials: Trials, batch: JointBatch) -> Solve | None:
    """Solve each session's readouts on its own trials, where they have a closed form."""
    solvers = []
    for name, model in models.items():
        part = batch.parts[name]
        held = model.read(few(trials[name])) if isinstance(part, LazyBatch) else part
        solvers.append(model.closed_form(held))
    if not any(solvers):
        return None

    def solve(network: nn.Module, progress: float) -> bool:
        assert isinstance(network, nn.ModuleList)
        pairs = zip(solvers, network, strict=True)
        return any([each(part, progress) for each, part in pairs if each is not None])

    return solve


def _joined(trials: Trials, validation: Trials) -> Trials:
    return {name: join_trials(trials[name], validation[name]) for name in trials}


def _total(score: float | Mapping[str, float]) -> float:
    return sum(score.values()) if isinstance(score, Mapping) else float(score)
