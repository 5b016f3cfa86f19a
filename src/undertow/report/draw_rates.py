"""Rates beside spikes: rasters, single trials, trial averages, the population."""

from typing import TYPE_CHECKING

import numpy as np

from undertow.report.figure import Drawn, time_words
from undertow.report.page import plural
from undertow.report.record import RunRecord

if TYPE_CHECKING:
    from undertow.analysis import Psth


def draw_rasters(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, rasters
    from undertow.plots import plot_rasters

    trials = record.prediction.trials
    data = rasters(record.prediction, record.baseline_prediction)
    figure = plot_rasters(data, TimeAxis.of(trials), record.model_name, record.baseline_name)
    caption = (
        f"Spikes beside inferred rates of all {trials.n_neurons} neurons, "
        f"{plural(len(data.names), 'test trial')}. Neurons are sorted by the time of their "
        "inferred peak; rates share one colour scale, by square root, cut at their 99.5th "
        "percentile."
    )
    if 0 < data.n_heldin < trials.n_neurons:
        caption += " Below the orange line: held-out neurons, whose spikes the model never sees."
    if not np.isfinite(data.spikes).all():
        caption += " Tan: not observed."
    return figure, caption + time_words(record)


def draw_single_trials(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, single_trial_rates
    from undertow.plots import plot_single_trials

    data = single_trial_rates(record.prediction, record.baseline_prediction)
    figure = plot_single_trials(
        data, TimeAxis.of(record.prediction.trials), record.model_name, record.baseline_name
    )
    caption = (
        "Inferred rates, trial by trial, of the neurons with the most spikes (half of them held "
        "out where there are any)."
    )
    if data.low is None:
        caption += " No interval is drawn: it needs 200 posterior samples or more."
    else:
        caption += (
            f" Band: central {100 * data.level:g} % of the posterior samples of the rate (not of "
            "the spikes)."
        )
    return figure, caption + time_words(record)


def draw_psth(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis
    from undertow.plots import plot_psth

    data = _psth(record)
    figure = plot_psth(
        data, TimeAxis.of(record.prediction.trials), record.model_name, record.baseline_name
    )
    return figure, _psth_words(data) + time_words(record)


def draw_psth_with_spikes(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis
    from undertow.plots import plot_psth_with_spikes

    data = _psth(record)
    figure = plot_psth_with_spikes(data, TimeAxis.of(record.prediction.trials), record.model_name)
    caption = (
        _psth_words(data)
        + " Beneath each: the spikes of the averaged test trials, one line per trial."
    )
    return figure, caption + time_words(record)


def _psth(record: RunRecord) -> "Psth":
    from undertow.analysis import psth

    training = None if record.train_prediction is None else record.train_prediction.trials
    return psth(record.prediction, record.baseline_prediction, training)


def _psth_words(data: "Psth") -> str:
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
    """'3' or '3 to 7'."""
    few, many = int(numbers.min()), int(numbers.max())
    return f"{few}" if few == many else f"{few} to {many}"


def draw_population(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, population_rates
    from undertow.plots import plot_population

    data = population_rates(record.prediction, record.baseline_prediction)
    figure = plot_population(
        data, TimeAxis.of(record.prediction.trials), record.model_name, record.baseline_name
    )
    caption = (
        "Rate summed over neurons, averaged over test trials, in bins that were observed: level "
        "and time course should match."
    )
    return figure, caption + time_words(record)
