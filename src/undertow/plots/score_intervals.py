"""`score_intervals`: the scores of many models, with their intervals."""

from collections.abc import Collection, Mapping
from math import isfinite

import numpy as np
from matplotlib.figure import FigureBase

from undertow.errors import UndertowError
from undertow.evaluation import Score
from undertow.plots.style import GREY, MODEL, sized, styled

COLUMNS = 3
ROW_IN, PANEL_IN = 0.24, 0.9


@styled
def score_intervals(
    scores: Mapping[str, Mapping[str, Score]],
    level: Mapping[str, Collection[str]],
    *,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw a panel per score: a row per model, its value and its 95 % interval.

    Models stand in the order of the first score, the best on top.

    Args:
        scores: model → score name → score.
        level: score name → models that are level with its best, which are drawn in colour.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, one per score.

    Raises:
        UndertowError: where there is no score.
    """
    names = list(dict.fromkeys(name for each in scores.values() for name in each))
    if not names:
        raise UndertowError("no model has a score: fit some first.")
    models = sorted(scores, key=lambda model: _key(scores[model].get(names[0])))
    rows = -(-len(names) // COLUMNS)
    figure = sized(figure, rows * (PANEL_IN + ROW_IN * len(models)))
    grid = figure.subplots(rows, min(COLUMNS, len(names)), squeeze=False, sharey=True)
    axes: np.ndarray = grid.ravel()
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    for ax, name in zip(axes, names, strict=False):
        for place, model in enumerate(models):
            score = scores[model].get(name)
            if score is None or not isfinite(score.value):
                continue
            colour = MODEL if model in level.get(name, ()) else GREY
            ends = [[max(score.value - score.low, 0.0)], [max(score.high - score.value, 0.0)]]
            around = np.nan_to_num(ends)
            ax.errorbar(score.value, place, xerr=around, fmt="o", color=colour, markersize=5)
        unit = next(each[name].unit for each in scores.values() if name in each)
        ax.set(title=name, xlabel=unit, yticks=range(len(models)), yticklabels=models)
        ax.set_ylim(-0.6, len(models) - 0.4)
        ax.grid(axis="y", color="#e8e8e8", linewidth=0.6)
        ax.set_axisbelow(True)
    return axes[: len(names)]


def _key(score: Score | None) -> float:
    return score.value if score is not None and isfinite(score.value) else -np.inf
