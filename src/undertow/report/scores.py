"""Headline table: scores with intervals, the baselines' beside them, and what each means."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from undertow.evaluation import TRUE_RATES
from undertow.report.page import decimal, text
from undertow.report.record import RunRecord

if TYPE_CHECKING:
    from undertow.evaluation import Score

MEANINGS: Mapping[str, str] = {
    "co-bps": "Co-smoothing: how much better the spikes of neurons the model was never shown are "
    "predicted, from the other neurons at the same time, than by each neuron's own mean rate. "
    "Zero is no better than the mean; higher is better.",
    "held-in bps": "The same for the neurons whose spikes the model is given, bin by bin while "
    "that very bin was hidden from it: a tenth of the entries at a time, at random. Copying does "
    "not help here.",
    "fp-bps": "Forward prediction: how much better the spikes of the bins after the window, which "
    "the model was "
    "never shown, are predicted than by each neuron's own mean rate. Higher is better.",
    "rate R2": "Share of the variance of the true rates (known, since the data are synthetic) that "
    "the inferred "
    "rates explain, averaged over neurons. One is perfect; higher is better.",
    "rate R2 variance-weighted": "The same, neurons weighted by the variance of their true rate.",
    "rate R2 median": "The same for the median neuron.",
    "psth R2": "How well trial-averaged inferred rates match the trial-averaged spikes of each "
    "condition. Zero is no better than each neuron's mean; the noise ceiling, from halves of the "
    "trials, is what averages without the spikes' noise would reach. With few trials of a "
    "condition it falls, whatever the model; higher is better.",
    "velocity R2": "Share of the variance of the measured velocity that a linear decoder of the "
    "inferred rates explains, the decoder fitted on the training trials. One is perfect, zero no "
    "better than the mean; higher is better.",
    "velocity R2 log-rate": "The same with the logarithm of the rates, velocity a fixed lag after "
    "them. Small rates are first raised to a floor, which is chosen for each model by one rule in "
    "the training trials.",
    "generated bps": "How much better the spikes of all neurons, after the start of a trial, are "
    "predicted from that start "
    "and the stimulus alone than by each neuron's own mean rate. Higher is better.",
    "generated bps all bins": "The same with the bins of the start, which the model has seen.",
    "behavior R2": "Share of the variance of behaviour that the model itself predicts from the "
    "spikes, averaged over channels. "
    "One is perfect, zero no better than the mean; higher is better.",
    "generated behavior R2": "The same, predicted from the trial's start and the stimulus alone.",
    "interval coverage": "How many of the true rates lie inside the 90 % interval of the sampled "
    "rates. Below 0.9 the intervals are too narrow, above it too wide.",
    "interval spread": "How many times as far the rates err as their samples spread, read off the "
    "spikes of held-out neurons. Above one the intervals are too narrow.",
    "predictive coverage": "How many counts of held-out neurons lie inside the central 90 % of the "
    "law predicted for them: the samples' rates and the noise of spikes together. Below 0.9 "
    "predictions are too sure, above it not sure enough. Where the mean rates alone, taken as "
    "certain, would hold about as many, these spikes do not tell how wide the rates' posterior "
    "should be.",
    "PIT deviation": "By how much the bars of the histogram of these counts' places in their "
    "predicted laws differ from equal heights, noise taken out. Zero is right.",
    "tp corr": "Correlation of how fast the population state moves with the time the animal then "
    "produced: faster "
    "states should go with shorter times. More negative is better.",
}
BY_NAME: Mapping[str, str] = {
    "label accuracy": "Share of the trials whose label a logistic regression reads off the "
    "inferred rates, fitted on the "
    "training trials.",
    "majority share": "What always answering the commonest label would reach.",
    "predicted accuracy": "Share of the trials whose label the model itself finds likeliest, from "
    "all spikes of the trial.",
    "predicted log-loss": "How surprised the model is by the labels, from all spikes of the trial. "
    "Lower is better.",
    "generated accuracy": "The accuracy of the labels it predicts from the trial's start and the "
    "stimulus alone.",
    "generated log-loss": "Their log-loss. Lower is better.",
    "log-loss of shares": "The log-loss of answering each trial with the shares of the training "
    "trials: what a "
    "prediction must lie below to be worth anything.",
    "behavior majority share": "What always answering the training trials' commonest category "
    "would reach.",
    "behavior log-loss of shares": "The log-loss of answering each bin with the shares of the "
    "training trials: what a "
    "prediction must lie below to be worth anything.",
    "behavior accuracy": "Share of the bins whose category of behaviour the model itself finds "
    "likeliest, from all "
    "spikes of the trial.",
    "behavior log-loss": "How surprised the model is by these categories, from all spikes of the "
    "trial. Lower is better.",
    "generated behavior accuracy": "The accuracy of the categories predicted from the trial's "
    "start and the stimulus alone.",
    "generated behavior log-loss": "Their log-loss. Lower is better.",
}
TRUTH = (
    "What the rates that made the spikes would score: as much as can be had of these trials, whose "
    "spikes are noisy."
)
EXCHANGED = (
    "The score of the same name with each trial given the latents of another trial, all else the "
    "decoder sees being its own. What it lies below that score is what the latents carry."
)


def score_table(record: RunRecord) -> str:
    """Write the table of scores, a row per metric.

    The columns are the model, every baseline, the paired difference, and what was scored.
    """
    models = (record.model_name, *record.baseline_names)
    heads = ["score", *models]
    if record.differences:
        heads.append("difference (paired)")
    heads += ["unit", "trials", "bin width", "neurons"]
    head = "".join(f"<th>{text(name)}</th>" for name in heads)
    rows = "".join(_row(record, metric, models) for metric in record.metrics)
    return (
        "<div "
        f'class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(record: RunRecord, metric: str, models: tuple[str, ...]) -> str:
    first, *others = (record.scores[model].get(metric) for model in models)
    cells = [f"<td>{text(metric)}</td>", f'<td class="main">{_inside(first)}</td>']
    cells += [f"<td>{_inside(score)}</td>" for score in others]
    if record.differences:
        cells.append(f"<td>{_inside(record.differences.get(metric), sign=True)}</td>")
    known = any_score(record, metric)
    about = (
        known.unit,
        f"{known.n_trials} {known.split}",
        f"{1e3 * known.bin_s:g} ms",
        known.n_neurons,
    )
    return f"<tr>{''.join(cells)}{''.join(f'<td>{text(item)}</td>' for item in about)}</tr>"


def any_score(record: RunRecord, metric: str) -> "Score":
    """Return the metric's score of the first model that has it.

    Unit, trials and bins are the same for all models.
    """
    return next(scores[metric] for scores in record.scores.values() if metric in scores)


def _inside(score: "Score | None", sign: bool = False) -> str:
    """Write a cell: the value, and beneath it the interval and spread over folds, if any."""
    if score is None:
        return "–"
    words = ("+" if sign and score.value > 0 else "") + decimal(score.value)
    if has_interval(score):
        words += (
            f"<small>{100 * score.level:g} %: {decimal(score.low)} to {decimal(score.high)}</small>"
        )
    if score.std_over_folds is not None:
        words += f"<small>sd over folds {decimal(score.std_over_folds)}</small>"
    return words


def has_interval(score: "Score") -> bool:
    """Whether both ends are numbers; a single trial gives none."""
    return bool(np.isfinite([score.low, score.high]).all())


def meanings(record: RunRecord) -> str:
    """Explain each metric: its meaning, how the model compares, and the score's own note."""
    items = []
    for metric in record.metrics:
        note = any_score(record, metric).note
        meaning = (
            EXCHANGED if metric.endswith(" exchanged") else MEANINGS.get(metric, _by_name(metric))
        )
        words = [meaning, _verdict(record, metric), f"Scored: {note}." if note else ""]
        items.append(f"<dt>{text(metric)}</dt><dd>{text(' '.join(w for w in words if w))}</dd>")
    if TRUE_RATES in record.scores:
        items.append(f"<dt>{text(TRUE_RATES)}</dt><dd>{text(TRUTH)}</dd>")
    return f"<dl>{''.join(items)}</dl>"


def _by_name(metric: str) -> str:
    """Explain a score of one label or channel, whichever it is."""
    return next((words for start, words in BY_NAME.items() if metric.startswith(f"{start} ")), "")


def _verdict(record: RunRecord, metric: str) -> str:
    """Say in words whether the paired interval leaves out zero."""
    gap = record.differences.get(metric)
    if gap is None or not has_interval(gap):
        return ""
    other = record.baseline_name
    if gap.low <= 0 <= gap.high:
        return (
            f"The interval of the difference from {other} holds zero: these trials do not tell "
            "the two apart."
        )
    side = "above" if gap.low > 0 else "below"
    size = decimal(abs(gap.value))
    return (
        f"Here {record.model_name} lies {side} {other} by {size}, and the interval leaves out zero."
    )
