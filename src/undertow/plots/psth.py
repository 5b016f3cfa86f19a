"""`psth`: trial-averaged rates, all shown conditions overlaid."""

import numpy as np
from matplotlib.figure import FigureBase

from undertow import analysis
from undertow.analysis.examples import Which
from undertow.data import Prediction, TrialSet
from undertow.plots.style import (
    NAMES,
    condition_colours,
    condition_legend,
    mark_time,
    sized,
    styled,
    time_axis,
)


@styled
def psth(
    prediction: Prediction,
    baseline: Prediction | None = None,
    *,
    training: TrialSet | None = None,
    conditions: Which = 8,
    neurons: Which = 4,
    smooth_s: float = 0.05,
    names: tuple[str, str] = NAMES,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw trial-averaged rates: a column per neuron, a colour per condition.

    The rows are true or observed rates, the model's and the baseline's.

    Args:
        prediction, baseline: whose rates are averaged over the trials of each condition.
        training: further trials behind the observed averages, where true rates are not known.
        conditions: labels of the conditions to show, or how many, spread evenly.
        neurons: ids, or how many of those with most spikes (half of them held-out, if any are).
        smooth_s: standard deviation of the Gaussian that smooths observed averages, seconds.
        names: names to show for model and baseline.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, (rows, neurons).

    Raises:
        UndertowError: without conditions or a spike, for irregular times, or predictions for
            different trials.
    """
    axis = time_axis(prediction, baseline)
    data = analysis.psth(prediction, baseline, training, conditions, neurons, smooth_s)
    rows = [(data.reference_name, data.reference), (names[0], data.inferred)]
    if data.baseline is not None:
        rows.append((names[1], data.baseline))
    figure = sized(figure, 0.9 + 1.9 * len(rows))
    axes = figure.subplots(
        len(rows), len(data.neuron_names), squeeze=False, sharex=True, sharey="col"
    )
    colours = condition_colours(data.labels)
    for row, (name, values) in enumerate(rows):
        for neuron, ax in enumerate(axes[row]):
            for k, colour in enumerate(colours.values()):
                ax.plot(axis.time_s, values[k, :, neuron], color=colour, lw=1.3)
            mark_time(ax, axis, label=row == len(rows) - 1)
        axes[row, 0].set_ylabel(f"{_wrapped(name)}\nspikes/s")
    for ax, name in zip(axes[0], data.neuron_names, strict=True):
        ax.set_title(name)
        ax.set_ylim(bottom=0)
    condition_legend(figure, colours)
    return axes


def _wrapped(name: str) -> str:
    """Break a long name before its bracket."""
    return name.replace(" (", "\n(")
