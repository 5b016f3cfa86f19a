"""A few neurons in a few trials: inferred rate, its interval, the truth where known, the spikes
beneath."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from undertow.analysis import SingleTrialRates, TimeAxis
from undertow.plots.style import (
    BASELINE,
    BLACK,
    DASHED,
    MODEL,
    TRUTH,
    legend_above,
    mark_time,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def plot_single_trials(
    rates: SingleTrialRates,
    axis: TimeAxis,
    model_name: str = "model",
    baseline_name: str = "baseline",
) -> Figure:
    """A row per neuron, a column per trial, one y axis per row."""
    n_trials, _, n_neurons = rates.rates.shape
    figure = new_figure(0.9 + 1.6 * n_neurons)
    axes = figure.subplots(n_neurons, n_trials, squeeze=False, sharex=True, sharey="row")
    for neuron in range(n_neurons):
        for trial in range(n_trials):
            ax = axes[neuron, trial]
            _draw(ax, rates, trial, neuron, axis, (model_name, baseline_name))
            mark_time(ax, axis, label=neuron == n_neurons - 1)
            title = rates.trial_names[trial] + "\n" if neuron == 0 else ""
            ax.set_title(title + rates.neuron_names[neuron] if trial == 0 else title.strip())
        axes[neuron, 0].set_ylabel("rate (spikes/s)")
        axes[neuron, 0].set_ylim(bottom=0)
    legend_above(figure, axes[0, 0])
    return figure


def _draw(
    ax: "Axes",
    rates: SingleTrialRates,
    trial: int,
    neuron: int,
    axis: TimeAxis,
    names: tuple[str, str],
) -> None:
    time = axis.time_s
    if rates.low is not None and rates.high is not None:
        band = f"{100 * rates.level:g} % interval of the rate"
        ax.fill_between(
            time,
            rates.low[trial, :, neuron],
            rates.high[trial, :, neuron],
            color=MODEL,
            alpha=0.25,
            lw=0,
            label=band,
        )
    if rates.truth is not None:
        ax.plot(time, rates.truth[trial, :, neuron], color=TRUTH, linewidth=1.2, label="true rate")
    if rates.baseline is not None:
        ax.plot(
            time,
            rates.baseline[trial, :, neuron],
            color=BASELINE,
            lw=1.1,
            ls=DASHED,
            label=names[1],
        )
    ax.plot(time, rates.rates[trial, :, neuron], color=MODEL, label=names[0])
    draw_spikes(ax, rates.spikes[trial, :, neuron], time)


def draw_spikes(ax: "Axes", counts: np.ndarray, time_s: np.ndarray) -> None:
    """A tick along the bottom for each bin with a spike, taller for more."""
    hit = np.nan_to_num(counts) > 0
    height = 0.05 * np.minimum(counts[hit], 3)
    ax.vlines(
        time_s[hit],
        0,
        height,
        color=BLACK,
        linewidth=1.0,
        transform=ax.get_xaxis_transform(),
        label="spikes (taller: more)",
    )
