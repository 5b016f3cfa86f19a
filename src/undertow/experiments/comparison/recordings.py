"""`Comparisons`: the same models compared on each of several recordings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undertow.evaluation.tables import Table, Tabular
from undertow.experiments.comparison.result import Comparison
from undertow.experiments.comparison.tables import LEVEL
from undertow.experiments.identity import versions
from undertow.experiments.scores import score_text
from undertow.experiments.text_tables import cell_text, markdown_table
from undertow.files import csv_text, write_json, write_text
from undertow.names import listed

FILE = "grid"


@dataclass(frozen=True, eq=False, repr=False)
class Comparisons(Tabular):
    """Comparisons by recording.

    Attributes:
        recordings: name → the comparison of the models on it.
    """

    recordings: Mapping[str, Comparison]

    @property
    def errors(self) -> Mapping[str, str]:
        """Fit → error, for those that did not finish."""
        return {k: error for each in self.recordings.values() for k, error in each.errors.items()}

    @property
    def scores(self) -> list[str]:
        """Names of the scores that any recording has."""
        named = [each.ranking.score_names for each in self.recordings.values()]
        return list(dict.fromkeys(name for names in named for name in names))

    def table(self) -> Table:
        """The first score, which most recordings are compared by."""
        return self.tables()[0] if self.scores else (["recording"], [[k] for k in self.recordings])

    def tables(self) -> list[Table]:
        """Of each score: a row per recording, a column per model, '*' where level with the best."""
        return [self._table(score) for score in self.scores] + [self._ranks()]

    def _table(self, score: str) -> Table:
        models = list(dict.fromkeys(name for c in self.recordings.values() for name in c.models))
        rows = []
        for recording, each in self.recordings.items():
            level, row = each.level.get(score, ()), [recording]
            for model in models:
                found = each.models[model].scores.get(score) if model in each.models else None
                row.append(score_text(found, spread=False) + (LEVEL if model in level else ""))
            rows.append(row)
        return [score, *models], rows

    def _ranks(self) -> Table:
        """Mean rank of each model over its scores, by recording."""
        models = list(dict.fromkeys(name for c in self.recordings.values() for name in c.models))
        rows = [
            [name, *(cell_text(c.ranking.mean_rank(m)) if m in c.models else "–" for m in models)]
            for name, c in self.recordings.items()
        ]
        return ["mean rank", *models], rows

    def sentences(self) -> list[str]:
        """On how many recordings each model is level with the best, by each score."""
        said = []
        for score in self.scores:
            having = [c.level[score] for c in self.recordings.values() if c.level.get(score)]
            times: dict[str, int] = {}
            for level in having:
                for model in level:
                    times[model] = times.get(model, 0) + 1
            if times:
                counts = [f"{m} on {n}" for m, n in sorted(times.items(), key=lambda kv: -kv[1])]
                of = f"{len(having)} recording{'s' * (len(having) > 1)}"
                said.append(f"level with the best by {score}, of {of}: {listed(counts, 10)}.")
        return said

    def rows(self) -> list[dict[str, Any]]:
        """One plain row per recording, model and score."""
        return [
            {"recording": name, **row}
            for name, each in self.recordings.items()
            for row in each.rows()
        ]

    def write(self, directory: str | Path, about: Mapping[str, Any] | None = None) -> list[Path]:
        """Write grid.csv, .md and .json, and the files of each recording's comparison.

        Those lie in a folder of its name, see `Comparison.write`.

        Args:
            directory: made if need be.
            about: further entries of the JSON files.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        for name, each in self.recordings.items():
            each.write(directory / name, about)
        rows = self.rows()
        heads = list(dict.fromkeys(key for row in rows for key in row)) or ["recording"]
        table, text, whole = (directory / f"{FILE}.{kind}" for kind in ("csv", "md", "json"))
        write_text(table, csv_text(heads, [[row.get(key, "") for key in heads] for row in rows]))
        said = "".join(f"\n{sentence}\n" for sentence in self.sentences())
        write_text(text, "\n".join(markdown_table(*each) for each in self.tables()) + said)
        content = {"scores": rows, "errors": self.errors, **(about or {}), "versions": versions()}
        write_json(whole, content)
        return [table, text, whole]
