"""`generated`: rates a model makes from the start of each trial, beside those it infers."""

from typing import Any

import numpy as np
from matplotlib.figure import FigureBase

from undertow.analysis.examples import Which
from undertow.data import Prediction, TrialSet
from undertow.errors import UndertowError
from undertow.models.base import Generated
from undertow.plots.psth import psth
from undertow.plots.single_trials import single_trials
from undertow.plots.style import mark_seen, styled, time_axis

NAMES = ("generated", "inferred")


@styled
def generated(
    prediction: Prediction,
    generated: Generated | None,
    *,
    training: TrialSet | None = None,
    conditions: Which = 8,
    trials: Which = 3,
    neurons: Which = 4,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw generated beside inferred rates: averages by condition, as in `psth`.

    Without conditions single trials are drawn. A dotted line marks where the start ends.

    Args:
        prediction: prediction from all observations.
        generated: from the start of each trial, `model.predict_generated(trials)`.
        training: further trials behind the observed averages, where true rates are not known.
        conditions: labels of the conditions to show, or how many, spread evenly.
        trials: ids, or how many examples, to show where there are no conditions.
        neurons: ids, or how many of those with most spikes (half of them held-out, if any are).
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, as `psth` or `single_trials` returns them.

    Raises:
        UndertowError: for a model that does not generate, without a spike, for irregular times, or
            predictions for different trials.
    """
    if generated is None:
        raise UndertowError("the model does not generate: predict with one that does.")
    made, seen_bins = generated
    axis = time_axis(made, prediction)
    look: dict[str, Any] = {"neurons": neurons, "names": NAMES, "figure": figure}
    if prediction.trials.condition is None:
        axes = single_trials(made, prediction, trials=trials, **look)
    else:
        axes = psth(made, prediction, training=training, conditions=conditions, **look)
    for ax in axes.flat:
        mark_seen(ax, axis, seen_bins)
    return axes
