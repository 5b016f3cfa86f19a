"""Latents as their leading principal components."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from undertow.analysis import Components, TimeAxis
from undertow.plots.style import CATEGORIES, GREY, condition_colours, mark_time, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def plot_components(
    components: Components, axis: TimeAxis, condition: np.ndarray | None = None, name: str = "latents"
) -> Figure:
    """Time courses above; below, trajectories in the plane of the first two (and of the next pair)."""
    n = components.scores.shape[2]
    labels = [
        f"PC {k + 1} of {name} ({100 * share:.0f} % of variance)"
        for k, share in enumerate(components.variance_share)
    ]
    colours = _trial_colours(components.scores.shape[0], condition)
    pairs = [(0, 1), (0, 2), (1, 2)][: {1: 0, 2: 1}.get(n, 3)]
    figure = new_figure(3.0 + (3.4 if pairs else 0.0))
    axes = figure.subplots(2 if pairs else 1, max(n, len(pairs)), squeeze=False)
    for k in range(n):
        _time_course(axes[0, k], components.scores[:, :, k], axis, colours)
        axes[0, k].set_ylabel(labels[k])
    for column, (first, second) in enumerate(pairs):
        _plane(axes[1, column], components.scores[:, :, [first, second]], axis, colours)
        axes[1, column].set_xlabel(labels[first])
        axes[1, column].set_ylabel(labels[second])
    for ax in axes.flat:
        ax.set_visible(ax.has_data())
    _legend(figure, condition)
    return figure


def _trial_colours(n_trials: int, condition: np.ndarray | None) -> list:
    if condition is None:
        return [CATEGORIES[0]] * n_trials
    labels, index = np.unique(condition, return_inverse=True)
    palette = condition_colours(len(labels))
    return [palette[k] for k in index]


def _time_course(ax: "Axes", scores: np.ndarray, axis: TimeAxis, colours: list) -> None:
    for trial, colour in zip(scores, colours, strict=True):
        ax.plot(axis.time_s, trial, color=colour, linewidth=0.8, alpha=0.7)
    mark_time(ax, axis)


def _plane(ax: "Axes", scores: np.ndarray, axis: TimeAxis, colours: list) -> None:
    """Each trial a line; a dot where it starts, a cross at the event."""
    event = int(np.argmin(np.abs(axis.time_s)))
    for trial, colour in zip(scores, colours, strict=True):
        ax.plot(trial[:, 0], trial[:, 1], color=colour, linewidth=0.8, alpha=0.7)
        ax.plot(*trial[0], marker="o", markersize=3, color=colour)
        if axis.event_inside and event > 0:
            ax.plot(*trial[event], marker="x", markersize=4, color=GREY)
    ax.set_aspect("equal", adjustable="datalim")


def _legend(figure: Figure, condition: np.ndarray | None) -> None:
    from matplotlib.lines import Line2D

    if condition is None:
        return
    labels = np.unique(condition)
    if len(labels) > 18:
        return
    handles = [
        Line2D([], [], color=c, label=str(k))
        for k, c in zip(labels, condition_colours(len(labels)), strict=True)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(labels), 12), title="condition")
