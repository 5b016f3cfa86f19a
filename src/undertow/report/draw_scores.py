"""Scores of single neurons, and the course of training."""

import numpy as np

from undertow.errors import UndertowError
from undertow.report.figure import Drawn
from undertow.report.page import plural
from undertow.report.record import RunRecord


def draw_neuron_scores(record: RunRecord) -> Drawn:
    from undertow.analysis import neuron_table
    from undertow.plots import plot_neuron_scores

    table = neuron_table(record.prediction, record.baseline_prediction)
    scored = np.isfinite(table.score)
    if not scored.any():
        raise UndertowError("no neuron has a spike in the test trials.")
    figure = plot_neuron_scores(table, record.model_name, record.baseline_name)
    caption = (
        "Bits per spike, above each neuron's own mean rate, of "
        f"{plural(int(scored.sum()), 'single neuron')} over the test trials. Blue: held-in "
        "neurons, whose spikes the model is given (rates that copy them score high); orange: "
        "held-out neurons, predicted from the others."
    )
    silent = int((~scored).sum())
    return figure, caption + (f" {silent} silent neuron(s) have no score." if silent else "")


def draw_training(record: RunRecord) -> Drawn:
    from undertow.analysis import history_columns
    from undertow.plots import plot_training

    columns = history_columns(record.history)
    if len(columns) < 2:
        raise UndertowError("the training history holds no numbers besides the epoch.")
    n, last = len(columns["epoch"]), int(columns["epoch"][-1])
    return plot_training(
        columns
    ), f"Training up to epoch {last}, as logged at {plural(n, 'validation')}."
