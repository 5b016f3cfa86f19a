"""`latent_curve`: held-out scores against latent size."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from matplotlib.figure import FigureBase

from undertow.errors import UndertowError
from undertow.evaluation import Score
from undertow.plots.style import BASELINE, BLACK, GREY, MODEL, legend_above, sized, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ScoresBySize(Protocol):
    """Scores by size to draw, as `undertow.experiments.LatentCurve` has them.

    `size_name` is the setting that is varied, `scores` maps size → score name → score.
    """

    @property
    def size_name(self) -> str:
        """Name of the setting that is varied."""

    @property
    def scores(self) -> Mapping[int, Mapping[str, Score]]:
        """Scores of each size, smallest first: size → score name → score."""

    @property
    def score_names(self) -> Sequence[str]:
        """Names of the scores; each has a panel."""

    def smallest(self, name: str) -> int:
        """Return the smallest size whose score is within one standard error of the best."""

    def standard_error(self, name: str) -> float:
        """Return the standard error of the best size's mean over folds."""


@styled
def latent_curve(curve: ScoresBySize, *, figure: FigureBase | None = None) -> np.ndarray:
    """Draw a panel per score: the score at each size.

    Around it are its bootstrap interval and its spread over folds.

    Args:
        curve: what `undertow.experiments.latent_curve` returned.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, one per score.

    Raises:
        UndertowError: when no size has scores.
    """
    if not curve.scores:
        raise UndertowError("no size has scores, since a fit of each failed: see its errors.")
    figure = sized(figure, 3.6)
    axes: np.ndarray = figure.subplots(1, len(curve.score_names), squeeze=False)[0]
    for ax, name in zip(axes, curve.score_names, strict=True):
        by_size = {size: scores[name] for size, scores in curve.scores.items()}
        _panel(ax, by_size, curve.smallest(name), curve.standard_error(name))
        ax.set(title=name, xlabel=curve.size_name, ylabel=next(iter(by_size.values())).unit)
    legend_above(figure, axes[0])
    return axes


def _panel(ax: "Axes", by_size: Mapping[int, Score], smallest: int, error: float) -> None:
    sizes, scores = list(by_size), list(by_size.values())
    values = [score.value for score in scores]
    spread = [score.std_over_folds or 0.0 for score in scores]
    ends = [
        [max(0.0, s.value - s.low) for s in scores],
        [max(0.0, s.high - s.value) for s in scores],
    ]
    best = max(values)
    band: dict[str, Any] = {"color": GREY, "alpha": 0.18, "linewidth": 0}
    ax.axhspan(best - error, best, label="one standard error", **band)
    look: dict[str, Any] = {"fmt": "o-", "color": MODEL, "elinewidth": 3}
    ax.errorbar(sizes, values, yerr=ends, label="95 % over trials", **look)
    look = {"fmt": "none", "ecolor": BLACK, "capsize": 4}
    ax.errorbar(sizes, values, yerr=spread, label="sd over folds", **look)
    chosen: dict[str, Any] = {"color": BASELINE, "markersize": 9, "zorder": 3}
    name = "smallest within one standard error"
    ax.plot(smallest, by_size[smallest].value, "o", label=name, **chosen)
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
