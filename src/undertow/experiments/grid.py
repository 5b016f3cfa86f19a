"""A resumable grid of fits: a cell = model × data × fold × seed, one result file each.

Any number of processes can fit the same grid: each cell is held by the one that fits it.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from undertow import checks
from undertow.data import Splits, TrialSet, fewer_to_learn_from, fold_splits, split_trials
from undertow.errors import UndertowError
from undertow.experiments.cell_fit import Task, finished, missing, run_cell
from undertow.experiments.cells import Cell, CellResult, Report
from undertow.experiments.fitting import noted
from undertow.experiments.identity import identity, split_ids
from undertow.experiments.workers import Shard, Workers
from undertow.files import plain
from undertow.models.base import Estimator, ProgressReport
from undertow.training import named

WAIT_S = 2.0
"""Between looks at cells that other processes fit."""


def run_grid(
    models: Mapping[str, Estimator],
    data: Mapping[str, TrialSet],
    out: str | Path,
    folds: int | None = None,
    seeds: Sequence[int] = (0,),
    split_seed: int = 0,
    workers: int | Workers = 1,
    shard: str | Shard | None = None,
    only_folds: Sequence[int] | None = None,
    keep_models: bool = False,
    train_trials: int | None = None,
    tries: int = 1,
    report: Report | None = None,
    progress: ProgressReport | None = None,
) -> list[CellResult]:
    """Fit and score every model on every data set, fold and seed.

    Finished cells are read, not run again. Several processes may be given the same grid and `out`,
    on machines that share the folder: each cell is fitted by one of them, and each process returns
    when all are there.

    Each cell leaves `<cell>.json` (settings, data fingerprint, split, scores, versions) and
    `<cell>.npz` (per-trial sums) in `out`, written whole or not at all. A cell that fails leaves
    `<cell>.error.json` and is tried again next time; the others go on. A fit that was interrupted
    goes on from its last checkpoint.

    Args:
        models: name → unfitted model; the seed of a cell replaces its `seed` where it has one.
        data: name → trials, held-out neurons marked.
        out: directory of the results.
        folds: number of cross-validation folds; None for the one split of `split_trials`.
        seeds: of weights, batches and noise.
        split_seed: of folds and splits.
        workers: processes, each with one thread; 1 runs in this process. Or `Workers`, such as
            those of a Ray cluster.
        shard: fit a part alone, 'K/N' for the K-th of N, as in a Slurm array; what is missing of
            the others is `CellResult.elsewhere`.
        only_folds: the folds to run; all by default.
        keep_models: keep the fitted models too, as `<cell>.safetensors`.
        train_trials: learn and choose on so many trials of each fold alone, drawn stratified by
            condition; on all by default.
        tries: try so many settings of each model's search space on the validation trials of each
            cell, its own among them, and fit it under the best; 1 fits it as it is.
        report: called after each cell with its result, the number done and the number in all.
        progress: passed to `model.fit` where there is one worker.

    Returns:
        The results in the order models, data, folds, seeds.

    Raises:
        UndertowError: when `out` holds a finished cell of the same name with other settings or
            data.
    """
    checks.whole("tries", tries, 1, error=UndertowError)
    out, workers, shard = Path(out), Workers.resolved(workers), Shard.of(shard)
    # splits once per data set: all models and seeds share them, which makes differences paired
    parts, notes = {}, {}
    for name, trials in data.items():
        with noted() as notes[name]:
            parts[name] = _parts(trials, folds, split_seed, train_trials)
    cells = _cells(models, data, folds, seeds, only_folds)
    tasks = [
        _task(cell, models[cell.model], data[cell.data], parts[cell.data], out, split_seed, tries)
        for cell in cells
    ]
    tasks = [
        replace(
            task,
            notes=notes[task.cell.data],
            keep_model=keep_models,
            progress=named(progress, task.cell.words) if workers.here and progress else None,
        )
        for task in tasks
    ]
    out.mkdir(parents=True, exist_ok=True)
    # fold by fold: a model that fails is heard of early, and what is there compares all of them
    tasks = sorted(tasks, key=lambda task: (seeds.index(task.cell.seed), task.cell.fold or 0))
    own = tasks if shard is None else shard.part(tasks)
    done = {task.cell: found for task in own if (found := finished(task)) is not None}
    with workers.ready(out, list(data.values()), list(models.values())):
        while todo := [task for task in own if task.cell not in done]:
            jobs = [(task, parts[task.cell.data][task.cell.fold or 0]) for task in todo]
            for result in workers.results(run_cell, jobs, list(models.values())):
                if not result.elsewhere:
                    done[result.cell] = result
                    if report is not None:
                        report(result, len(done), len(own))
            if shard is not None:
                break
            if len(done) < len(own):
                time.sleep(WAIT_S)
    all_there = {t.cell: done.get(t.cell) or finished(t) or missing(t) for t in tasks}
    return [all_there[cell] for cell in cells]


def _parts(
    trials: TrialSet, folds: int | None, split_seed: int, train_trials: int | None
) -> Sequence[Splits]:
    parts = (
        [split_trials(trials, seed=split_seed)]
        if folds is None
        else fold_splits(trials, folds, split_seed)
    )
    if train_trials is None:
        return parts
    return [fewer_to_learn_from(part, train_trials, split_seed) for part in parts]


def _cells(
    models: Mapping[str, Estimator],
    data: Mapping[str, TrialSet],
    folds: int | None,
    seeds: Sequence[int],
    only_folds: Sequence[int] | None,
) -> list[Cell]:
    return [
        Cell(model, name, fold, seed)
        for model in models
        for name in data
        for fold in ([None] if folds is None else range(folds))
        if only_folds is None or fold in only_folds
        for seed in seeds
    ]


def _task(
    cell: Cell,
    model: Estimator,
    trials: TrialSet,
    parts: Sequence[Splits],
    out: Path,
    split_seed: int,
    tries: int,
) -> Task:
    ids = split_ids(parts[cell.fold or 0])
    # the seed is set before the identity is taken: a cell is what it was fitted with
    seeded = model.copy(seed=cell.seed) if "seed" in model.get_params(deep=False) else model.copy()
    what = plain({**identity(seeded, trials, {"split": ids}, split_seed), "tries": tries})
    return Task(cell, out / f"{cell.name}.json", seeded, what, tries)
