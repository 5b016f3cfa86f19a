"""Comparison: many models on the same folds and seeds, each told apart from the best."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from undertow import checks
from undertow.data import TrialSet
from undertow.errors import UndertowError
from undertow.experiments.cells import CellResult, Report
from undertow.experiments.comparison.recordings import Comparisons
from undertow.experiments.comparison.result import Comparison
from undertow.experiments.fitting import told
from undertow.experiments.grid import run_grid
from undertow.experiments.workers import Shard, Workers, check_all_there
from undertow.models.base import Estimator, ProgressReport
from undertow.models.loading import model_choices, model_class
from undertow.training import teller

CELLS = "cells"
FIRST = "langevin-flow"
"""What the others are compared with, where nothing else is named."""
Models = Mapping[str, Estimator] | Sequence[str | Estimator]


def compared_by_default() -> list[str]:
    """Names of the models that are compared where none are named, the reference first."""
    names = [name for name, cls in model_choices().items() if cls.compared]
    return [FIRST, *(name for name in names if name != FIRST)]


def compare(
    trials: TrialSet,
    out: str | Path,
    models: Models = (),
    folds: int = 5,
    seeds: Sequence[int] = (0,),
    only_folds: Sequence[int] | None = None,
    budget_minutes: float | None = None,
    train_trials: Sequence[int] = (),
    tries: int = 1,
    split_seed: int = 0,
    workers: int | Workers = 1,
    shard: str | Shard | None = None,
    keep_models: bool = False,
    data_name: str = "data",
    report: Report | None = None,
    progress: ProgressReport | None = None,
    verbose: bool = True,
) -> Comparison:
    """Fit every model on the same folds and seeds, and compare their scores, paired.

    A model whose fits depend on no seed is fitted once for all seeds. Each model chooses what it
    chooses on validation trials inside the training trials; test trials are predicted once.
    Finished fits in `out` are read, not run again; one that fails is named in `Comparison.errors`
    and tried again next time.

    Args:
        trials: all trials, held-out neurons marked.
        out: directory of the fits: cells/.
        models: name → unfitted model; or names, such as 'lfads', and models; by default all that
            the library has, but those whose use needs care. The first is what the others'
            differences are taken from.
        folds: number of stratified folds.
        seeds: of weights, batches and noise.
        only_folds: the folds to fit; all by default.
        budget_minutes: no further fold and seed is begun once so many minutes are over; the first
            always is. Scores are then of the folds and seeds that were fitted.
        train_trials: fit all models again on so many training trials of each fold, for learning
            curves.
        tries: an equal budget of tuning: so many settings of each model's search space are tried
            on the validation trials of each fold, those given among them, and the model is fitted
            under the best. 1 fits all models as they are.
        split_seed: of the folds, and of the trials left to learn from.
        workers, shard, keep_models, report, progress: as in `run_grid`.
        data_name: of the recording, in the names of the fits.
        verbose: as in `cross_validate`.

    Raises:
        UndertowError: for no model, an unknown one, two of one name, or a fit in `out` of other
            settings or data.
        UnfinishedError: where this shard is done, and others are not.
    """
    found = compare_recordings(
        {data_name: trials},
        out,
        models,
        folds=folds,
        seeds=seeds,
        only_folds=only_folds,
        budget_minutes=budget_minutes,
        train_trials=train_trials,
        tries=tries,
        split_seed=split_seed,
        workers=workers,
        shard=shard,
        keep_models=keep_models,
        report=report,
        progress=progress,
        verbose=verbose,
    )
    return found.recordings[data_name]


def compare_recordings(
    data: Mapping[str, TrialSet],
    out: str | Path,
    models: Models = (),
    folds: int = 5,
    seeds: Sequence[int] = (0,),
    only_folds: Sequence[int] | None = None,
    budget_minutes: float | None = None,
    train_trials: Sequence[int] = (),
    tries: int = 1,
    split_seed: int = 0,
    workers: int | Workers = 1,
    shard: str | Shard | None = None,
    keep_models: bool = False,
    report: Report | None = None,
    progress: ProgressReport | None = None,
    verbose: bool = True,
) -> Comparisons:
    """Compare models on each of several recordings, as one grid of fits.

    Args:
        data: name → trials, held-out neurons marked.
        out, models, folds, seeds, only_folds, budget_minutes, train_trials: as in `compare`.
        tries, split_seed, workers, shard, keep_models, report, progress, verbose: as in `compare`.

    Raises:
        UndertowError: as `compare`, and without a recording.
        UnfinishedError: where this shard is done, and others are not.
    """
    if not data:
        raise UndertowError("there is no recording to compare models on: give at least one.")
    named, workers, shard = named_models(models), Workers.resolved(workers), Shard.of(shard)
    checks.whole("folds", folds, 2, error=UndertowError)
    if budget_minutes is not None:
        if shard is not None:
            raise UndertowError("a shard does its part whole: leave budget_minutes None.")
        checks.number("budget_minutes", budget_minutes, 0, 1e6, above=True, error=UndertowError)
    parts = [(fold, seed) for seed in seeds for fold in _folds(folds, only_folds)]
    if not parts:
        raise UndertowError("a comparison needs at least one fold and one seed.")
    options: dict[str, Any] = {
        "folds": folds,
        "split_seed": split_seed,
        "workers": workers,
        "shard": shard,
        "keep_models": keep_models,
        "tries": tries,
        **told(report, progress, verbose),
    }
    tell = teller(None, verbose and report is None)
    where, cells = Path(out) / CELLS, list[CellResult]()
    fewer: dict[int, list[CellResult]] = {n: [] for n in train_trials}
    with workers.ready(where, list(data.values()), list(named.values())):
        for fresh, only, given in _rounds(named, parts, tries, budget_minutes, tell):
            block = {"seeds": given, "only_folds": only, **options}
            cells += run_grid(fresh, data, where, **block)
            for n in fewer:
                again = {_fewer(name, n): trials for name, trials in data.items()}
                fewer[n] += run_grid(fresh, again, where, train_trials=n, **block)
    for each in (cells, *fewer.values()):
        check_all_there(each, shard)
        each += _unseeded(named, each)
    found = {}
    for name, trials in data.items():
        own = [cell for cell in cells if cell.cell.data == name]
        curve = {
            n: [c for c in each if c.cell.data == _fewer(name, n)] for n, each in fewer.items()
        }
        if curve:
            curve[round(trials.n_trials * (1 - 1 / folds))] = own  # curves end at all trials
        found[name] = Comparison.from_cells(named, own, curve)
    return Comparisons(found)


def _fewer(name: str, trials: int) -> str:
    """Name of a recording of which so many trials are learned from."""
    return f"{name}-{trials}-trials"


def _rounds(
    models: Mapping[str, Estimator],
    parts: Sequence[tuple[int, int]],
    tries: int,
    budget_minutes: float | None,
    tell: Callable[[str], None],
) -> Iterator[tuple[dict[str, Estimator], tuple[int, ...], tuple[int, ...]]]:
    """Models, folds and seeds that are fitted together: all that a seed is asked of.

    Under a budget each fold and seed comes alone, so that all models have the same ones in the end.
    """
    first = parts[0][1]
    deadline = None if budget_minutes is None else time.monotonic() + 60 * budget_minutes
    folds = tuple(dict.fromkeys(fold for fold, _ in parts))
    seeds = tuple(dict.fromkeys(seed for _, seed in parts))
    alone = [((fold,), (seed,)) for fold, seed in parts]
    together = [(folds, seeds)] if tries > 1 else [(folds, (seed,)) for seed in seeds]
    rounds = together if deadline is None else alone
    for done, (only, given) in enumerate(rounds):
        if done and deadline is not None and time.monotonic() > deadline:
            tell(f"{done} of {len(rounds)} folds and seeds fitted within the budget")
            return
        again = first not in given and tries == 1
        if fresh := {name: each for name, each in models.items() if each.seeded or not again}:
            yield fresh, only, given


def _unseeded(models: Mapping[str, Estimator], cells: Sequence[CellResult]) -> list[CellResult]:
    """The fits that depend on no seed, under the seeds they were not fitted with."""
    done = {(c.cell.model, c.cell.data, c.cell.fold, c.cell.seed) for c in cells}
    seeds = {c.cell.seed for c in cells}
    return [
        replace(c, cell=replace(c.cell, seed=seed))
        for c in cells
        for seed in seeds
        if not models[c.cell.model].seeded
        and (c.cell.model, c.cell.data, c.cell.fold, seed) not in done
    ]


def named_models(models: Models = ()) -> dict[str, Estimator]:
    """Name → unfitted model; of models themselves and of names alone, their command-line names.

    Raises:
        UndertowError: for an unknown name, or two models of one.
    """
    if isinstance(models, Mapping):
        return {name: model.copy() for name, model in models.items()}
    given = [
        (each, model_class(each)()) if isinstance(each, str) else (each.cli_name, each.copy())
        for each in models or compared_by_default()
    ]
    names = [name for name, _ in given]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UndertowError(
            f"{twice!r} is compared with itself: name a model once, or give models by names of "
            "their own."
        )
    return dict(given)


def _folds(folds: int, only: Sequence[int] | None) -> list[int]:
    if only is None:
        return list(range(folds))
    if not only or not set(only) <= set(range(folds)):
        raise UndertowError(
            f"the folds to fit are {list(only)}: there are 0 to {folds - 1}; name some of them."
        )
    return list(dict.fromkeys(only))
