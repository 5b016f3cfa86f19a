"""A resumable grid of fits: a cell = model × data × fold × seed, one result file each."""

import hashlib
import json
import shutil
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from undertow import checks
from undertow.data import Splits, TrialSet, fewer_to_learn_from, fold_splits, split_trials
from undertow.errors import UndertowError, WriteError
from undertow.evaluation import save_statistics
from undertow.experiments.cell_search import CellSearch, searched
from undertow.experiments.cells import Cell, CellResult, Report
from undertow.experiments.fitting import Fitted, fit_and_predict, noted
from undertow.experiments.identity import differences, identity, split_ids, versions
from undertow.experiments.records import CellRecord, read_cell
from undertow.experiments.workers import in_processes
from undertow.files import plain, write_json
from undertow.models.base import Estimator, ProgressReport
from undertow.training import named


@dataclass(frozen=True, eq=False)
class _Task:
    """Everything a worker process needs for one cell."""

    cell: Cell
    path: Path
    model: Estimator
    parts: Sequence[Splits]
    identity: Mapping[str, Any]
    tries: int = 1
    notes: Sequence[str] = ()
    keep_model: bool = False
    progress: ProgressReport | None = None

    @property
    def error_path(self) -> Path:
        """Where an error is recorded."""
        return self.path.with_suffix(".error.json")

    @property
    def checkpoint(self) -> Path:
        """The folder of its checkpoints."""
        return self._own_folder("checkpoint")

    @property
    def search(self) -> Path:
        """The folder of the settings that are tried."""
        return self._own_folder("search")

    def _own_folder(self, what: str) -> Path:
        """Named after settings and data: one of an earlier, different fit is never found."""
        digest = hashlib.sha256(json.dumps(self.identity).encode()).hexdigest()[:12]
        return self.path.with_suffix(f".{digest}.{what}")


def run_grid(
    models: Mapping[str, Estimator],
    data: Mapping[str, TrialSet],
    out: str | Path,
    folds: int | None = None,
    seeds: Sequence[int] = (0,),
    split_seed: int = 0,
    workers: int = 1,
    only_folds: Sequence[int] | None = None,
    keep_models: bool = False,
    train_trials: int | None = None,
    tries: int = 1,
    report: Report | None = None,
    progress: ProgressReport | None = None,
) -> list[CellResult]:
    """Fit and score every model on every data set, fold and seed.

    Finished cells are read, not run again.

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
        workers: processes, each with one thread; 1 runs in this process.
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
    out = Path(out)
    # splits once per data set: all models and seeds share them, which makes differences paired
    parts, notes = {}, {}
    for name, trials in data.items():
        with noted() as notes[name]:
            parts[name] = _parts(trials, folds, split_seed, train_trials)
    tasks = [
        _task(cell, models[cell.model], data[cell.data], parts[cell.data], out, split_seed, tries)
        for cell in _cells(models, data, folds, seeds, only_folds)
    ]
    tasks = [
        replace(
            task,
            notes=notes[task.cell.data],
            keep_model=keep_models,
            progress=None if workers > 1 or progress is None else named(progress, task.cell.words),
        )
        for task in tasks
    ]
    results = {task.cell: found for task in tasks if (found := _finished(task)) is not None}
    out.mkdir(parents=True, exist_ok=True)
    for result in _run_all([task for task in tasks if task.cell not in results], workers):
        results[result.cell] = result
        if report is not None:
            report(result, len(results), len(tasks))
    return [results[task.cell] for task in tasks]


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
) -> _Task:
    ids = split_ids(parts[cell.fold or 0])
    # the seed is set before the identity is taken: a cell is what it was fitted with
    seeded = model.copy(seed=cell.seed) if "seed" in model.get_params(deep=False) else model.copy()
    what = plain({**identity(seeded, trials, {"split": ids}, split_seed), "tries": tries})
    return _Task(cell, out / f"{cell.name}.json", seeded, parts, what, tries)


def _finished(task: _Task) -> CellResult | None:
    """The cell's earlier result, if there is one."""
    if not task.path.exists():
        return None
    found, result = read_cell(task.path)
    earlier = {"tries": 1} | found
    if changed := differences({key: earlier.get(key) for key in task.identity}, task.identity):
        raise UndertowError(
            f"{task.path} holds another fit ({changed}): give the model or data another name, or "
            "another directory."
        )
    _tidy(task)  # a process may have been killed before it did
    return CellResult.of(task.cell, task.path, result)


def _run_all(tasks: list[_Task], workers: int) -> Iterator[CellResult]:
    yield from map(run_cell, tasks) if workers == 1 else in_processes(run_cell, tasks, workers)


def run_cell(task: _Task) -> CellResult:
    """Run one cell; an error is recorded in a file of its own, not raised."""
    try:
        fitted, search = _fit(task)
        statistics = fitted.statistics()
        # sums before the JSON file: where that one lies, the cell is whole
        save_statistics(task.path.with_suffix(".npz"), statistics)
    except WriteError:
        raise  # no other cell could be written either
    except Exception as error:
        what = {
            "cell": asdict(task.cell),
            "error": repr(error),
            "traceback": traceback.format_exc(),
        }
        write_json(task.error_path, what)
        return CellResult(task.cell, task.path, error=f"{type(error).__name__}: {error}")
    record = CellRecord(
        {name: each.value for name, each in statistics.items()},
        fitted.fit_s,
        fitted.model.validation_score_,
        dict(fitted.model.parameter_counts()),
        **vars(fitted.usage),
        **vars(search),
    )
    about = {**vars(record), "notes": [*task.notes, *fitted.notes], "versions": versions()}
    write_json(task.path, {"cell": asdict(task.cell), **task.identity, **about})
    # only now: until the result lies there, a killed cell goes on from its checkpoint
    _tidy(task)
    return CellResult.of(task.cell, task.path, record)


def _tidy(task: _Task) -> None:
    """Remove what a finished cell no longer needs."""
    task.error_path.unlink(missing_ok=True)
    for folder in (task.checkpoint, task.search):
        shutil.rmtree(folder, ignore_errors=True)


def _fit(task: _Task) -> tuple[Fitted, CellSearch]:
    """Search settings, where that is asked for, and fit; from where either was interrupted."""
    parts = task.parts[task.cell.fold or 0]
    model, search = searched(task.model, parts, task.tries, task.cell.seed, task.search)
    model_file = task.path.with_suffix(".safetensors") if task.keep_model else None
    fitted = fit_and_predict(
        model,
        parts,
        model_file,
        checkpoint=task.checkpoint,
        resume=True,
        progress=task.progress,
    )
    return fitted, search
