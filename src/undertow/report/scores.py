"""The headline table: scores with intervals, the baseline's beside them, and what each means."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from undertow.report.page import number, text
from undertow.report.record import RunRecord

if TYPE_CHECKING:
    from undertow.evaluation import Score

MEANINGS: Mapping[str, str] = {
    "cobps": "Co-smoothing: how much better the model predicts the spikes of neurons it was never shown, from the other "
    "neurons at the same time, than each neuron's own mean rate does. Zero is no better than the mean; higher is better.",
    "fpbps": "Forward prediction: the same in the bins after the window, which the model was never shown. Higher is better.",
    "heldinbps": "The same score for the neurons whose spikes the model was given: how well it describes what it has seen, "
    "not how well it predicts. Higher is better.",
    "bps": "How much better the rates predict the spikes than each neuron's own mean rate does. Higher is better.",
    "velr2": "Share of the variance of the measured velocity that a linear decoder of the inferred rates explains, the "
    "decoder fitted on the training trials. One is perfect, zero no better than the mean; higher is better.",
    "velr2lograte": "The same with the logarithm of the rates, and the velocity a fixed lag after them (see the note).",
    "psthr2": "How well trial-averaged inferred rates match the trial-averaged spikes of each condition. One is perfect; "
    "higher is better.",
    "rater2": "Share of the variance of the true rates (known, since the data are synthetic) that the inferred rates "
    "explain. One is perfect; higher is better.",
    "rater2varianceweighted": "The same, neurons weighted by the variance of their true rate.",
    "rater2median": "The same for the median neuron.",
    "tpcorr": "Correlation of the speed of the population state with the time the animal produced: faster states should "
    "go with shorter times. More negative is better.",
}


def meaning(name: str) -> str:
    """A plain sentence for a metric; empty for one that is not known here."""
    return MEANINGS.get("".join(c for c in name.lower().replace("velocity", "vel") if c.isalnum()), "")


def score_table(record: RunRecord) -> str:
    """Rows are metrics; columns the model, every baseline, the paired difference, and what was scored."""
    models = (record.model_name, *record.baseline_names)
    heads = ["score", *models]
    if record.differences:
        heads.append("difference (paired)")
    heads += ["unit", "trials", "bins", "neurons"]
    rows = "".join(_row(record, metric, models) for metric in record.metrics)
    head = "".join(f"<th>{text(h)}</th>" for h in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(record: RunRecord, metric: str, models: tuple[str, ...]) -> str:
    scores = [record.scores[model].get(metric) for model in models]
    known = next(score for score in scores if score is not None)
    cells = [f"<td>{text(metric)}</td>"]
    cells += [_cell(score, main=k == 0) for k, score in enumerate(scores)]
    if record.differences:
        cells.append(_cell(record.differences.get(metric), sign=True))
    about = (known.unit, f"{known.n_trials} {known.split}", f"{1e3 * known.bin_s:g} ms", known.n_neurons)
    return f"<tr>{''.join(cells)}{''.join(f'<td>{text(a)}</td>' for a in about)}</tr>"


def _cell(score: "Score | None", main: bool = False, sign: bool = False) -> str:
    """Value above its interval."""
    if score is None:
        return "<td>–</td>"
    plus = "+" if sign and score.value > 0 else ""
    inner = f"{plus}{number(float(score.value))}{interval(score)}{_spread(score)}"
    return f'<td class="main">{inner}</td>' if main else f"<td>{inner}</td>"


def interval(score: "Score") -> str:
    """The interval as a small line; empty without one."""
    if not np.isfinite([score.low, score.high]).all():
        return ""
    return (
        f"<small>{100 * score.level:g} %: {number(float(score.low))} to {number(float(score.high))}</small>"
    )


def _spread(score: "Score") -> str:
    folds = score.std_over_folds
    return "" if folds is None else f"<small>sd over folds {number(float(folds))}</small>"


def meanings(record: RunRecord) -> str:
    """For each metric what it says, how the model stands beside the baseline, and the score's own note."""
    items = []
    for metric in record.metrics:
        score = next(s[metric] for s in record.scores.values() if metric in s)
        words = [meaning(metric), _verdict(record, metric), score.note]
        items.append(f"<dt>{text(metric)}</dt><dd>{text(' '.join(w for w in words if w))}</dd>")
    return f'<dl class="meaning">{"".join(items)}</dl>'


def _verdict(record: RunRecord, metric: str) -> str:
    """Whether the paired interval leaves out zero, in words."""
    gap = record.differences.get(metric)
    if gap is None or not np.isfinite([gap.low, gap.high]).all():
        return ""
    other = record.baseline_names[0] if record.baseline_names else "the baseline"
    if gap.low <= 0 <= gap.high:
        return f"Here the interval of the difference from {other} holds zero: these trials do not tell the two apart."
    side = "above" if gap.low > 0 else "below"
    return f"Here {record.model_name} lies {side} {other} by {number(abs(float(gap.value)))}; the interval leaves out zero."
