"""A methods paragraph from the settings and the data's description, ready to paste."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from undertow.report.record import RunRecord


def methods_paragraph(record: RunRecord) -> str:
    """Plain text: data, split, model and settings, fit, scores, software."""
    parts = [_data(record), _split(record), _model(record), _fit(record), _scores(record), _software(record)]
    return " ".join(part for part in parts if part)


def _data(record: RunRecord) -> str:
    trials = record.prediction.trials
    start, stop = trials.start_s, trials.start_s + trials.n_time * trials.bin_s
    silent = int(trials.silent.sum())
    words = (
        f"Spikes of {trials.n_neurons} neurons were counted in bins of {1e3 * trials.bin_s:g} ms, from {start:g} to "
        f"{stop:g} s relative to {trials.event}."
    )
    if trials.forward_bins:
        seconds = trials.forward_bins * trials.bin_s
        words += f" The last {seconds:g} s of the window were never given to the model and served as forward prediction."
    if trials.heldout.any():
        seed = "" if record.split_seed is None else f" (split seed {record.split_seed})"
        words += f" {int(trials.heldout.sum())} neurons were held out{seed}: predicted, and never given to the encoder on any trial."
    return words + (
        f" {silent} neurons had no spike in the test trials and were left out of scores." if silent else ""
    )


def _split(record: RunRecord) -> str:
    trials = record.prediction.trials
    test = f"{trials.n_trials} test trial{'s' if trials.n_trials != 1 else ''}"
    stratified = ", stratified by condition" if trials.condition is not None else ""
    if record.train_prediction is None:
        return f"Scores are of {test}{stratified}."
    return f"The model was fitted on {record.train_prediction.trials.n_trials} trials and scored on {test}{stratified}."


def _model(record: RunRecord) -> str:
    settings = ", ".join(f"{name} = {_plain(value)}" for name, value in record.settings.items())
    return f"The model was {record.model_name}" + (f" with {settings}." if settings else ".")


def _fit(record: RunRecord) -> str:
    words = []
    if record.seed is not None:
        words.append(f"Weights, noise and batches used seed {record.seed}.")
    if record.history:
        words.append(f"Training took {len(record.history)} epochs" + _duration(record.seconds) + ".")
    samples = record.prediction.rate_samples
    if samples is not None:
        words.append(f"Rate intervals are quantiles of {len(samples)} posterior samples.")
    return " ".join(words)


def _duration(seconds: Mapping[str, float]) -> str:
    return f" ({seconds['fit']:.0f} s)" if "fit" in seconds else ""


def _scores(record: RunRecord) -> str:
    scores = record.scores[record.model_name]
    listed = []
    for name, score in scores.items():
        words = f"{name} {float(score.value):.3f}" + (f" {score.unit}" if score.unit else "")
        if np.isfinite([score.low, score.high]).all():
            words += f" ({100 * score.level:g} % interval {float(score.low):.3f} to {float(score.high):.3f})"
        listed.append(words)
    if not listed:
        return ""
    return f"Scores: {'; '.join(listed)}. Intervals are bootstraps over test trials."


def _software(record: RunRecord) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return f"Software: {listed}." if listed else ""


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(_plain(v) for v in value) + ")"
    return str(value)
