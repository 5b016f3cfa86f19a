"""`predictive`: whether held-out neurons' spikes fall where the model says."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import FigureBase

from undertow import analysis
from undertow.analysis import PitHistogram
from undertow.data import Prediction
from undertow.plots.style import (
    BASELINE,
    DASHED,
    GREY,
    MODEL,
    check_predictions,
    legend_above,
    sized,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPIKES: dict[str, Any] = {"color": MODEL, "linewidth": 1.8}
ALONE: dict[str, Any] = {"color": BASELINE, "linestyle": DASHED, "linewidth": 1.2}


@styled
def predictive(
    prediction: Prediction,
    *,
    level: float = 0.95,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw the PIT of held-out neurons' counts, and what central intervals of them hold.

    The left panel is the histogram: level where predictions are right, a bowl where they are too
    sure, a hill where they are not sure enough, a slope where rates are too low or too high. The
    right one shows by how much central intervals of the predicted law hold more or fewer counts
    than they say.

    Args:
        prediction: with `rate_samples` (200 or more), of trials with held-out neurons.
        level: of the bands, in which right predictions would lie.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, (2,).

    Raises:
        UndertowError: without samples, held-out neurons or recorded spikes of theirs.
    """
    check_predictions(prediction)
    shown = analysis.pit_histogram(prediction, level=level)
    figure = sized(figure, 3.4)
    axes: np.ndarray = figure.subplots(1, 2)
    _histogram(axes[0], shown)
    _held(axes[1], shown)
    legend_above(figure, axes[0])
    return axes


def _histogram(ax: "Axes", shown: PitHistogram) -> None:
    band = f"central {100 * shown.level:g} % were predictions right"
    ax.stairs(
        shown.high, shown.edges, baseline=shown.low, fill=True, color=GREY, alpha=0.25, label=band
    )
    ax.stairs(shown.heights, shown.edges, baseline=None, label="spikes", **SPIKES)
    ax.stairs(shown.alone, shown.edges, baseline=None, label="mean rates taken as certain", **ALONE)
    ax.axhline(1, color=GREY, linewidth=0.8)
    words = f"PIT of counts in {shown.window_s:g} s (mean {shown.spikes:.2g})"
    ax.set(xlim=(0, 1), xlabel=words, ylabel="height of bar")


def _held(ax: "Axes", shown: PitHistogram) -> None:
    nominal = 100 * shown.levels
    low, high, held, alone = (
        100 * each - nominal
        for each in (shown.held_low, shown.held_high, shown.held, shown.held_alone)
    )
    ax.fill_between(nominal, low, high, color=GREY, alpha=0.25, lw=0)
    ax.plot(nominal, held, **SPIKES)
    ax.plot(nominal, alone, **ALONE)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set(
        xlim=(0, 100), xlabel="central interval (%)", ylabel="counts inside, beyond that (points)"
    )
