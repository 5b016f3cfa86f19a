"""Single trials: the whole population, and single neurons."""

from typing import TYPE_CHECKING

import numpy as np

from undertow.report.page import plural
from undertow.report.record import RunRecord
from undertow.report.section import Section, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVEL = 0.9
NOT_MEASURED = "How much of the truth it holds is not known here."


def draw_rasters(record: RunRecord, figure: "Figure") -> str:
    """Draw rasters and say how neurons are sorted and rates coloured."""
    from undertow import analysis, plots

    prediction, trials = record.prediction, record.prediction.trials
    plots.rasters(prediction, record.baseline_prediction, names=record.names, figure=figure)
    shown = analysis.rasters(prediction)
    by_region = "" if shown.region is None else "by region and, in it, "
    words = (
        f"Spikes beside inferred rates of all {trials.n_neurons} neurons, "
        f"{plural(len(shown.names), 'test trial')}. Neurons are sorted {by_region}by the time of "
        "their inferred peak; rates share one colour scale, by square root, cut at their 99.5th "
        "percentile."
    )
    if 0 < shown.n_heldin < trials.n_neurons:
        words += " Below the orange line: held-out neurons, whose spikes the model never sees."
    if not np.isfinite(shown.spikes).all():
        words += " Tan: not observed."
    return words + time_words(record)


RASTERS = Section("rasters", "Spikes and inferred rates", draw_rasters)


def draw_single_trials(record: RunRecord, figure: "Figure") -> str:
    """Draw rates trial by trial and say what the band is, or why there is none."""
    from undertow import analysis, plots
    from undertow.evaluation import interval_words

    pair = record.prediction, record.baseline_prediction
    plots.single_trials(*pair, level=LEVEL, names=record.names, figure=figure)
    words = (
        "Inferred rates, trial by trial, of the neurons with the most spikes (half of them held "
        "out where there are any)."
    )
    if analysis.single_trial_rates(record.prediction, level=LEVEL).low is None:
        words += " No interval is drawn: it needs 200 posterior samples or more."
    else:
        words += (
            f" Band: central {100 * LEVEL:g} % of the posterior samples of the rate (not of the "
            "spikes). "
        )
        words += interval_words(record.scores[record.model_name]) or NOT_MEASURED
    return words + time_words(record)


SINGLE_TRIALS = Section("single_trials", "Single trials, single neurons", draw_single_trials)
