"""`SearchResult`: what a search tried, what it chose, and the files that say so."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from undertow.errors import UndertowError
from undertow.evaluation.tables import Table, Tabular
from undertow.experiments.identity import versions
from undertow.experiments.search.options import SearchKind
from undertow.experiments.search.trial import Trial
from undertow.files import csv_text, write_json, write_text
from undertow.models.parameters import SEPARATOR, one_line
from undertow.models.search_space import SearchSpace

JSON, CSV = "tune.json", "trials.csv"


@dataclass(frozen=True, eq=False, repr=False)
class SearchResult(Tabular):
    """Trials of a search, and the one that was chosen on the validation trials.

    Attributes:
        kind: 'random', 'asha' or 'pbt'.
        space: what was varied.
        trials: all of them, by number.
        slices: parts of a training.
    """

    kind: SearchKind
    space: SearchSpace
    trials: Sequence[Trial]
    slices: int = 1

    @property
    def best(self) -> Trial:
        """The trial of the best validation score, among those that were trained to the end.

        Raises:
            UndertowError: where every trial failed.
        """
        whole = [each for each in self.trials if each.state == "finished"]
        if not (whole or any(each.best for each in self.trials)):
            errors = [each.error for each in self.trials if each.error]
            raise UndertowError(
                f"all {len(self.trials)} trials of the search failed, the first with "
                f"{errors[0] if errors else 'no score'} Change what is searched."
            )
        scored = whole or [each for each in self.trials if each.best]
        # of equal ones the first to have these weights: copies end under settings that came later
        return max(scored, key=lambda each: (each.score, -len(each.schedule)))

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the best trial, as `set_params` takes them."""
        return self.best.settings

    @property
    def processor_s(self) -> float:
        """Seconds of processor time that all trials took."""
        return sum(each.processor_s for each in self.trials)

    def sentence(self) -> str:
        """Say what was searched, and what it brought on the validation trials."""
        best, first, n = self.best, self.trials[0], len(self.trials)
        how = {
            "random": f"the best of {n} samples",
            "asha": f"the best of {n} samples by successive halving",
            "pbt": f"those that a population of {n} found while it was trained",
        }[self.kind]
        as_given = first.best and len(first.schedule) < 2
        gain = f"{first.score:.4f} → {best.score:.4f}" if as_given else f"{best.score:.4f}"
        return (
            f"Settings are {how}, chosen by the score of the validation trials ({gain}; trial "
            f"{best.number}); test trials had no part in it."
        )

    # --- tables ----------------------------------------------------------------------------------

    def table(self) -> Table:
        """A row per trial, the best first: score, seconds, state and settings."""
        order = sorted(self.trials, key=lambda t: (np.isnan(t.score), -t.score))
        heads = ["trial", "validation", "seconds", "state", *map(dotted, self.space)]
        return heads, [_row(each, self.space) for each in order]

    def columns(self) -> list[dict[str, Any]]:
        """A plain row per trial, by number, as trials.csv holds them."""
        return [
            {
                "trial": each.number,
                "state": each.state,
                "validation_score": each.score if each.best else "",
                "slices": f"{len(each.best)} of {self.slices}",
                "processor_s": round(each.processor_s, 3),
                **{dotted(name): brief(each.settings.get(name)) for name in self.space},
                "schedule": _schedule_text(each),
                "error": each.error,
            }
            for each in self.trials
        ]

    def write(self, directory: Path, about: Mapping[str, Any]) -> list[Path]:
        """Write tune.json and trials.csv; `about` is what else tune.json says."""
        rows = self.columns()
        content = {
            "kind": self.kind,
            "best": self.best.number,
            "settings": _dotted(self.settings),
            "validation_score": self.best.score,
            "processor_s": self.processor_s,
            "slices": self.slices,
            "space": space_table(self.space),
            "trials": [_written(each) for each in self.trials],
            **about,
            "versions": versions(),
        }
        return [
            write_json(directory / JSON, content),
            write_text(directory / CSV, csv_text(rows[0], (row.values() for row in rows))),
        ]


def dotted(name: str) -> str:
    """A setting as files and the command line have it: 'training.learning_rate'."""
    return name.replace(SEPARATOR, ".")


def brief(value: Any) -> str:
    """A setting's value on one line, numbers to four digits."""
    return f"{value:.4g}" if isinstance(value, float) else one_line(value).strip("'")


def space_table(space: SearchSpace) -> dict[str, Any]:
    """What is varied, as tables of plain values."""
    return {dotted(name): asdict(held) for name, held in space.items()}


def _row(trial: Trial, space: SearchSpace) -> list[str]:
    score = f"{trial.score:.4f}" if trial.best else "–"
    settings = [brief(trial.settings.get(name)) for name in space]
    return [str(trial.number), score, f"{trial.processor_s:.1f}", trial.state, *settings]


def _schedule_text(trial: Trial) -> str:
    """'0: dropout=0.3; 4: dropout=0.24': settings behind the slices done before."""
    stages = (
        (begun, ", ".join(f"{dotted(name)}={brief(value)}" for name, value in settings.items()))
        for begun, settings in trial.schedule
    )
    return "; ".join(f"{begun}: {words}" for begun, words in stages)


def _dotted(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {dotted(name): value for name, value in settings.items()}


def _written(trial: Trial) -> dict[str, Any]:
    """A trial as tune.json holds it."""
    schedule = [
        {"slices_before": begun, "settings": _dotted(settings)}
        for begun, settings in trial.schedule
    ]
    return {**asdict(trial), "settings": _dotted(trial.settings), "schedule": schedule}
