"""Trial-averaged rates: all shown conditions overlaid, and condition by condition with the spikes
beneath."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from undertow.analysis import Psth, TimeAxis
from undertow.plots.style import (
    BLACK,
    MODEL,
    TRUTH,
    condition_colours,
    condition_legend,
    legend_above,
    mark_time,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def plot_psth(
    psth: Psth, axis: TimeAxis, model_name: str = "model", baseline_name: str = "baseline"
) -> Figure:
    """A column per neuron; rows: true or observed, the model's, the baseline's; a colour per
    condition."""
    rows = [(psth.reference_name, psth.reference), (model_name, psth.inferred)]
    if psth.baseline is not None:
        rows.append((baseline_name, psth.baseline))
    n_neurons = len(psth.neuron_names)
    figure = new_figure(0.9 + 1.9 * len(rows))
    axes = figure.subplots(len(rows), n_neurons, squeeze=False, sharex=True, sharey="col")
    colours = condition_colours(psth.labels)
    for row, (name, values) in enumerate(rows):
        for neuron in range(n_neurons):
            ax = axes[row, neuron]
            for k, colour in enumerate(colours.values()):
                ax.plot(axis.time_s, values[k, :, neuron], color=colour, lw=1.3)
            mark_time(ax, axis, label=row == len(rows) - 1)
            if row == 0:
                ax.set_title(psth.neuron_names[neuron])
        axes[row, 0].set_ylabel(f"{_wrapped(name)}\nspikes/s")
    for ax in axes[0]:
        ax.set_ylim(bottom=0)
    condition_legend(figure, colours)
    return figure


def _wrapped(name: str) -> str:
    """A long name broken before its bracket."""
    return name.replace(" (", "\n(")


@styled
def plot_psth_with_spikes(
    psth: Psth, axis: TimeAxis, model_name: str = "model", n_conditions: int = 2
) -> Figure:
    """Averaged rates above, the trials' spike trains beneath: a column per neuron, two rows per
    condition."""
    shown = np.unique(
        np.linspace(0, len(psth.labels) - 1, min(n_conditions, len(psth.labels)))
        .round()
        .astype(int)
    )
    n_neurons = len(psth.neuron_names)
    figure = new_figure(0.7 + 2.5 * len(shown))
    axes = figure.subplots(
        2 * len(shown), n_neurons, squeeze=False, sharex=True, height_ratios=[2.2, 1.0] * len(shown)
    )
    for pair, k in enumerate(shown):
        for neuron in range(n_neurons):
            upper, lower = axes[2 * pair, neuron], axes[2 * pair + 1, neuron]
            _draw_averages(upper, psth, int(k), neuron, axis, model_name)
            _draw_trains(lower, psth.spikes[k][:, :, neuron], axis)
            mark_time(upper, axis, label=False)
            mark_time(lower, axis, label=pair == len(shown) - 1)
            upper.set_title(psth.neuron_names[neuron] if pair == 0 else "")
        n = psth.n_trials[k]
        axes[2 * pair, 0].set_ylabel(f"condition {psth.labels[k]}\nspikes/s")
        axes[2 * pair + 1, 0].set_ylabel(f"{n} trial{'s' if n != 1 else ''}")
    legend_above(figure, axes[0, 0])
    return figure


def _draw_averages(
    ax: "Axes", psth: Psth, k: int, neuron: int, axis: TimeAxis, model_name: str
) -> None:
    ax.plot(axis.time_s, psth.reference[k, :, neuron], color=TRUTH, label=psth.reference_name)
    ax.plot(axis.time_s, psth.inferred[k, :, neuron], color=MODEL, label=model_name)
    ax.set_ylim(bottom=0)


def _draw_trains(ax: "Axes", counts: np.ndarray, axis: TimeAxis) -> None:
    """One line of ticks per trial, a tick per bin with a spike."""
    trial, bin_index = np.nonzero(np.nan_to_num(counts) > 0)
    ax.vlines(axis.time_s[bin_index], trial - 0.4, trial + 0.4, color=BLACK, linewidth=0.8)
    ax.set_ylim(len(counts) - 0.5, -0.5)
    ax.set_yticks([])
