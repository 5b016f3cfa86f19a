"""The scores of a run beside the baseline's, and the `scores.json` that holds them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from undertow.data import TrialSet
from undertow.evaluation import (
    TRUE_RATES,
    Score,
    Statistic,
    combine,
    pooled_score,
    truth_statistics,
)
from undertow.evaluation.scores.likelihood import UNHEARD
from undertow.evaluation.scores.psth import FEW_TRIALS, TRIALS
from undertow.evaluation.tables import Table, Tabular
from undertow.experiments.fitting import EXCHANGED
from undertow.experiments.identity import versions
from undertow.files import write_json

FILE, RELIANCE = "scores.json", "latent reliance"
LIKELIHOODS = ("co-bps", "fp-bps", "held-in bps")
Cells = Sequence[Sequence[Mapping[str, Statistic]]]


@dataclass(frozen=True, eq=False, repr=False)
class ScoreTable(Tabular):
    """Scores by model, and by how much the first model exceeds the second.

    Attributes:
        scores: model name → score name → Score; 'true rates' is what the rates that made the spikes
            score, where they are known.
        differences: score name → paired difference, first model minus second; empty for one model.
    """

    scores: Mapping[str, Mapping[str, Score]]
    differences: Mapping[str, Score]

    def table(self) -> Table:
        """A row per score; columns: each model, and what the first has over the second."""
        columns: dict[str, Mapping[str, Score]] = {**self.scores}
        truth = columns.pop(TRUE_RATES, None)
        if self.differences:
            columns[self._pair] = self.differences
        if truth is not None:
            columns[TRUE_RATES] = truth
        names = dict.fromkeys(name for scores in columns.values() for name in scores)
        heads = ["score", *columns, "unit", "test trials"]
        return heads, [_row(name, list(columns.values())) for name in names]

    def rows(self) -> list[dict[str, Any]]:
        """One plain row per model and score, differences last."""
        rows = [
            {"model": model, **s.to_dict()}
            for model, scores in self.scores.items()
            for s in scores.values()
        ]
        return rows + [{"model": self._pair, **s.to_dict()} for s in self.differences.values()]

    @property
    def _pair(self) -> str:
        """The two models that are compared."""
        return " − ".join(list(self.scores)[:2])


def _row(name: str, columns: Sequence[Mapping[str, Score]]) -> list[str]:
    """One score in every column, a dash where a model has none."""
    known = next(scores[name] for scores in columns if name in scores)
    cells = [score_text(scores.get(name)) for scores in columns]
    return [name, *cells, known.unit, str(known.n_trials)]


def score_table(cells: Mapping[str, Cells]) -> ScoreTable:
    """Scores with intervals from the statistics of each model's folds and seeds.

    Args:
        cells: model name → for each fold → for each seed → the statistics; the first two models are
            compared, paired, unless the second are the true rates.
    """
    scores = {name: combine(folds) for name, folds in cells.items()}
    first, *others = (folds for name, folds in cells.items() if name != TRUE_RATES)
    return ScoreTable(scores, combine(first, minus=others[0]) if others else {})


def true_rate_cells(folds: Iterable[tuple[TrialSet | None, TrialSet]]) -> dict[str, Cells]:
    """What the true rates score on each fold, as a model of `score_table`.

    Args:
        folds: the training trials (validation trials among them; None where they are not known)
            and the test trials of each.

    Returns:
        'true rates' → folds; empty where they are not known.
    """
    found = [[truth_statistics(test, train)] for train, test in folds]
    return {TRUE_RATES: found} if all(each for (each,) in found) else {}


def latent_reliance(cells: Cells) -> Score | None:
    """How much the decoder leans on the latents: the score that is lost when they are exchanged.

    It is no measure of information: exchanged latents beside a trial's own h are a pair the decoder
    has never seen.

    The paired difference of 'co-bps' and 'co-bps exchanged' (where no neuron is held out, of the
    first of 'fp-bps' and 'held-in bps' there is), with a bootstrap interval over trials.

    Args:
        cells: for each fold, for each seed, statistics by name, as `CellResult.statistics` returns.

    Returns:
        A score in bits/spike; None for a model without latents.
    """
    everything = [cell for fold in cells for cell in fold]
    name = next(
        (n for n in LIKELIHOODS if everything and all(n + EXCHANGED in c for c in everything)), None
    )
    if name is None:
        return None
    kept = [[cell[name] for cell in fold] for fold in cells]
    exchanged = [[replace(cell[name + EXCHANGED], name=name) for cell in fold] for fold in cells]
    lost = pooled_score(kept, minus=exchanged)
    return replace(
        lost,
        name=RELIANCE,
        note=f"{name} lost when latents are exchanged between trials; {lost.note}",
    )


def score_warnings(scores: Mapping[str, Score]) -> list[str]:
    """Which scores say less than they seem to, a sentence each.

    They are averages of fewer than four trials, and those without neurons that no model could know.
    """
    said = []
    psths = scores.get("psth R2")
    fewest = psths.facts.get(f"fewest {TRIALS}") if psths else None
    least = fewest[0] if isinstance(fewest, tuple) else fewest
    if least is not None and least < FEW_TRIALS:
        said.append(
            f"psth R2 averages {least:g} test trials of some conditions, too few to average out "
            f"what differs between trials: keep {FEW_TRIALS} or more for testing, or read it "
            "beside its noise ceiling alone."
        )
    for piece in dict.fromkeys(p for score in scores.values() for p in score.note.split("; ")):
        if piece.endswith(UNHEARD):
            said.append(
                f"bits per spike are {piece}: no model can know their rate. Leave them out "
                "(--min-rate, filter_rates) or keep trials in which they fire for training."
            )
    return said


def score_text(score: Score | None, sign: bool = False, spread: bool = True) -> str:
    """'0.310 [0.295, 0.326] sd 0.020': value, interval, and spread over folds where there is one.

    Args:
        score: '–' stands for None.
        sign: of a difference: '+0.015 [+0.002, +0.028]'.
        spread: with the standard deviation over folds, where it is known.
    """
    return "–" if score is None else score.brief(sign, spread)


def write_scores(path: Path, table: ScoreTable, about: Mapping[str, Any]) -> Path:
    """Write scores.json: every score with its model, unit, split, interval and sizes.

    What the scores were made from comes after them.
    """
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
