"""`neurons`: scores of single neurons, beside the baseline's."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import FigureBase
from matplotlib.ticker import FuncFormatter, NullFormatter

from undertow import analysis
from undertow.analysis import NeuronTable
from undertow.data import Prediction
from undertow.errors import UndertowError
from undertow.plots.style import (
    BASELINE,
    GREY,
    MODEL,
    NAMES,
    check_predictions,
    sized,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLAIN_NUMBERS = FuncFormatter(lambda value, _: f"{value:g}")
LOWEST = 1.5  # how far below zero scores are shown, in parts of the best score


@styled
def neurons(
    prediction: Prediction,
    baseline: Prediction | None = None,
    *,
    names: tuple[str, str] = NAMES,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw every neuron's score: sorted, against its rate, and against the baseline's score.

    Args:
        prediction, baseline: whose rates are scored, in bits per spike.
        names: names to show for model and baseline.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes: two panels, three with a baseline.

    Raises:
        UndertowError: without a spike, or for predictions for different trials.
    """
    check_predictions(prediction, baseline)
    table = analysis.neuron_table(prediction, baseline)
    if not np.isfinite(table.score).any():
        raise UndertowError("no neuron has a spike in these trials: there is no score to draw.")
    figure = sized(figure, 3.5)
    axes: np.ndarray = figure.subplots(1, 2 if table.baseline is None else 3, squeeze=False)[0]
    mine, other = (f"{name} (bits/spike)" for name in names)
    _sorted_bars(axes[0], table, mine)
    _scatter(axes[1], table, table.mean_rate, table.score)
    axes[1].set(xscale="log", xlabel="mean rate (spikes/s)", ylabel=mine)
    axes[1].xaxis.set_major_formatter(PLAIN_NUMBERS)
    axes[1].xaxis.set_minor_formatter(NullFormatter())
    if table.baseline is not None:
        _scatter(axes[2], table, table.baseline, table.score)
        axes[2].axline((0, 0), slope=1, color=GREY, linewidth=1.0)
        axes[2].set(xlabel=other, ylabel=mine)
        axes[2].set_title("above the line: better than the baseline")
        _cut_left(axes[2], table, table.baseline)
    axes[1].legend()
    _cut_below(axes, table)
    return axes


def lowest_shown(score: np.ndarray) -> float:
    """Return the least score, in bits per spike, that has a place of its own in the panels."""
    return -LOWEST * max(float(np.nanmax(score)), 0.1)


def _cut_below(axes: np.ndarray, table: NeuronTable) -> None:
    """Keep the score of a neuron with hardly a spike from flattening all others.

    Triangles stand for what lies below.
    """
    floor = lowest_shown(table.score)
    below = np.nan_to_num(table.score) < floor
    if not below.any():
        return
    least = f"{floor:.1f}".replace("-", "−")
    axes[0].set_title(f"score of each neuron ({below.sum()} below {least})")
    places = [table.mean_rate]
    if table.baseline is not None:
        places.append(np.maximum(table.baseline, lowest_shown(table.baseline)))
    for ax, x in zip(axes[1:], places, strict=True):
        ax.plot(x[below], np.full(below.sum(), floor), "v", color=GREY, clip_on=False)
    for ax in axes:
        ax.set_ylim(bottom=floor)


def _cut_left(ax: "Axes", table: NeuronTable, baseline: np.ndarray) -> None:
    """The same for the baseline's scores, along the horizontal axis."""
    floor = lowest_shown(baseline)
    left = np.nan_to_num(baseline) < floor
    if left.any():
        shown = np.maximum(table.score[left], lowest_shown(table.score))
        ax.plot(np.full(left.sum(), floor), shown, "<", color=GREY, clip_on=False)
        ax.set_xlim(left=floor)


def _sorted_bars(ax: "Axes", table: NeuronTable, label: str) -> None:
    order = table.sorted_by_score
    colours = np.where(table.heldout[order], BASELINE, MODEL)
    ax.bar(np.arange(len(order)), table.score[order], color=colours, width=1.0)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set(xlabel="neuron, sorted", ylabel=label, title="score of each neuron")


def _scatter(ax: "Axes", table: NeuronTable, x: np.ndarray, y: np.ndarray) -> None:
    """Draw held-in neurons as filled dots, held-out ones as open triangles."""
    filled = {"marker": "o", "facecolor": MODEL, "edgecolor": "none", "alpha": 0.7}
    hollow = {"marker": "^", "facecolor": "none", "edgecolor": BASELINE}
    for mask, name, style in (
        (~table.heldout, "held in", filled),
        (table.heldout, "held out", hollow),
    ):
        if mask.any():
            ax.scatter(x[mask], y[mask], s=20, label=name, **style)
    ax.axhline(0, color=GREY, linewidth=0.8)
