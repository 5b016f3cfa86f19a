"""`model_pair`: two models against each other, neuron by neuron and condition by condition."""

import numpy as np
from matplotlib.figure import FigureBase

from undertow.errors import UndertowError
from undertow.plots.style import DASHED, GREY, MODEL, sized, styled

Pair = tuple[np.ndarray, np.ndarray]
OUTLIERS = 1.0
"""Percent of the scores at the lower end that may lie below the panel."""


@styled
def model_pair(
    neurons: Pair,
    conditions: Pair,
    names: tuple[str, str],
    *,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw scores of one model against those of another, equal ones on the dashed line.

    Args:
        neurons: scores of each neuron under both, NaN where one has none.
        conditions: scores of each condition under both; empty where there are none.
        names: of the models, that along x first.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes: of neurons, and of conditions where there are two or more.

    Raises:
        UndertowError: where no neuron has a score under both.
    """
    known = [
        (what, x[both], y[both])
        for what, (x, y) in (("neurons", neurons), ("conditions", conditions))
        if (both := np.isfinite(x) & np.isfinite(y)).sum() > (what == "conditions")
    ]
    if not known or known[0][0] != "neurons":
        raise UndertowError("no neuron has a score under both models.")
    figure = sized(figure, 4.6)
    axes: np.ndarray = figure.subplots(1, 2, squeeze=False)[0]
    for ax in axes[len(known) :]:
        ax.set_visible(False)
    for ax, (what, x, y) in zip(axes, known, strict=False):
        both = np.concatenate([x, y])
        low, high = np.percentile(both, OUTLIERS), both.max()
        pad = 0.05 * max(high - low, 1e-9)
        ends = (low - pad, high + pad)
        ax.plot(ends, ends, color=GREY, linestyle=DASHED, linewidth=1.0)
        ax.plot(x, y, "o", color=MODEL, markersize=4, alpha=0.6, markeredgewidth=0)
        above = int((y > x).sum())
        title = f"{what}: {above} of {len(x)} above the line"
        ax.set(title=title, xlabel=f"{names[0]} (bits/spike)", ylabel=f"{names[1]} (bits/spike)")
        ax.set(xlim=ends, ylim=ends, aspect="equal")
    return axes[: len(known)]
