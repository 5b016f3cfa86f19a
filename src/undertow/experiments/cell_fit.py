"""Fitting one cell of a grid: by one process alone, from where it was interrupted."""

import hashlib
import json
import platform
import shutil
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from undertow.data import Splits
from undertow.errors import HeldError, UndertowError, WriteError
from undertow.evaluation import save_statistics
from undertow.experiments.cell_search import CellSearch, searched
from undertow.experiments.cells import Cell, CellResult
from undertow.experiments.fitting import Fitted, fit_and_predict
from undertow.experiments.identity import differences, versions
from undertow.experiments.records import CellRecord, read_cell
from undertow.files import write_json
from undertow.locks import claimed
from undertow.models.base import Estimator, ProgressReport


@dataclass(frozen=True, eq=False)
class Task:
    """Everything a worker process needs for one cell, beside its trials."""

    cell: Cell
    path: Path
    model: Estimator
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
    def lock(self) -> Path:
        """Held by the process that fits it."""
        return self.path.with_suffix(".lock")

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


def finished(task: Task) -> CellResult | None:
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


def missing(task: Task) -> CellResult:
    """The result of a cell that is left to other processes."""
    return CellResult(task.cell, task.path, elsewhere=True)


def run_cell(task: Task, splits: Splits) -> CellResult:
    """Run one cell, unless another process does; an error is recorded in a file, not raised.

    Raises:
        UndertowError: where the folder of the results is not there, as on another machine.
    """
    if not task.path.parent.is_dir():
        raise UndertowError(
            f"{platform.node()} has no folder {task.path.parent}: every machine must see the "
            "folder of the results under the same path; choose one on a file system they share."
        )
    try:
        with claimed(task.lock, "fit", lambda left: None, task.path):
            # another process may have finished it since this one looked
            return finished(task) or _fitted(task, splits)
    except HeldError:
        return missing(task)


def _fitted(task: Task, splits: Splits) -> CellResult:
    try:
        fitted, search = _fit(task, splits)
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


def _tidy(task: Task) -> None:
    """Remove what a finished cell no longer needs."""
    task.error_path.unlink(missing_ok=True)
    for folder in (task.checkpoint, task.search):
        shutil.rmtree(folder, ignore_errors=True)


def _fit(task: Task, splits: Splits) -> tuple[Fitted, CellSearch]:
    """Search settings, where that is asked for, and fit; from where either was interrupted."""
    model, search = searched(task.model, splits, task.tries, task.cell.seed, task.search)
    model_file = task.path.with_suffix(".safetensors") if task.keep_model else None
    fitted = fit_and_predict(
        model,
        splits,
        model_file,
        checkpoint=task.checkpoint,
        resume=True,
        progress=task.progress,
    )
    return fitted, search
