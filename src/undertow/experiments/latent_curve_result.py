"""`LatentCurve`: scores against latent size, with its table, figure and file.

It names the smallest size that does as well as the best.
"""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from undertow.evaluation import Score, Statistic, pooled_score
from undertow.evaluation.tables import Table, Tabular
from undertow.experiments.cells import CellResult
from undertow.experiments.identity import versions
from undertow.experiments.scores import score_text
from undertow.files import write_json, written_whole

FILE = "latents"


class FewShot(NamedTuple):
    """How few-shot scores are made.

    These are the training trials a readout sees, the draws of so many in each fold, and the L2
    penalty.

    The penalty is None where each draw chooses its own.
    """

    shots: int
    repeats: int
    penalty: float | None


class Found(NamedTuple):
    """A cell, the statistics of each score, and the L2 penalty of each few-shot draw.

    Statistics and penalties are empty after an error.
    """

    cell: CellResult
    statistics: Mapping[str, Sequence[Statistic]]
    penalties: Sequence[float]


@dataclass(frozen=True, eq=False, repr=False)
class LatentCurve(Tabular):
    """The scores of a model at each latent size.

    Attributes:
        size_name: the setting that is varied.
        scores: size → score name → score over all folds and seeds (and draws), smallest size first;
            sizes of which a fit failed are left out.
        parameters: size → numbers learned; empty for a model that does not count them.
        fit_s: size → median seconds of a fit.
        folds: of the cross-validation.
        few_shot: how few-shot scores were made.
        penalties: size → L2 penalty → in how many draws it was used.
        errors: cell name → error.
    """

    size_name: str
    scores: Mapping[int, Mapping[str, Score]]
    parameters: Mapping[int, int]
    fit_s: Mapping[int, float]
    folds: int
    few_shot: FewShot
    penalties: Mapping[int, Mapping[float, int]]
    errors: Mapping[str, str]

    @classmethod
    def from_cells(
        cls, size_name: str, found: Mapping[int, Sequence[Found]], folds: int, few_shot: FewShot
    ) -> "LatentCurve":
        """From the cells of each size with the statistics of each score."""
        whole = {
            size: mine for size, mine in found.items() if not any(each.cell.error for each in mine)
        }
        cells = [each.cell for mine in found.values() for each in mine]
        return cls(
            size_name,
            {size: _scores(mine) for size, mine in whole.items()},
            {
                size: n
                for size, mine in whole.items()
                if (n := mine[0].cell.parameters.get("all")) is not None
            },
            {
                size: statistics.median(each.cell.fit_s for each in mine)
                for size, mine in whole.items()
            },
            folds,
            few_shot,
            {size: _counted(mine) for size, mine in whole.items()},
            {cell.cell.name: cell.error for cell in cells if cell.error},
        )

    @property
    def score_names(self) -> list[str]:
        """'co-bps' and 'few-shot co-bps'."""
        return list(dict.fromkeys(name for scores in self.scores.values() for name in scores))

    def best(self, name: str) -> int:
        """The size of the highest score."""
        return max(self.scores, key=lambda size: self.scores[size][name].value)

    def standard_error(self, name: str) -> float:
        """Standard error of the best size's mean: deviation over folds / √folds."""
        std = self.scores[self.best(name)][name].std_over_folds
        return math.nan if std is None else std / math.sqrt(self.folds)

    def smallest(self, name: str) -> int:
        """The smallest size whose score is within one standard error of the best."""
        least = self.scores[self.best(name)][name].value - self.standard_error(name)
        return min(size for size, scores in self.scores.items() if scores[name].value >= least)

    def sentences(self) -> list[str]:
        """Sentences that name, for each score, the best size and the smallest close to it.

        Close means within one standard error of the best.
        """
        return [
            f"{name}: best at {self.size_name} {self.best(name)}; {self.smallest(name)} is the "
            f"smallest within one standard error ({self.standard_error(name):.3f} "
            f"{self._unit(name)}, over {self.folds} folds)"
            for name in self.score_names
        ]

    def score_table(self) -> tuple[list[str], list[list[str]]]:
        """Heads and rows of text, one row for each size."""
        heads = [
            self.size_name,
            *(f"{name} [95 %]" for name in self.score_names),
            "parameters",
            "seconds a fit",
        ]
        rows = [
            [
                str(size),
                *(score_text(scores[name]) for name in self.score_names),
                f"{self.parameters[size]:,}" if size in self.parameters else "–",
                f"{self.fit_s[size]:.3g}",
            ]
            for size, scores in self.scores.items()
        ]
        return heads, rows

    def table(self) -> Table:
        """The table of scores."""
        return self.score_table()

    def tables(self) -> list[tuple[list[str], list[list[str]]]]:
        """The table of scores, where there is a size to show."""
        return [self.score_table()] if self.scores else []

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain values."""
        return {
            "size_name": self.size_name,
            "folds": self.folds,
            "few_shot": {**self.few_shot._asdict(), "draws_by_penalty": self.penalties},
            "scores": [
                {"size": size, **score.to_dict()}
                for size, each in self.scores.items()
                for score in each.values()
            ],
            "chosen": {
                name: {
                    "best": self.best(name),
                    "standard_error": self.standard_error(name),
                    "smallest_within_one_standard_error": self.smallest(name),
                }
                for name in self.score_names
            },
            "parameters": self.parameters,
            "fit_s": self.fit_s,
            "errors": self.errors,
        }

    def write(self, directory: str | Path, about: Mapping[str, Any] | None = None) -> list[Path]:
        """Write latents.json and the figure latents.png, each whole or not at all.

        Args:
            directory: made if need be.
            about: further entries of the JSON file.
        """
        from undertow.plots import latent_curve
        from undertow.plots.style import image_bytes, off_screen

        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        table = write_json(
            directory / f"{FILE}.json", {**self.to_dict(), **(about or {}), "versions": versions()}
        )
        if not self.scores:
            return [table]
        latent_curve(self, figure=(figure := off_screen()))
        with written_whole(directory / f"{FILE}.png", overwrite=True) as temporary:
            temporary.write_bytes(image_bytes(figure))
        return [table, directory / f"{FILE}.png"]

    def _unit(self, name: str) -> str:
        return next(iter(self.scores.values()))[name].unit


def _scores(found: Sequence[Found]) -> dict[str, Score]:
    """Each score over folds; seeds, and draws within them, are averaged."""
    by_fold: dict[int, list[Mapping[str, Sequence[Statistic]]]] = {}
    for each in found:
        by_fold.setdefault(each.cell.cell.fold or 0, []).append(each.statistics)
    return {
        name: pooled_score(
            [[s for mine in cells for s in mine[name]] for cells in by_fold.values()],
            split="cross-validation",
        )
        for name in found[0].statistics
    }


def _counted(found: Sequence[Found]) -> dict[float, int]:
    """How many draws used each penalty, smallest first."""
    return dict(sorted(Counter(penalty for each in found for penalty in each.penalties).items()))
