"""Phase portraits."""

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from undertow.analysis import PhasePortrait
from undertow.plots.style import (
    GREY,
    colour_map,
    condition_colours,
    condition_legend,
    new_figure,
    styled,
)

HEIGHT_IN, MOST_PATHS = 6.0, 60


@styled
def plot_phase_portrait(
    portrait: PhasePortrait, shown: np.ndarray, condition: np.ndarray | None = None
) -> Figure:
    """Stream lines of the drift, darker where faster; the paths of the trials `shown`, dotted at
    the portrait's bin."""
    figure, fastest = new_figure(HEIGHT_IN), float(portrait.speed.max()) or 1.0
    figure.set_layout_engine("compressed")  # equal axes in a wide figure: in its middle
    ax = figure.subplots()
    lines = ax.streamplot(
        portrait.x,
        portrait.y,
        portrait.velocity[..., 0],
        portrait.velocity[..., 1],
        color=portrait.speed,
        cmap=colour_map("Greys"),
        norm=Normalize(-0.6 * fastest, fastest),  # the slowest stay visible
        density=1.3,
        linewidth=0.9,
        arrowsize=0.9,
    )
    labels = np.zeros(len(portrait.paths), int) if condition is None else condition
    colours = condition_colours(np.unique(labels))
    for trial in shown:
        path, colour = portrait.paths[trial], colours[labels[trial].item()]
        ax.plot(path[:, 0], path[:, 1], color=colour, linewidth=0.9, alpha=0.8)
        if portrait.bin is not None:
            ax.plot(*path[portrait.bin], marker="o", markersize=4, color=colour, mec=GREY, mew=0.5)
    first, second = (
        f"PC {k + 1} ({100 * portrait.variance_share[k]:.0f} % of variance)" for k in range(2)
    )
    ax.set(xlabel=first, ylabel=second, xlim=portrait.x[[0, -1]], ylim=portrait.y[[0, -1]])
    ax.set_aspect("equal", adjustable="box")
    bar = figure.colorbar(lines.lines, ax=ax, aspect=30, pad=0.01)
    bar.ax.set_ylim(0, fastest)
    bar.ax.set_ylabel("speed of the drift (state per second)")
    condition_legend(figure, colours)
    return figure
