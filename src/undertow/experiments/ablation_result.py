"""`Ablation`: the results of every arm, as scores, paired differences and tables."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undertow.evaluation import Score
from undertow.evaluation.tables import Table, Tabular
from undertow.experiments.cells import CellResult
from undertow.experiments.fitting import EXCHANGED
from undertow.experiments.identity import settings_of, versions
from undertow.experiments.pairing import Seeds, by_fold, paired_differences, scores_of
from undertow.experiments.scores import score_text
from undertow.experiments.text_tables import cell_text, markdown_table
from undertow.files import write_json, write_rows, written_whole
from undertow.models.base import Estimator

FILE = "ablation"
UNSHOWN = ("held-in bps", "rate R2 variance-weighted", "rate R2 median")


@dataclass(frozen=True, eq=False)
class ArmResult:
    """The result of one arm.

    Attributes:
        settings: of its model, the chosen dropout among them.
        validation: dropout → validation score on fold 0; empty where none was chosen.
        statistics: fold → seed → score name → per-trial sums.
        scores: score name → score over the folds and seeds it has; 'latent reliance' where it
            has latents.
        differences: score name → paired difference from the first arm, over the folds and seeds
            both have.
        parameters: numbers learned, 'all' and those of the 'dynamics'; empty for a model that does
            not count them.
        fit_s: median seconds of a fit.
    """

    settings: Mapping[str, Any]
    validation: Mapping[float, float]
    statistics: Mapping[int, Seeds]
    scores: Mapping[str, Score]
    differences: Mapping[str, Score]
    parameters: Mapping[str, int]
    fit_s: float

    @property
    def dropout(self) -> float | None:
        """The dropout of the model; None for a model without one."""
        return self.settings.get("dropout")

    @property
    def fits(self) -> int:
        """The number of fits that finished."""
        return sum(len(seeds) for seeds in self.statistics.values())


@dataclass(frozen=True, eq=False, repr=False)
class Ablation(Tabular):
    """The result of an ablation.

    Attributes:
        arms: name → result, in the order they were given; the first is what the others are compared
            with.
        errors: cell name → error, for those that did not finish.
    """

    arms: Mapping[str, ArmResult]
    errors: Mapping[str, str]

    @classmethod
    def from_cells(
        cls,
        models: Mapping[str, Estimator],
        cells: Sequence[CellResult],
        validation: Mapping[str, Mapping[float, float]],
        choice: Sequence[CellResult] = (),
    ) -> "Ablation":
        """From the cells of a grid whose models are the arms.

        Differences are paired: an arm is compared with the first over the folds and seeds that both
        have, since `combine` averages whatever seeds it is given and would set the mean of three
        seeds of one arm against a single seed of another.

        Args:
            models: arm → the model fitted.
            cells: of all arms.
            validation: arm → dropout → validation score.
            choice: the cells these were tried in, for their errors.
        """
        finished = {
            name: [c for c in cells if c.cell.model == name and not c.error] for name in models
        }
        found = {name: by_fold(mine) for name, mine in finished.items()}
        first, *_ = found.values()
        arms = {
            name: ArmResult(
                settings_of(model),
                validation.get(name, {}),
                found[name],
                scores_of(found[name]),
                paired_differences(found[name], first) if found[name] is not first else {},
                next((c.parameters for c in finished[name]), {}),
                statistics.median(c.fit_s for c in finished[name])
                if finished[name]
                else float("nan"),
            )
            for name, model in models.items()
        }
        return cls(arms, {c.cell.name: c.error for c in (*choice, *cells) if c.error})

    @property
    def reference(self) -> str:
        """The first arm."""
        return next(iter(self.arms))

    @property
    def score_names(self) -> list[str]:
        """Every score any arm has."""
        return list(dict.fromkeys(name for arm in self.arms.values() for name in arm.scores))

    def rows(self) -> list[dict[str, Any]]:
        """One plain row per arm and score: value and paired difference, with intervals."""
        return [
            {
                "arm": name,
                **score.to_dict(),
                **_difference_row(arm.differences.get(key)),
                "folds": len(arm.statistics),
                "fits": arm.fits,
            }
            for name, arm in self.arms.items()
            for key, score in arm.scores.items()
        ]

    def arm_rows(self) -> list[dict[str, Any]]:
        """One plain row per arm: dropout, parameters, median seconds of a fit, fits."""
        return [
            {
                "arm": name,
                "dropout": arm.dropout,
                "parameters": arm.parameters.get("all"),
                "parameters_dynamics": arm.parameters.get("dynamics"),
                "fit_s": arm.fit_s,
                "folds": len(arm.statistics),
                "fits": arm.fits,
            }
            for name, arm in self.arms.items()
        ]

    def table(self) -> Table:
        """The table of scores."""
        return self.score_table()

    def to_dict(self) -> dict[str, Any]:
        """Everything but the per-trial sums, in plain values."""
        about = {
            row.pop("arm"): {
                **row,
                "validation": self.arms[name].validation,
                "settings": self.arms[name].settings,
                "cells": {fold: list(seeds) for fold, seeds in self.arms[name].statistics.items()},
            }
            for name, row in zip(self.arms, self.arm_rows(), strict=True)
        }
        return {
            "compared_with": self.reference,
            "arms": about,
            "scores": self.rows(),
            "errors": self.errors,
        }

    def write(self, directory: str | Path, about: Mapping[str, Any] | None = None) -> list[Path]:
        """Write ablation.json, ablation.csv and ablation.md, each whole or not at all.

        The CSV file has one line per arm and score.

        Args:
            directory: made if need be.
            about: further entries of the JSON file.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        content = {**self.to_dict(), **(about or {}), "versions": versions()}
        table, page = directory / f"{FILE}.csv", directory / f"{FILE}.md"
        rows = self.rows()
        with (
            written_whole(table, overwrite=True) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            write_rows(file, [list(rows[0]) if rows else ["arm"], *(row.values() for row in rows)])
        with written_whole(page, overwrite=True) as temporary:
            temporary.write_text(self.markdown(), encoding="utf-8")
        return [write_json(directory / f"{FILE}.json", content), table, page]

    def score_table(self, names: Sequence[str] | None = None) -> tuple[list[str], list[list[str]]]:
        """Heads and rows of text: each score of each arm, and its difference from the first."""
        shown = [n for n in self.score_names if n not in UNSHOWN and not n.endswith(EXCHANGED)]
        rows = [
            [
                key,
                name,
                score_text(arm.scores[key], spread=False),
                score_text(arm.differences.get(key), sign=True, spread=False),
            ]
            for key in (shown if names is None else names)
            for name, arm in self.arms.items()
            if key in arm.scores
        ]
        return ["score", "arm", "value [95 %]", f"minus {self.reference} [95 %]"], rows

    def arm_table(self) -> tuple[list[str], list[list[str]]]:
        """Heads and rows of text: the settings and the cost of each arm."""
        heads = [
            "arm",
            "dropout",
            "parameters",
            "of the dynamics",
            "seconds a fit",
            "folds",
            "fits",
        ]
        return heads, [[cell_text(value) for value in row.values()] for row in self.arm_rows()]

    def tables(self) -> list[tuple[list[str], list[list[str]]]]:
        """Both tables."""
        return [self.score_table(), self.arm_table()]

    def sentences(self) -> list[str]:
        """None: the tables say it all."""
        return []

    def markdown(self, names: Sequence[str] | None = None) -> str:
        """Both tables in Markdown."""
        return "\n".join(
            markdown_table(*table) for table in (self.score_table(names), self.arm_table())
        )


def _difference_row(difference: Score | None) -> dict[str, Any]:
    values = {} if difference is None else difference.to_dict()
    names = {
        "difference": "value",
        "difference_low": "low",
        "difference_high": "high",
        "difference_trials": "n_trials",
    }
    return {name: values.get(key) for name, key in names.items()}
