"""Held-out scores against latent size."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from undertow.evaluation import Score
from undertow.plots.style import BASELINE, BLACK, GREY, MODEL, legend_above, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scores = Mapping[int, Score]


@styled
def plot_latent_curve(
    size_name: str, scores: Mapping[str, Scores], smallest: Mapping[str, tuple[int, float]]
) -> Figure:
    """A panel per score: the score at each size, with its bootstrap interval and its spread over
    folds.

    Args:
        size_name: the setting that is varied.
        scores: score name → size → score.
        smallest: score name → (smallest size within one standard error of the best, that error).
    """
    figure = new_figure(3.6)
    axes = figure.subplots(1, len(scores), squeeze=False)[0]
    for ax, (name, by_size) in zip(axes, scores.items(), strict=True):
        _panel(ax, by_size, *smallest[name])
        ax.set(title=name, xlabel=size_name, ylabel=next(iter(by_size.values())).unit)
    legend_above(figure, axes[0])
    return figure


def _panel(ax: "Axes", by_size: Scores, smallest: int, error: float) -> None:
    sizes, scores = list(by_size), list(by_size.values())
    values = [score.value for score in scores]
    spread = [score.std_over_folds or 0.0 for score in scores]
    ends = [
        [max(0.0, s.value - s.low) for s in scores],
        [max(0.0, s.high - s.value) for s in scores],
    ]
    ax.axhspan(
        max(values) - error,
        max(values),
        color=GREY,
        alpha=0.18,
        linewidth=0,
        label="one standard error",
    )
    ax.errorbar(
        sizes, values, yerr=ends, fmt="o-", color=MODEL, elinewidth=3, label="95 % over trials"
    )
    ax.errorbar(
        sizes, values, yerr=spread, fmt="none", ecolor=BLACK, capsize=4, label="sd over folds"
    )
    chosen = by_size[smallest].value
    ax.plot(
        smallest,
        chosen,
        "o",
        color=BASELINE,
        markersize=9,
        zorder=3,
        label="smallest within one standard error",
    )
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
