"""`population`: the population's rate over time, observed and inferred."""

import numpy as np
from matplotlib.figure import FigureBase

from undertow import analysis
from undertow.data import Prediction
from undertow.plots.style import (
    BASELINE,
    DASHED,
    MODEL,
    NAMES,
    TRUTH,
    legend_above,
    mark_time,
    sized,
    styled,
    time_axis,
)


@styled
def population(
    prediction: Prediction,
    baseline: Prediction | None = None,
    *,
    names: tuple[str, str] = NAMES,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw rates summed over neurons and averaged over trials.

    There is a panel for held-in and one for held-out neurons.

    Args:
        prediction, baseline: whose rates are summed, where spikes were observed.
        names: names to show for model and baseline.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, one per part of the population.

    Raises:
        UndertowError: for irregular times, or predictions for different trials.
    """
    axis = time_axis(prediction, baseline)
    data = analysis.population_rates(prediction, baseline)
    figure = sized(figure, 2.9)
    axes: np.ndarray = figure.subplots(1, len(data.names), squeeze=False, sharex=True)[0]
    for part, ax in enumerate(axes):
        observed = {"color": TRUTH, "linewidth": 1.0, "label": "observed spikes"}
        ax.stairs(data.observed[part], axis.edges_s, baseline=None, **observed)
        if data.baseline is not None:
            ax.plot(axis.time_s, data.baseline[part], color=BASELINE, ls=DASHED, label=names[1])
        ax.plot(axis.time_s, data.inferred[part], color=MODEL, label=names[0])
        mark_time(ax, axis)
        ax.set_ylim(bottom=0)
        ax.set_title(data.names[part])
        ax.set_ylabel("summed rate (spikes/s)")
    legend_above(figure, axes[0])
    return axes
