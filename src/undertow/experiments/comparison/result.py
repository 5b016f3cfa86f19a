"""`Comparison`: results of every model, differences, ranks, and who is level with the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from undertow.evaluation import Score
from undertow.evaluation.tables import Table, Tabular
from undertow.experiments.cells import CellResult
from undertow.experiments.comparison import tables
from undertow.experiments.comparison.compared import Compared, compared, complete
from undertow.experiments.comparison.page import comparison_page
from undertow.experiments.comparison.ranking import Ranking
from undertow.experiments.identity import versions
from undertow.experiments.pairing import scores_of
from undertow.experiments.text_tables import markdown_table
from undertow.files import write_json, write_rows, written_whole
from undertow.models.base import Estimator

FILE = "comparison"
Curves = Mapping[int, Mapping[str, Mapping[str, Score]]]
"""Number of training trials → model → score name → score."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Tabular):
    """The result of a comparison.

    Attributes:
        models: name → results, in the order given; differences are taken from the first.
        errors: fit → error, for those that did not finish.
        curves: scores by number of training trials; empty where none were asked for.
    """

    models: Mapping[str, Compared]
    errors: Mapping[str, str]
    curves: Curves = field(default_factory=dict)

    @classmethod
    def from_cells(
        cls,
        models: Mapping[str, Estimator],
        cells: Sequence[CellResult],
        fewer: Mapping[int, Sequence[CellResult]],
    ) -> "Comparison":
        """From the cells of a grid, and those of grids with fewer training trials.

        A fold and seed counts where every model that finished any fit finished it.
        """
        found, errors = complete(models, cells), {c.cell.name: c.error for c in cells if c.error}
        first, curves = next(iter(found.values())), {}
        each = {name: compared(models[name], found[name], first, cells, name) for name in found}
        for n, own in fewer.items():
            errors |= {c.cell.name: c.error for c in own if c.error}
            curves[n] = {name: scores_of(sums) for name, sums in complete(models, own).items()}
        return cls(each, errors, curves)

    @cached_property
    def ranking(self) -> Ranking:
        """Places of the models by each score."""
        return Ranking(self.models)

    @property
    def level(self) -> Mapping[str, Mapping[str, Score | None]]:
        """Score → models level with its best one, the best first; see `Ranking.level`."""
        return self.ranking.level

    def table(self) -> Table:
        """The table of scores."""
        return tables.score_table(self.ranking)

    def tables(self) -> list[Table]:
        """Scores, differences from the first model, ranks and costs."""
        made = (tables.score_table, tables.difference_table, tables.cost_table)
        return [make(self.ranking) for make in made]

    def rows(self) -> list[dict[str, Any]]:
        """One plain row per model and score."""
        return tables.score_rows(self.ranking)

    def sentences(self) -> list[str]:
        """Who is best by each score, and who is level with it."""
        return tables.sentences(self.ranking)

    def markdown(self) -> str:
        """All tables in Markdown."""
        return "\n".join(markdown_table(*table) for table in self.tables())

    def to_dict(self) -> dict[str, Any]:
        """Everything but the per-trial sums, in plain values."""
        rows = {row.pop("model"): row for row in tables.model_rows(self.ranking)}
        return {
            "compared_with": next(iter(self.models)),
            "models": {k: {**v, "settings": self.models[k].settings} for k, v in rows.items()},
            "scores": self.rows(),
            "curves": [
                {"train_trials": n, "model": name, **score.to_dict()}
                for n, models in self.curves.items()
                for name, scores in models.items()
                for score in scores.values()
            ],
            "errors": self.errors,
        }

    def write(self, directory: str | Path, about: Mapping[str, Any] | None = None) -> list[Path]:
        """Write comparison.html, .csv, .md and .json, each whole or not at all.

        The CSV file has one line per model and score.

        Args:
            directory: made if need be.
            about: further entries of the JSON file.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        content = {**self.to_dict(), **(about or {}), "versions": versions()}
        page, table, text, whole = (
            directory / f"{FILE}.{kind}" for kind in ("html", "csv", "md", "json")
        )
        rows = self.rows()
        with (
            written_whole(table, overwrite=True) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            write_rows(file, [list(rows[0]) if rows else ["model"], *(r.values() for r in rows)])
        drawn = comparison_page(self.ranking, self.curves, self.errors, content)
        for path, words in ((text, self.markdown()), (page, drawn)):
            with written_whole(path, overwrite=True) as temporary:
                temporary.write_text(words, encoding="utf-8")
        write_json(whole, content)
        return [page, table, text, whole]
