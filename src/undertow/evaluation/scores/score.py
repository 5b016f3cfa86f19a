"""`Score`: one number with its unit, interval and what it was computed from."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from undertow.errors import DataError
from undertow.evaluation.scores.bootstrap import LEVEL, RESAMPLES, bootstrap_weights, interval
from undertow.evaluation.scores.statistic import Statistic
from undertow.evaluation.tables import Table, Tabular

Folds = Sequence[Statistic | Sequence[Statistic]]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score of one model on one split.

    Attributes:
        name, unit: such as 'co-bps', 'bits/spike'.
        value: the score; over several folds and seeds, the mean of their scores.
        split: which trials, such as 'test'.
        low, high: bootstrap interval over trials; NaN where it cannot be made (a single trial).
        level: of the interval.
        n_trials, n_neurons: how many entered (neurons: the most in any fold).
        bin_s: bin width in seconds.
        note: what a reader must know, such as the neurons left out.
        std_over_folds: standard deviation (n − 1) over folds of the fold scores, seeds averaged;
            None for one fold.
        facts: numbers the score was made with or must be read beside, by name, such as the
            'noise ceiling' of 'psth R2'; least and greatest where folds or seeds differ.
    """

    name: str
    value: float
    unit: str
    split: str
    low: float
    high: float
    level: float = LEVEL
    n_trials: int
    bin_s: float
    n_neurons: int
    note: str = ""
    std_over_folds: float | None = None
    facts: Mapping[str, float | tuple[float, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; None where a number is not finite."""
        values = dataclasses.asdict(self)
        return {k: _plain(v) for k, v in values.items()}

    def brief(self, sign: bool = False, spread: bool = True) -> str:
        """'0.310 [0.295, 0.326] sd 0.020': value, interval, and spread over folds, where known.

        Args:
            sign: of a difference: '+0.015 [+0.002, +0.028]'.
            spread: with the standard deviation over folds.
        """
        value, low, high = (
            f"{number:{'+' if sign else ''}.3f}".replace("-", "−")
            for number in (self.value, self.low, self.high)
        )
        text = value if math.isnan(self.low) else f"{value} [{low}, {high}]"
        std = self.std_over_folds if spread else None
        return text if std is None else f"{text} sd {std:.3f}"

    def __repr__(self) -> str:
        trials = f"{self.n_trials} trial{'' if self.n_trials == 1 else 's'}"
        return f"{self.brief()} {self.unit} ({trials})"

    def __str__(self) -> str:
        return f"{self.name} {self.value:.3f} [{self.low:.3f}, {self.high:.3f}] {self.unit}"


def _plain(value: Any) -> Any:
    """The value as JSON holds it: None for a number that is not finite, a list for a tuple."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Scores(Tabular, dict[str, Score]):
    """Scores by name; a dict that shows itself as a table."""

    def table(self) -> Table:
        """A row per score."""
        heads = ["score", "value", "unit", "trials"]
        rows = [[k, each.brief(), each.unit, str(each.n_trials)] for k, each in self.items()]
        return heads, rows


def pooled_score(
    folds: Folds,
    minus: Folds | None = None,
    split: str = "test",
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
    over_folds: bool = False,
) -> Score:
    """The score over folds and seeds, or the paired difference of two models.

    It comes with a bootstrap interval over trials and seeds.

    The value is the mean over folds of the mean over seeds. Trials are resampled within each fold
    with weights that depend on `seed` and the fold only: seeds and models share them, so
    differences are paired. Where a fold has several seeds they are resampled too, in each model on
    its own, for a seed of one model has nothing to do with the same seed of another.

    Args:
        folds: for each fold its statistic, or one statistic per seed.
        minus: the same of another model on the same trials, to be subtracted.
        split, resamples, seed, level: as recorded in, and used for, the score.
        over_folds: resample folds as well, whose training trials differ; the interval is then of
            other training trials too, and errs on the wide side.

    Raises:
        DataError: when there is no fold, or statistics to be paired are of different scores or
            trials.
    """
    cells = [[fold] if isinstance(fold, Statistic) else list(fold) for fold in folds]
    others = (
        [[fold] if isinstance(fold, Statistic) else list(fold) for fold in minus]
        if minus is not None
        else None
    )
    _check_cells(cells, others)
    values, resampled = _over_folds(cells, resamples, seed, over_folds, side=0)
    if others is not None:
        their_values, theirs = _over_folds(others, resamples, seed, over_folds, side=1)
        # resample r has the same trials on both sides: what they share cancels, fold by fold
        values, resampled = values - their_values, resampled - theirs
    everything = [s for cell in cells for s in cell]
    first = everything[0]
    n_trials = sum(cell[0].n_trials for cell in cells)
    low, high = (
        interval(float(values.mean()), resampled, level) if n_trials > 1 else (math.nan, math.nan)
    )
    return Score(
        name=first.name if others is None else f"{first.name} difference",
        value=float(values.mean()),
        unit=first.unit,
        split=split,
        low=low if others is not None else max(low, first.LEAST),
        high=high,
        level=level,
        n_trials=n_trials,
        bin_s=first.bin_s,
        n_neurons=max(s.n_neurons for s in everything),
        note=_note(everything, facts := _facts(everything)),
        std_over_folds=float(values.std(ddof=1)) if len(values) > 1 else None,
        facts=facts,
    )


def combine(
    folds: Sequence[Sequence[Mapping[str, Statistic]]],
    minus: Sequence[Sequence[Mapping[str, Statistic]]] | None = None,
    **options: Any,
) -> Scores:
    """`pooled_score` of every statistic that all cells have.

    Args:
        folds: for each fold, for each seed, what `sufficient_statistics` or `load_statistics`
            returned.
        minus: the same of another model, to be subtracted.
        options: `split`, `resamples`, `seed`, `level`, `over_folds` of `pooled_score`.
    """
    cells = [cell for fold in [*folds, *(minus or [])] for cell in fold]
    if not cells:
        raise DataError("there is no fold to combine: pass at least one with at least one seed.")
    names = [name for name in cells[0] if all(name in cell for cell in cells)]
    return Scores(
        (
            name,
            pooled_score(
                [[cell[name] for cell in fold] for fold in folds],
                None if minus is None else [[cell[name] for cell in fold] for fold in minus],
                **options,
            ),
        )
        for name in names
    )


def _facts(statistics: list[Statistic]) -> dict[str, float | tuple[float, float]]:
    """The facts that all have; of a fact that differs, the least and the greatest value."""
    names = [name for name in statistics[0].facts if all(name in s.facts for s in statistics)]
    found: dict[str, float | tuple[float, float]] = {}
    for name in names:
        values = [s.facts[name] for s in statistics if math.isfinite(s.facts[name])]
        least, most = (min(values), max(values)) if values else (math.nan, math.nan)
        found[name] = most if least == most or not values else (least, most)
    return found


def _note(statistics: list[Statistic], facts: Mapping[str, float | tuple[float, float]]) -> str:
    """The notes of all folds, each once, with their facts, and how many neurons were left out."""
    notes = list(dict.fromkeys(s.note for s in statistics if s.note))
    notes = [piece for note in notes for piece in note.split("; ")]
    for name, value in facts.items():
        notes = [note.replace(f"{{{name}}}", _in_words(value)) for note in notes]
    fewest, most = min(s.left_out for s in statistics), max(s.left_out for s in statistics)
    if most:
        number = str(most) if fewest == most else f"{fewest} to {most}"
        notes.append(f"{number} silent neuron{'s' * (most > 1)} left out")
    return "; ".join(dict.fromkeys(notes))


def _in_words(value: float | tuple[float, float]) -> str:
    """'0.5', or '0.5 to 2' where folds or seeds differ."""
    values = value if isinstance(value, tuple) else (value,)
    return " to ".join(f"{each:.3g}" for each in values)


def _over_folds(
    cells: list[list[Statistic]], resamples: int, seed: int, over_folds: bool, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fold scores, (folds,), and resampled scores averaged over folds, (resamples,).

    `side` tells the model from the one it is compared with.
    """
    # seeds first, then folds: each fold counts the same however many seeds it has
    values = np.array([np.mean([s.value for s in cell]) for cell in cells])
    resampled = np.zeros(resamples)
    counted = np.ones((resamples, len(cells)))
    if over_folds:  # both sides draw the same folds, whose training trials they share
        counted = bootstrap_weights(len(cells), resamples=resamples, seed=(seed, len(cells), 0))
    for k, cell in enumerate(cells):
        # seeded by `seed` and the fold alone: all models of a fold see the same resamples
        weights = bootstrap_weights(cell[0].n_trials, cell[0].condition, resamples, seed=(seed, k))
        seeds = bootstrap_weights(len(cell), resamples=resamples, seed=(seed, k, 1 + side))
        found = np.stack([s.finish(weights) for s in cell], axis=1)
        resampled += counted[:, k] * (seeds * found).mean(axis=1) / len(cells)
    return values, resampled


def _check_cells(cells: list[list[Statistic]], others: list[list[Statistic]] | None) -> None:
    """Every fold has a statistic; within a fold all are of one score and the same trials."""
    if not cells or not all(cells) or (others is not None and not all(others)):
        raise DataError(
            "a fold has no statistic: pass at least one fold, each with at least one statistic."
        )
    if others is not None and len(others) != len(cells):
        raise DataError(
            f"{len(cells)} folds are compared with {len(others)}: they must be the same folds."
        )
    for k, cell in enumerate(cells):
        for s in [*cell, *(others[k] if others is not None else [])]:
            if s.name != cells[0][0].name:
                raise DataError(
                    f"{s.name!r} cannot be pooled with {cells[0][0].name!r}: pass statistics of "
                    "one score."
                )
            if not np.array_equal(s.trial_ids, cell[0].trial_ids):
                raise DataError(
                    f"fold {k}: the statistics of {s.name!r} are of different trials: score the "
                    "same trials."
                )
