"""`Trial`: settings that are tried, how far their training is, and what it scores."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from undertow.errors import UndertowError
from undertow.experiments.records import read_table
from undertow.files import write_json
from undertow.schema import record

FILE = "trial.json"


@dataclass(frozen=True)
class Trial:
    """One sample of a search.

    Attributes:
        number: from 0; trial 0 has the settings of the model as it is.
        settings: those in use, of every setting that is searched.
        state: 'running' until it ends; 'stopped' where the search gave it up on its way.
        best: best validation score so far, after each slice of the training.
        latest: validation score at the end of each slice.
        schedule: under 'pbt', the settings that led to these weights, each behind the number of
            slices that were done before; the weights may have been another trial's then.
        processor_s: seconds of processor time spent on this trial, whatever became of it.
        error: why it failed.
        lineage: number of times that it took the weights of another trial.
    """

    number: int
    settings: dict[str, Any]
    state: Literal["running", "finished", "stopped", "failed"] = "running"
    best: list[float] = field(default_factory=list)
    latest: list[float] = field(default_factory=list)
    schedule: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    processor_s: float = 0.0
    error: str = ""
    lineage: int = 0

    @property
    def name(self) -> str:
        """Name of its folder."""
        return trial_name(self.number)

    @property
    def score(self) -> float:
        """Best validation score; NaN before there is one."""
        return self.best[-1] if self.best else float("nan")

    @property
    def ended(self) -> bool:
        """Whether nothing of it is left to do; a failure is tried again."""
        return self.state in ("finished", "stopped")

    def words(self) -> str:
        """Say in a line how it stands."""
        if self.state == "failed":
            return f"trial {self.number} failed: {self.error}"
        given_up = ", given up" if self.state == "stopped" else ""
        return (
            f"trial {self.number}: validation {self.score:.4f}, {self.processor_s:.1f} s{given_up}"
        )


def trial_name(number: int) -> str:
    """Name of the folder of a trial."""
    return f"trial{number:04d}"


def checkpoint_of(folder: Path, trial: Trial) -> Path:
    """Folder of a trial's checkpoint, in that of the search; another for each lineage."""
    return folder / trial.name / f"lineage{trial.lineage}"


def write_trial(folder: Path, trial: Trial) -> None:
    """Write a trial into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / FILE, asdict(trial))


def read_trial(folder: Path) -> Trial | None:
    """Read what `write_trial` wrote; None where there is nothing.

    Raises:
        UndertowError: for a file that holds anything else.
    """
    path = folder / FILE
    return trial_of(read_table(path), path) if path.exists() else None


def trial_of(table: Mapping[str, Any], path: Path) -> Trial:
    """Make a trial of a table from a file.

    Raises:
        UndertowError: for a table that is none of a trial.
    """
    found = record(Trial, table, f"{path.parent.name}/{path.name}", UndertowError)
    schedule = [(begun, _with_tuples(settings)) for begun, settings in found.schedule]
    return replace(found, settings=_with_tuples(found.settings), schedule=schedule)


def _with_tuples(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings whose lists are tuples again: JSON knows no tuples, and settings no lists."""
    return {name: _tuple(value) for name, value in settings.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(each) for each in value) if isinstance(value, list) else value
