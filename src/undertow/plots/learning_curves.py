"""`learning_curves`: scores of models by the number of trials they were fitted on."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import FigureBase

from undertow.errors import UndertowError
from undertow.evaluation import Score
from undertow.plots.style import condition_colours, legend_above, sized, styled

MARKERS = "osD^v<>PX*"


@styled
def learning_curves(
    curves: Mapping[int, Mapping[str, Mapping[str, Score]]],
    names: Sequence[str],
    *,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw a panel per score: each model's score by number of training trials, with intervals.

    Args:
        curves: number of training trials → model → score name → score.
        names: of the scores.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, one per score.

    Raises:
        UndertowError: where there is no curve or no score.
    """
    models = list(dict.fromkeys(model for each in curves.values() for model in each))
    if not models or not names:
        raise UndertowError("there is no learning curve: fit on several numbers of trials first.")
    sizes, colours = sorted(curves), condition_colours(np.array(models))
    figure = sized(figure, 4.2)
    axes: np.ndarray = figure.subplots(1, len(names), squeeze=False)[0]
    for ax, name in zip(axes, names, strict=True):
        for place, model in enumerate(models):
            found = {n: s for n in sizes if (s := curves[n].get(model, {}).get(name)) is not None}
            if not found:
                continue
            values = np.array([score.value for score in found.values()])
            low = np.array([score.low for score in found.values()])
            high = np.array([score.high for score in found.values()])
            ends = np.nan_to_num(np.maximum([values - low, high - values], 0.0))
            look = {"color": colours[model], "marker": MARKERS[place % len(MARKERS)]}
            ax.errorbar(list(found), values, yerr=ends, label=model, elinewidth=0.8, **look)
            unit = next(iter(found.values())).unit
            ax.set(title=name, xlabel="training trials", ylabel=unit)
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.minorticks_off()
    legend_above(figure, axes[0])
    return axes
