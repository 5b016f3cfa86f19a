"""`regimes`: the likeliest regime of switching dynamics, by trial and time."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import FigureBase
from matplotlib.patches import Patch

from undertow import analysis
from undertow.analysis import RegimeMap
from undertow.analysis.examples import Which
from undertow.data import Prediction
from undertow.plots.style import (
    BLACK,
    LISTED_UP_TO,
    MISSING,
    condition_colours,
    mark_time,
    sized,
    styled,
    time_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAINTEST = 0.25
"""How much of its colour a regime keeps that is no likelier than the others."""


@styled
def regimes(
    prediction: Prediction, *, trials: Which = 200, figure: FigureBase | None = None
) -> "Axes":
    """Draw the likeliest regime of each bin, a row per trial, sorted by condition.

    The less certain a regime, the paler its colour.

    Args:
        prediction: of a model with regimes that take turns, such as `SLDS`.
        trials: ids of the trials to draw, or how many examples.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        The axes.

    Raises:
        UndertowError: for a prediction without regimes, or irregular times.
    """
    axis, found = time_axis(prediction), analysis.regime_map(prediction, trials)
    n_trials = len(found.order)
    figure = sized(figure, float(np.clip(1.6 + 0.03 * n_trials, 3.0, 7.0)))
    ax = figure.subplots()
    colours = [to_rgb(c) for c in condition_colours(np.arange(len(found.share))).values()]
    ax.imshow(
        _painted(found, np.array(colours)),
        aspect="auto",
        extent=(axis.start_s, axis.stop_s, n_trials - 0.5, -0.5),
        interpolation="nearest",
    )
    _groups(ax, found)
    mark_time(ax, axis)
    _key(figure, found, colours)
    return ax


def _painted(found: RegimeMap, colours: np.ndarray) -> np.ndarray:
    """The colour of each bin, (trials, time, 3): paler where the regime is less certain."""
    least = 1 / len(colours)
    sure = (found.probability - least) / max(1 - least, 1e-9) if len(colours) > 1 else 1.0
    weight = (FAINTEST + (1 - FAINTEST) * np.clip(np.nan_to_num(sure), 0, 1))[..., None]
    image = 1 - weight * (1 - colours[found.likeliest])
    painted: np.ndarray = np.where(found.likeliest[..., None] < 0, to_rgb(MISSING), image)
    return painted


def _groups(ax: "Axes", found: RegimeMap) -> None:
    """Part the conditions by lines, and name them where they are few."""
    values, first, numbers = np.unique(found.groups, return_index=True, return_counts=True)
    if len(values) < 2:
        ax.set_ylabel("trial")
        return
    for row in np.sort(first)[1:]:
        ax.axhline(row - 0.5, color=BLACK, linewidth=0.6)
    ax.set_ylabel(f"trial (by {found.what})")
    if len(values) <= LISTED_UP_TO:
        ax.set_yticks(first + (numbers - 1) / 2, [str(value) for value in values])
        ax.tick_params(axis="y", length=0)


def _key(figure: FigureBase, found: RegimeMap, colours: list[tuple[float, float, float]]) -> None:
    """Name each regime beside its colour and the share of bins in which it is the likeliest."""
    shares = zip(colours, found.share, strict=True)
    handles = [
        Patch(color=colour, label=f"{k} ({100 * share:.0f} %)")
        for k, (colour, share) in enumerate(shares, start=1)
    ]
    if len(handles) > LISTED_UP_TO:  # those that hold longest
        most = np.sort(np.argsort(-found.share, kind="stable")[:LISTED_UP_TO])
        handles = [handles[k] for k in most]
    title = "regime (share of all bins)"
    figure.legend(
        handles=handles, loc="outside upper center", ncols=min(len(handles), 9), title=title
    )
