"""Latents as their leading principal components."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from undertow.analysis import Components, TimeAxis
from undertow.plots.style import (
    GREY,
    condition_colours,
    condition_legend,
    mark_time,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def plot_components(
    components: Components,
    axis: TimeAxis,
    condition: np.ndarray | None = None,
    name: str = "latents",
) -> Figure:
    """Time courses above; below, trajectories in the planes the components span."""
    n_trials, _, n = components.scores.shape
    shares = enumerate(components.variance_share, start=1)
    labels = [f"PC {k} of {name} ({100 * share:.0f} % of variance)" for k, share in shares]
    planes = [(i, j) for i in range(n) for j in range(i + 1, n)]
    condition = np.zeros(n_trials, int) if condition is None else condition
    colours = condition_colours(np.unique(condition))
    line_colours = [colours[label] for label in condition.tolist()]
    figure = new_figure(3.0 + (3.4 if planes else 0.0))
    axes = figure.subplots(2 if planes else 1, max(n, len(planes)), squeeze=False)
    for ax in axes.flat:
        ax.set_visible(False)
    for ax, scores, label in zip(
        axes[0], components.scores.transpose(2, 0, 1), labels, strict=False
    ):
        _time_courses(ax, scores, axis, line_colours, label)
    for ax, (i, j) in zip(axes[-1], planes, strict=False):
        _plane(ax, components.scores[:, :, [i, j]], axis, line_colours)
        ax.set(xlabel=labels[i], ylabel=labels[j])
    condition_legend(figure, colours)
    return figure


def _time_courses(
    ax: "Axes", scores: np.ndarray, axis: TimeAxis, colours: list[Any], label: str
) -> None:
    ax.set_visible(True)
    for trial, colour in zip(scores, colours, strict=True):
        ax.plot(axis.time_s, trial, color=colour, linewidth=0.8, alpha=0.7)
    mark_time(ax, axis)
    ax.set_ylabel(label)


def _plane(ax: "Axes", scores: np.ndarray, axis: TimeAxis, colours: list[Any]) -> None:
    """Each trial a line; a dot where it starts, a cross at the event."""
    ax.set_visible(True)
    event = int(np.argmin(np.abs(axis.time_s)))
    for trial, colour in zip(scores, colours, strict=True):
        ax.plot(trial[:, 0], trial[:, 1], color=colour, linewidth=0.8, alpha=0.7)
        ax.plot(*trial[0], marker="o", markersize=3, color=colour)
        if axis.event_inside:
            ax.plot(*trial[event], marker="x", markersize=4, color=GREY)
    ax.set_aspect("equal", adjustable="datalim")
