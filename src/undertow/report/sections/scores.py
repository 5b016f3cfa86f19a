"""Scores of single neurons, and the course of training."""

from typing import TYPE_CHECKING

import numpy as np

from undertow.report.page import plural
from undertow.report.record import RunRecord
from undertow.report.section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_neurons(record: RunRecord, figure: "Figure") -> str:
    """Draw every neuron's score and say which neurons the model was given."""
    from undertow import analysis, plots
    from undertow.plots.neurons import lowest_shown

    pair = record.prediction, record.baseline_prediction
    plots.neurons(*pair, names=record.names, figure=figure)
    score = analysis.neuron_table(record.prediction).score
    hidden = record.prediction.hidden_rates is not None
    return _neuron_words(score, lowest_shown(score), hidden)


def _neuron_words(score: np.ndarray, lowest: float, hidden: bool) -> str:
    """Say what the scores are of, and which neurons have none or lie below the panels."""
    scored = np.isfinite(score)
    given = (
        "each bin predicted while it was hidden"
        if hidden
        else "whose spikes the model is given (rates that copy them score high)"
    )
    words = (
        "Bits per spike, above each neuron's own mean rate, of "
        f"{plural(int(scored.sum()), 'single neuron')} over the test trials. Blue: held-in "
        f"neurons, {given}; orange: held-out neurons, predicted from the others."
    )
    if np.nanmin(score) < lowest:
        words += " Triangles at the lower edge: scores below it."
    silent = int((~scored).sum())
    return words + (f" {silent} silent neuron(s) have no score." if silent else "")


NEURONS = Section("neuron_scores", "Scores of single neurons", draw_neurons)


def draw_training(record: RunRecord, figure: "Figure") -> str:
    """Draw the history and say how far it goes."""
    from undertow import plots

    plots.training(record.history, figure=figure)
    n = len(record.history)
    last = int(record.history[-1].get("epoch", n - 1))
    return f"Training up to epoch {last}, as logged at {plural(n, 'validation')}."


TRAINING = Section("training", "Training", draw_training)
