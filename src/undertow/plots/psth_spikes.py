"""`psth_spikes`: trial-averaged rates, condition by condition, with the spikes beneath."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import FigureBase

from undertow import analysis
from undertow.analysis import Psth, TimeAxis
from undertow.analysis.examples import Which
from undertow.data import Prediction, TrialSet
from undertow.plots.style import (
    BLACK,
    MODEL,
    NAMES,
    TRUTH,
    legend_above,
    mark_time,
    sized,
    styled,
    time_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def psth_spikes(
    prediction: Prediction,
    *,
    training: TrialSet | None = None,
    conditions: Which = 2,
    neurons: Which = 4,
    smooth_s: float = 0.05,
    name: str = NAMES[0],
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw averaged rates above the trials' spike trains, for each condition and neuron.

    There is a column per neuron, and two rows per condition.

    Args:
        prediction: whose rates are averaged over the trials of each condition.
        training: further trials behind the observed averages, where true rates are not known.
        conditions: labels of the conditions to show, or how many, spread evenly.
        neurons: ids, or how many of those with most spikes (half of them held-out, if any are).
        smooth_s: standard deviation of the Gaussian that smooths observed averages, seconds.
        name: name to show for the model.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, (2 × conditions, neurons).

    Raises:
        UndertowError: without conditions or a spike, or for irregular times.
    """
    axis = time_axis(prediction)
    data = analysis.psth(prediction, None, training, conditions, neurons, smooth_s)
    n, n_neurons = len(data.labels), len(data.neuron_names)
    figure = sized(figure, 0.7 + 2.5 * n)
    axes = figure.subplots(
        2 * n, n_neurons, squeeze=False, sharex=True, height_ratios=[2.2, 1.0] * n
    )
    for k, (upper, lower) in enumerate(zip(axes[::2], axes[1::2], strict=True)):
        for neuron in range(n_neurons):
            _draw_averages(upper[neuron], data, k, neuron, axis, name)
            _draw_trains(lower[neuron], data.spikes[k][:, :, neuron], axis)
            mark_time(upper[neuron], axis, label=False)
            mark_time(lower[neuron], axis, label=k == n - 1)
        averaged = data.n_trials[k]
        upper[0].set_ylabel(f"condition {data.labels[k]}\nspikes/s")
        lower[0].set_ylabel(f"{averaged} trial{'s' if averaged != 1 else ''}")
    for ax, title in zip(axes[0], data.neuron_names, strict=True):
        ax.set_title(title)
    legend_above(figure, axes[0, 0])
    return axes


def _draw_averages(ax: "Axes", data: Psth, k: int, neuron: int, axis: TimeAxis, name: str) -> None:
    ax.plot(axis.time_s, data.reference[k, :, neuron], color=TRUTH, label=data.reference_name)
    ax.plot(axis.time_s, data.inferred[k, :, neuron], color=MODEL, label=name)
    ax.set_ylim(bottom=0)


def _draw_trains(ax: "Axes", counts: np.ndarray, axis: TimeAxis) -> None:
    """Draw one line of ticks per trial, a tick per bin with a spike."""
    trial, bin_index = np.nonzero(np.nan_to_num(counts) > 0)
    ax.vlines(axis.time_s[bin_index], trial - 0.4, trial + 0.4, color=BLACK, linewidth=0.8)
    ax.set_ylim(len(counts) - 0.5, -0.5)
    ax.set_yticks([])
