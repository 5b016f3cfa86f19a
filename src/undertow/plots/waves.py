"""Waves of the oscillator groups: space × time, inferred beside drawn from the prior."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from undertow.analysis import TimeAxis
from undertow.plots.style import colour_map, mark_time, new_figure, styled


@styled
def plot_waves(
    panels: Mapping[str, np.ndarray], axis: TimeAxis, n_trials: int = 2, unit: str = "latent units"
) -> Figure:
    """A row per group; for each entry of `panels`, `n_trials` columns sharing one symmetric colour scale per row.

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
    first = 0
    for (heading, waves), width in zip(panels.items(), widths, strict=True):
        for group in range(n_groups):
            _draw_row(
                figure,
                axes[group, first : first + width],
                waves[group],
                axis,
                heading if group == 0 else "",
                unit,
            )
        first += width
    for group in range(n_groups):
        axes[group, 0].set_ylabel(f"group {group + 1}\noscillator")
    for column in range(sum(widths)):
        for ax in axes[:-1, column]:
            ax.set_xlabel("")
            ax.set_xticklabels([])
    return figure


def _draw_row(
    figure: Figure, axes: np.ndarray, waves: np.ndarray, axis: TimeAxis, heading: str, unit: str
) -> None:
    """Single trials of one group under one heading, with their colour bar."""
    shown = waves[: len(axes)]
    limit = float(np.nanmax(np.abs(shown), initial=0.0)) or 1.0
    image = None
    for k, ax in enumerate(axes):
        stop_s = axis.start_s + shown.shape[2] * axis.bin_s
        extent = (axis.start_s, stop_s, shown.shape[1] - 0.5, -0.5)
        image = ax.imshow(
            np.ma.masked_invalid(shown[k]),
            aspect="auto",
            extent=extent,
            cmap=colour_map("PuOr"),
            vmin=-limit,
            vmax=limit,
        )
        mark_time(ax, axis)
        ax.set_xlim(axis.start_s, stop_s)
        ax.set_title(f"{heading}\nexample {k + 1}" if heading else "")
    figure.colorbar(image, ax=list(axes), label=unit, aspect=12, pad=0.01, fraction=0.06)
