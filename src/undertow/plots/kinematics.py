"""Velocity decoded from inferred rates: traces over time, and hand paths."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from undertow.analysis import DecodedVelocity, HandPaths, TimeAxis
from undertow.plots.style import (
    BASELINE,
    DASHED,
    GREY,
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
    curves: list[tuple[str, np.ndarray, dict[str, Any]]] = [
        ("measured", velocity.true, {"color": TRUTH})
    ]
    if baseline is not None:
        curves.append(
            (f"decoded from {names[1]}", baseline.decoded, {"color": BASELINE, "ls": DASHED})
        )
    curves.append((f"decoded from {names[0]}", velocity.decoded, {"color": MODEL}))
    for channel in range(n_channels):
        for ax, trial in zip(axes[channel], shown, strict=True):
            ax.axhline(0, color=GREY, linewidth=0.5)
            for name, values, look in curves:
                ax.plot(axis.time_s, values[trial, :, channel], label=name, **look)
            mark_time(ax, axis, label=channel == n_channels - 1)
            ax.set_title(velocity.trial_names[trial] if channel == 0 else "")
        axes[channel, 0].set_ylabel(f"{velocity.channel_names[channel]}\n({UNIT})")
    legend_above(figure, axes[0, 0])
    return figure


@styled
def plot_hand_paths(paths: Mapping[str, HandPaths]) -> Figure:
    """One panel per entry ('measured', model, baseline), x and y to one scale; a colour per
    condition."""
    width, height = np.ptp(_corners(paths), axis=0)
    panel_in = 10.0 / len(paths)
    figure = new_figure(float(np.clip(panel_in * height / max(width, 1e-9), 1.5, 7.0)) + 1.2)
    axes = figure.subplots(1, len(paths), squeeze=False, sharex=True, sharey=True)[0]
    colours = condition_colours(np.unique(next(iter(paths.values())).condition))
    for ax, (name, path) in zip(axes, paths.items(), strict=True):
        _draw_paths(ax, path, colours)
        ax.set_title(name)
        ax.set_xlabel(f"x ({UNIT})")
    axes[0].set_ylabel(f"y ({UNIT})")
    condition_legend(figure, colours)
    return figure


def _corners(paths: Mapping[str, HandPaths]) -> np.ndarray:
    """All known positions, (points, 2); the figure's height follows their extent."""
    points = np.concatenate([path.position.reshape(-1, 2) for path in paths.values()])
    known = points[np.isfinite(points).all(axis=1)]
    return known if len(known) else np.zeros((1, 2))


def _draw_paths(ax: "Axes", path: HandPaths, colours: Mapping[Any, Any]) -> None:
    """Each trial a line, a dot where it starts."""
    for trial, condition in zip(path.position, path.condition.tolist(), strict=True):
        known = trial[np.isfinite(trial).all(axis=1)]
        ax.plot(known[:, 0], known[:, 1], color=colours[condition], linewidth=1.1, alpha=0.85)
        ax.plot(*known[:1].T, marker="o", markersize=2.5, color=colours[condition])
    ax.set_aspect("equal", adjustable="box")
