"""Scores of single neurons, beside the baseline's."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from undertow.analysis import NeuronTable
from undertow.plots.style import BASELINE, GREY, MODEL, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def plot_neuron_scores(
    table: NeuronTable, model_name: str = "model", baseline_name: str = "baseline"
) -> Figure:
    """Left: every neuron's score, sorted. Middle: against its rate. Right: against the
    baseline's."""
    figure = new_figure(3.5)
    axes = figure.subplots(1, 2 if table.baseline is None else 3, squeeze=False)[0]
    _sorted_bars(axes[0], table, model_name)
    _scatter(axes[1], table, table.mean_rate, table.score)
    axes[1].set(xscale="log", xlabel="mean rate (spikes/s)", ylabel=f"{model_name} (bits/spike)")
    if table.baseline is not None:
        _scatter(axes[2], table, table.baseline, table.score)
        axes[2].axline((0, 0), slope=1, color=GREY, linewidth=1.0)
        axes[2].set(xlabel=f"{baseline_name} (bits/spike)", ylabel=f"{model_name} (bits/spike)")
        axes[2].set_title("above the line: better than the baseline")
    axes[1].legend()
    return figure


def _sorted_bars(ax: "Axes", table: NeuronTable, model_name: str) -> None:
    order = table.sorted_by_score
    colours = np.where(table.heldout[order], BASELINE, MODEL)
    ax.bar(np.arange(len(order)), table.score[order], color=colours, width=1.0)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set(xlabel="neuron, sorted", ylabel=f"{model_name} (bits/spike)")
    ax.set_title("score of each neuron")


def _scatter(ax: "Axes", table: NeuronTable, x: np.ndarray, y: np.ndarray) -> None:
    """Held-in neurons as filled dots, held-out as open triangles."""
    for mask, name, style in (
        (
            ~table.heldout,
            "held in",
            {"marker": "o", "facecolor": MODEL, "edgecolor": "none", "alpha": 0.7},
        ),
        (table.heldout, "held out", {"marker": "^", "facecolor": "none", "edgecolor": BASELINE}),
    ):
        if mask.any():
            ax.scatter(x[mask], y[mask], s=20, label=name, **style)
    ax.axhline(0, color=GREY, linewidth=0.8)
