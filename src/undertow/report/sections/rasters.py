"""Spikes beside inferred rates, the whole population."""

from typing import TYPE_CHECKING

import numpy as np

from undertow.report.page import plural
from undertow.report.record import RunRecord
from undertow.report.section import Section, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(record: RunRecord, figure: "Figure") -> str:
    """Draw rasters and say how neurons are sorted and rates coloured."""
    from undertow import analysis, plots

    prediction, trials = record.prediction, record.prediction.trials
    plots.rasters(prediction, record.baseline_prediction, names=record.names, figure=figure)
    shown = analysis.rasters(prediction)
    words = (
        f"Spikes beside inferred rates of all {trials.n_neurons} neurons, "
        f"{plural(len(shown.names), 'test trial')}. Neurons are sorted by the time of their "
        "inferred peak; rates share one colour scale, by square root, cut at their 99.5th "
        "percentile."
    )
    if 0 < shown.n_heldin < trials.n_neurons:
        words += " Below the orange line: held-out neurons, whose spikes the model never sees."
    if not np.isfinite(shown.spikes).all():
        words += " Tan: not observed."
    return words + time_words(record)


RASTERS = Section("rasters", "Spikes and inferred rates", draw)
