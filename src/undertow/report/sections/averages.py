"""Averages over trials: by condition, with the spikes behind them, of the whole population."""

from typing import TYPE_CHECKING

import numpy as np

from undertow.report.page import plural
from undertow.report.record import RunRecord
from undertow.report.section import Section, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from undertow.analysis import Psth

CONDITIONS = 2


def draw_psth(record: RunRecord, figure: "Figure") -> str:
    """Draw averages by condition and say over how many trials they are."""
    from undertow import analysis, plots

    pair, training = (record.prediction, record.baseline_prediction), record.training
    plots.psth(*pair, training=training, names=record.names, figure=figure)
    shown = analysis.psth(record.prediction, training=training)
    return averages_words(shown) + time_words(record)


def averages_words(data: "Psth") -> str:
    """Say what was averaged over how many trials, and what it is compared with."""
    words = (
        f"Averages over the {_span(data.n_trials)} test trials of each condition; "
        f"{len(data.labels)} of {plural(data.n_conditions, 'condition')}, the neurons with the "
        f"most spikes. Reference: {data.reference_name}"
    )
    if data.reference_name != "true rate":
        words += (
            f", averaged over the {_span(data.n_reference_trials)} test and training trials of each"
        )
    return words + "."


def _span(numbers: np.ndarray) -> str:
    """Write a range of numbers: '3' or '3 to 7'."""
    few, many = int(numbers.min()), int(numbers.max())
    return f"{few}" if few == many else f"{few} to {many}"


PSTH = Section("psth", "Trial averages by condition", draw_psth)


def draw_psth_spikes(record: RunRecord, figure: "Figure") -> str:
    """Draw averages above spike trains and say over how many trials they are."""
    from undertow import analysis, plots

    prediction, training = record.prediction, record.training
    plots.psth_spikes(
        prediction,
        training=training,
        conditions=CONDITIONS,
        name=record.model_name,
        figure=figure,
    )
    shown = analysis.psth(prediction, training=training, conditions=CONDITIONS)
    beneath = " Beneath each: the spikes of the averaged test trials, one line per trial."
    return averages_words(shown) + beneath + time_words(record)


PSTH_SPIKES = Section("psth_spikes", "Trial averages and the spikes behind them", draw_psth_spikes)


def draw_population(record: RunRecord, figure: "Figure") -> str:
    """Draw rates summed over neurons and say what to look for."""
    from undertow import plots

    pair = record.prediction, record.baseline_prediction
    plots.population(*pair, names=record.names, figure=figure)
    words = (
        "Rate summed over neurons, averaged over test trials, in bins that were observed: level "
        "and time course should match."
    )
    return words + time_words(record)


POPULATION = Section("population", "Population rate", draw_population)
