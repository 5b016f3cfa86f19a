"""Waves of the oscillator groups: space × time, inferred beside drawn from the prior."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from undertow.analysis import TimeAxis
from undertow.plots.style import colour_map, mark_time, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def plot_waves(
    panels: Mapping[str, np.ndarray], axis: TimeAxis, n_trials: int = 2, unit: str = "latent"
) -> Figure:
    """A row per group; for each entry of `panels`, `n_trials` columns on one symmetric colour scale
    per row.

    Args:
        panels: heading → (groups, trials, space, time), all of the same groups and space.
        axis: the time axis; panels of another length keep its start and bin width.
        n_trials: single trials shown of each.
        unit: what the colours measure.
    """
    n_groups = next(iter(panels.values())).shape[0]
    widths = [min(n_trials, waves.shape[1]) for waves in panels.values()]
    figure = new_figure(0.9 + 1.45 * n_groups)
    axes = figure.subplots(n_groups, sum(widths), squeeze=False, sharey=True)
    stops = np.cumsum(widths)
    for (heading, waves), width, stop in zip(panels.items(), widths, stops, strict=True):
        for group in range(n_groups):
            _draw_row(figure, axes[group, stop - width : stop], waves[group, :width], axis, unit)
        axes[0, stop - width].set_title(heading)
    for group in range(n_groups):
        axes[group, 0].set_ylabel(f"group {group + 1}\noscillator")
        for ax in axes[group]:
            ax.tick_params(labelbottom=group == n_groups - 1)
    figure.supxlabel(axis.label(), fontsize=9.5)
    return figure


def _draw_row(
    figure: Figure, axes: np.ndarray, waves: np.ndarray, axis: TimeAxis, unit: str
) -> None:
    """Single trials of one group under one heading, with their colour bar; waves (trials, space,
    time)."""
    limit = float(np.nanmax(np.abs(waves), initial=0.0)) or 1.0
    images = [_draw(ax, wave, axis, limit) for ax, wave in zip(axes, waves, strict=True)]
    bar = figure.colorbar(images[0], ax=list(axes), aspect=14, pad=0.01, fraction=0.06)
    bar.locator = MaxNLocator(4, symmetric=True)
    bar.update_ticks()
    bar.ax.set_title(unit, loc="center", fontsize=8.5)


def _draw(ax: "Axes", wave: np.ndarray, axis: TimeAxis, limit: float) -> Any:
    """One heat map, (space, time), zero in the middle of the colours."""
    n_space, n_time = wave.shape
    stop_s = axis.start_s + n_time * axis.bin_s
    mark_time(ax, axis, label=False)
    image = ax.imshow(
        np.ma.masked_invalid(wave),
        aspect="auto",
        extent=(axis.start_s, stop_s, n_space - 0.5, -0.5),
        cmap=colour_map("PuOr"),
        vmin=-limit,
        vmax=limit,
        interpolation="nearest",
    )
    ax.set_xlim(axis.start_s, stop_s)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return image
