"""`oscillators`: natural frequencies of a fitted model, region by region."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import FigureBase

from undertow.analysis import NaturalFrequencies, natural_frequencies
from undertow.analysis.oscillators import Models
from undertow.plots.style import BLACK, MODEL, sized, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def oscillators(
    model: "Models | NaturalFrequencies", *, figure: FigureBase | None = None
) -> "Axes":
    """A row per region: a dot per oscillator (and model), a bar at their median.

    Args:
        model: a fitted LatentSDE whose dynamics are oscillators, an Ensemble or several that differ
            in their seed; or what `undertow.analysis.natural_frequencies` says of them.
        figure: drawn into; a new one of pyplot by default.

    Raises:
        UndertowError: for anything else.
    """
    data = model if isinstance(model, NaturalFrequencies) else natural_frequencies(model)
    names = data.regions
    figure = sized(figure, 1.3 + 0.45 * len(names))
    ax: Axes = figure.subplots()
    for row, name in enumerate(names):
        hz = data.of(name)
        shift = np.linspace(-0.2, 0.2, len(hz)) if len(hz) > 1 else np.zeros(1)
        for own, up in zip(hz, shift, strict=True):
            ax.plot(own, np.full(own.size, row + up), "o", ms=6, color=MODEL, alpha=0.7, mew=0)
        ax.plot(np.median(hz), row, marker="|", ms=22, mew=2, color=BLACK)
    ax.set_yticks(range(len(names)), [f"{name} ({data.of(name).shape[1]})" for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.set(xlabel="natural frequency (Hz)", ylabel="region (oscillators)")
    return ax
