"""Velocity decoded from inferred rates: traces over time, and hand paths."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from undertow.analysis import DecodedVelocity, HandPaths, TimeAxis
from undertow.plots.style import (
    BASELINE,
    DASHED,
    MODEL,
    TRUTH,
    condition_colours,
    legend_above,
    mark_time,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


UNIT = "unit of the data"


@styled
def plot_velocity(
    velocity: DecodedVelocity,
    axis: TimeAxis,
    shown: Sequence[int],
    baseline: DecodedVelocity | None = None,
    names: tuple[str, str] = ("model", "baseline"),
) -> Figure:
    """A row per channel, a column per trial in `shown`; measured in black."""
    n_channels = len(velocity.channel_names)
    figure = new_figure(0.8 + 1.9 * n_channels)
    axes = figure.subplots(n_channels, len(shown), squeeze=False, sharex=True, sharey="row")
    for channel in range(n_channels):
        for column, trial in enumerate(shown):
            ax = axes[channel, column]
            ax.plot(axis.time_s, velocity.true[trial, :, channel], color=TRUTH, label="measured")
            if baseline is not None:
                values = baseline.decoded[trial, :, channel]
                ax.plot(
                    axis.time_s, values, color=BASELINE, lw=1.2, ls=DASHED, label=f"decoded from {names[1]}"
                )
            ax.plot(
                axis.time_s,
                velocity.decoded[trial, :, channel],
                color=MODEL,
                label=f"decoded from {names[0]}",
            )
            mark_time(ax, axis, label=channel == n_channels - 1)
            ax.set_title(velocity.trial_names[trial] if channel == 0 else "")
        axes[channel, 0].set_ylabel(f"{velocity.channel_names[channel]}\n({UNIT})")
    legend_above(figure, axes[0, 0])
    return figure


@styled
def plot_hand_paths(paths: Mapping[str, HandPaths]) -> Figure:
    """One panel per entry ('measured', model, baseline), the same scale in x and y; a colour per condition."""
    figure = new_figure(4.3)
    axes = figure.subplots(1, len(paths), squeeze=False, sharex=True, sharey=True)[0]
    for ax, (name, path) in zip(axes, paths.items(), strict=True):
        _draw_paths(ax, path)
        ax.set_title(name)
        ax.set_xlabel(f"x ({UNIT})")
    axes[0].set_ylabel(f"y ({UNIT})")
    return figure


def _draw_paths(ax: "Axes", path: HandPaths) -> None:
    """Each trial a line, a dot where it starts."""
    labels = np.unique(path.condition)
    colours = dict(zip(labels.tolist(), condition_colours(len(labels)), strict=True))
    for trial, condition in zip(path.position, path.condition.tolist(), strict=True):
        known = trial[np.isfinite(trial).all(axis=1)]
        ax.plot(known[:, 0], known[:, 1], color=colours[condition], linewidth=1.1, alpha=0.85)
        ax.plot(*known[:1].T, marker="o", markersize=2.5, color=colours[condition])
    ax.set_aspect("equal", adjustable="box")
