"""Cells of a grid: one fit each, and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from undertow.evaluation import Statistic, load_statistics
from undertow.experiments.records import CellRecord
from undertow.experiments.usage import Usage


@dataclass(frozen=True)
class Cell:
    """One fit of a grid; `fold` is None where the data are split once."""

    model: str
    data: str
    fold: int | None
    seed: int

    @property
    def name(self) -> str:
        """The stem of the cell's files."""
        fold = "split" if self.fold is None else f"fold{self.fold}"
        return f"{self.model}__{self.data}__{fold}__seed{self.seed}"

    @property
    def words(self) -> str:
        """Which fit it is, for a line."""
        fold = "" if self.fold is None else f" fold {self.fold}"
        return f"{self.model}{fold} seed {self.seed}"


@dataclass(frozen=True, eq=False)
class CellResult:
    """The result of one cell.

    Attributes:
        cell: which one.
        error: empty when it finished; else the error's last line, with the traceback in the cell's
            '.error.json' file.
        scores: score name → value on the cell's test trials.
        fit_s: seconds the fit took.
        validation_score: the best score on validation trials, for choosing among models; NaN for
            models without one.
        path: the cell's JSON file.
        parameters: numbers learned, in 'all' and by part; empty for models that do not count them.
        usage: processor time and memory of the fit.
        tried: settings that were tried before it; 1 where the model was fitted as it is.
        search_cpu_s: processor seconds of the tries.
        elsewhere: whether it is another process's to fit, and not there yet.
    """

    cell: Cell
    path: Path
    error: str = ""
    scores: Mapping[str, float] | None = None
    fit_s: float = float("nan")
    validation_score: float = float("nan")
    parameters: Mapping[str, int] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    tried: int = 1
    search_cpu_s: float = 0.0
    elsewhere: bool = False

    @classmethod
    def of(cls, cell: Cell, path: Path, found: CellRecord) -> "CellResult":
        """The result that the file of a finished cell holds."""
        nan = float("nan")
        scores = {name: nan if value is None else value for name, value in found.scores.items()}
        score = nan if found.validation_score is None else found.validation_score
        usage = Usage(nan if found.cpu_s is None else found.cpu_s, found.peak_bytes)
        return cls(
            cell,
            path,
            "",
            scores,
            found.fit_s,
            score,
            found.parameters,
            usage,
            found.tried,
            found.search_cpu_s,
        )

    @property
    def model_path(self) -> Path:
        """The file of the fitted model, if it was kept."""
        return self.path.with_suffix(".safetensors")

    def line(self, done: int, total: int) -> str:
        """Say how it ended, and that `done` of `total` have."""
        return f"{self.cell.words}: {self.error or f'{self.fit_s:.1f} s'} ({done} of {total})"

    def statistics(self) -> dict[str, Statistic]:
        """Per-trial sums behind the scores, for `undertow.evaluation.combine`."""
        return load_statistics(self.path.with_suffix(".npz"))


Report = Callable[[CellResult, int, int], None]
"""Called with a result, the number of cells done and the number in all."""
