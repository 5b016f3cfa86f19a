"""The scores of a run beside the baseline's, and the `scores.json` that holds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undertow.evaluation import Score, Statistic, combine
from undertow.evaluation.tables import Table, Tabular
from undertow.experiments.environment import versions
from undertow.files import write_json

FILE = "scores.json"
Cells = Sequence[Sequence[Mapping[str, Statistic]]]


@dataclass(frozen=True, eq=False, repr=False)
class ScoreTable(Tabular):
    """Scores by model, and what the first model has over the second.

    Attributes:
        scores: model name → score name → Score.
        differences: score name → paired difference, first model minus second; empty for one model.
    """

    scores: Mapping[str, Mapping[str, Score]]
    differences: Mapping[str, Score]

    def table(self) -> Table:
        """A row per score; columns: each model, and what the first has over the second."""
        columns: dict[str, Mapping[str, Score]] = {**self.scores}
        if self.differences:
            columns[" − ".join(list(self.scores)[:2])] = self.differences
        names = dict.fromkeys(name for scores in columns.values() for name in scores)
        heads = ["score", *columns, "unit", "trials"]
        return heads, [_row(name, list(columns.values())) for name in names]

    def rows(self) -> list[dict[str, Any]]:
        """One plain row per model and score, differences last."""
        rows = [
            {"model": model, **s.to_dict()}
            for model, scores in self.scores.items()
            for s in scores.values()
        ]
        return rows + [
            {"model": " − ".join(self.scores), **s.to_dict()} for s in self.differences.values()
        ]


def _row(name: str, columns: Sequence[Mapping[str, Score]]) -> list[str]:
    """One score in every column, a dash where a model has none."""
    known = next(scores[name] for scores in columns if name in scores)
    cells = [scores[name].brief() if name in scores else "–" for scores in columns]
    return [name, *cells, known.unit, str(known.n_trials)]


def score_table(cells: Mapping[str, Cells]) -> ScoreTable:
    """Scores with intervals from the statistics of each model's folds and seeds.

    Args:
        cells: model name → for each fold → for each seed → the statistics; the first two models are
            compared, paired.
    """
    scores = {name: combine(folds) for name, folds in cells.items()}
    first, *others = cells.values()
    return ScoreTable(scores, combine(first, minus=others[0]) if others else {})


def write_scores(path: Path, table: ScoreTable, about: Mapping[str, Any]) -> Path:
    """Write scores.json: every score with its model, unit, split, interval and sizes; then what it
    was made from."""
    rows = table.rows()
    n_models = len(table.scores)
    scores = [row for row in rows if row["model"] in table.scores]
    return write_json(
        path,
        {
            "scores": scores,
            "differences": [row for row in rows if row not in scores] if n_models > 1 else [],
            **about,
            "versions": versions(),
        },
    )
