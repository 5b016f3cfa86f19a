"""`drift_field`: the drift of a GP-SLDS, how well it is known, and its regimes."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D

from undertow import analysis
from undertow.analysis import DriftField
from undertow.analysis.examples import Which, example_trials
from undertow.data import TrialSet
from undertow.plots.style import BLACK, GREY, colour_map, condition_colours, sized, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT_IN = 5.4
PALE = 0.45
"""How much of a regime's colour is seen where it is alone; the rest is white."""


@styled
def drift_field(
    model: "object | DriftField",
    trials: TrialSet,
    *,
    shown: Which = 30,
    figure: FigureBase | None = None,
    **options: Any,
) -> np.ndarray:
    """Draw arrows of the drift over its uncertainty, and beside it the regimes; (2,) axes.

    On the left the shading is the standard deviation of the drift; arrows are pale where that is
    longer than the arrow. On the right each point has the mixture of its regimes' colours, with
    stream lines of the drift. Thin lines are inferred paths.

    Args:
        model: a fitted GPSLDS, an Ensemble (its first member), or what
            `undertow.analysis.drift_field` says of it.
        trials: trials whose paths are inferred.
        shown: ids of the trials whose paths are drawn, or how many examples.
        figure: the figure to draw into; by default a new one of pyplot.
        options: those of `undertow.analysis.drift_field`: `time_s`, `inputs`, `points`.

    Raises:
        UndertowError: for other models, or states of one dimension.
    """
    field = model
    if not isinstance(field, DriftField):
        field = analysis.drift_field(model, trials, **options)
    figure = sized(figure, HEIGHT_IN, layout="compressed")
    axes = np.atleast_1d(figure.subplots(1, 2, sharex=True, sharey=True))
    _uncertainty(figure, axes[0], field)
    _regimes(figure, axes[1], field)
    for ax in axes:
        for trial in example_trials(trials, shown):
            ax.plot(*field.paths[trial].T, color=BLACK, linewidth=0.5, alpha=0.35)
        ax.set(xlim=field.x[[0, -1]], ylim=field.y[[0, -1]], xlabel=_label(field, 0))
        ax.set_aspect("equal", adjustable="box")
    axes[0].set_ylabel(_label(field, 1))
    return axes


def _label(field: DriftField, k: int) -> str:
    return f"PC {k + 1} ({100 * field.variance_share[k]:.0f} % of variance)"


def _uncertainty(figure: FigureBase, ax: "Axes", field: DriftField) -> None:
    """Draw arrows over the standard deviation of the drift, with its bar."""
    shade = ax.pcolormesh(
        field.x, field.y, field.uncertainty, cmap=colour_map("Oranges"), shading="gouraud", vmin=0
    )
    certain = np.clip(field.speed / np.maximum(field.uncertainty, 1e-12), 0.15, 1.0)
    every = max(1, len(field.x) // 16)
    at = np.s_[every // 2 :: every, every // 2 :: every]
    x, y = np.meshgrid(field.x, field.y)
    spacing = every * float(field.x[1] - field.x[0])
    usual = float(np.quantile(field.speed[at], 0.9)) or 1.0
    ax.quiver(
        x[at],
        y[at],
        field.velocity[..., 0][at],
        field.velocity[..., 1][at],
        alpha=certain[at].ravel(),
        color=BLACK,
        angles="xy",
        scale_units="xy",
        scale=usual / (1.2 * spacing),
        width=0.0035,
    )
    bar = figure.colorbar(shade, ax=ax, aspect=30, pad=0.01, location="bottom")
    bar.set_label("standard deviation of the drift (state per second)")
    ax.set_title("drift, and how well it is known", loc="left")


def _regimes(figure: FigureBase, ax: "Axes", field: DriftField) -> None:
    """Draw the mixture of the regimes' colours, and stream lines."""
    n = field.regimes.shape[-1]
    colours = np.array([to_rgb(c) for c in condition_colours(np.arange(n)).values()])
    mixed = 1 - PALE * (1 - field.regimes @ colours)
    half_x, half_y = (np.diff(each[:2])[0] / 2 for each in (field.x, field.y))
    ends = (
        field.x[0] - half_x,
        field.x[-1] + half_x,
        field.y[0] - half_y,
        field.y[-1] + half_y,
    )
    ax.imshow(np.clip(mixed, 0, 1), origin="lower", extent=ends, interpolation="bilinear")
    ax.streamplot(
        field.x,
        field.y,
        field.velocity[..., 0],
        field.velocity[..., 1],
        color=GREY,
        density=1.1,
        linewidth=0.8,
        arrowsize=0.8,
    )
    shades = 1 - PALE * (1 - colours)
    handles = [
        Line2D([], [], marker="s", linestyle="", color=shade, label=f"regime {k + 1}")
        for k, shade in enumerate(shades)
    ]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=min(n, 4))
    ax.set_title("regimes", loc="left")
