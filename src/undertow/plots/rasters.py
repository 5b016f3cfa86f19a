"""`rasters`: spikes beside inferred rates, for the whole population in a few trials."""

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import FigureBase

from undertow import analysis
from undertow.analysis import Rasters, TimeAxis
from undertow.analysis.examples import Which
from undertow.data import Prediction
from undertow.plots.style import (
    BASELINE,
    GREY,
    NAMES,
    colour_map,
    mark_time,
    sized,
    styled,
    time_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARP_UP_TO = 300  # neurons drawn without blending neighbours
LEAST_SHARE_NAMED = 0.045  # of all rows, for a region to be named


class Column(NamedTuple):
    """Content of one column of the figure, (trials, time, neurons), and its colour scale."""

    title: str
    values: np.ndarray
    colours: str
    norm: PowerNorm
    unit: str


@styled
def rasters(
    prediction: Prediction,
    baseline: Prediction | None = None,
    *,
    trials: Which = 3,
    names: tuple[str, str] = NAMES,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw counts per bin, the model's rates and the baseline's, a row per trial.

    All rates share one colour scale.

    Neurons are sorted by region and, in it, by the time of their inferred peak; held-in ones
    first, above the line.

    Args:
        prediction, baseline: predictions whose rates are shown.
        trials: ids of the trials to show, or how many examples.
        names: names to show for model and baseline.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, (trials, columns).

    Raises:
        UndertowError: for irregular times, or predictions for different trials.
    """
    axis = time_axis(prediction, baseline)
    data = analysis.rasters(prediction, baseline, trials)
    columns, (n_trials, _, n_neurons) = _columns(data, names), data.spikes.shape
    figure = sized(figure, 0.9 + n_trials * float(np.clip(n_neurons / 45, 1.3, 2.7)))
    axes = figure.subplots(n_trials, len(columns), squeeze=False, sharex=True, sharey=True)
    for k, column in enumerate(columns):
        for row, name in enumerate(data.names):
            image = _draw(axes[row, k], column, row, axis, data.n_heldin)
            _region_lines(axes[row, k], data)
            mark_time(axes[row, k], axis, label=row == n_trials - 1)
            axes[row, k].set_title(f"{column.title}\n{name}" if row == 0 else name)
        _colour_bar(figure, image, axes[:, k], column)
    for ax in axes[:, 0]:
        _name_rows(ax, data)
    return axes


def _blocks(data: Rasters) -> list[tuple[int, int, str]]:
    """First row, last row and region of each run of neurons of one region, held in or out."""
    if data.region is None:
        return []
    rows = np.arange(len(data.region))
    kind = [*zip(data.region.tolist(), (rows < data.n_heldin).tolist(), strict=True)]
    edges = [0, *(k for k in rows[1:].tolist() if kind[k] != kind[k - 1]), len(kind)]
    return [(a, b - 1, str(kind[a][0])) for a, b in itertools.pairwise(edges)]


def _region_lines(ax: "Axes", data: Rasters) -> None:
    """Draw a thin line between regions."""
    for first, _, _ in _blocks(data)[1:]:
        if first != data.n_heldin:  # there is the line of the held-out neurons
            ax.axhline(first - 0.5, color=GREY, linewidth=0.6)


def _name_rows(ax: "Axes", data: Rasters) -> None:
    """Name the regions beside their rows, where they are wide enough; else count neurons."""
    least = LEAST_SHARE_NAMED * data.rates.shape[2]
    named = [each for each in _blocks(data) if each[1] - each[0] + 1 >= least]
    if named:
        ax.set_yticks([(a + b) / 2 for a, b, _ in named], [name for *_, name in named])
        ax.tick_params(axis="y", length=0)
    ax.set_ylabel("neuron (sorted)" if not named else "neuron (by region)")


def _columns(data: Rasters, names: tuple[str, str]) -> list[Column]:
    """Return the columns: counts, and rates on one scale.

    Counts run from 0 to their largest, rates from 0 to their 99.5th percentile, by square root.
    """
    rates = [(names[0], data.rates)]
    if data.baseline is not None:
        rates.append((names[1], data.baseline))
    finite = np.concatenate([values[np.isfinite(values)] for _, values in rates])
    top = max(float(np.quantile(finite, 0.995)), 1e-6) if finite.size else 1.0
    most = max(float(np.nan_to_num(data.spikes).max()), 1.0)
    counts = Column("spikes", data.spikes, "Greys", PowerNorm(0.7, 0.0, most), "spikes per bin")
    return [counts] + [
        Column(f"{name}: inferred rates", values, "viridis", PowerNorm(0.5, 0.0, top), "spikes/s")
        for name, values in rates
    ]


def _draw(ax: "Axes", column: Column, trial: int, axis: TimeAxis, n_heldin: int) -> Any:
    """Draw one trial as an image, neuron 0 on top, with a line above the held-out neurons."""
    values = np.ma.masked_invalid(column.values[trial].T)
    n_neurons = len(values)
    if 0 < n_heldin < n_neurons:
        ax.axhline(n_heldin - 0.5, color=BASELINE, linewidth=1.2)
    return ax.imshow(
        values,
        aspect="auto",
        extent=(axis.start_s, axis.stop_s, n_neurons - 0.5, -0.5),
        cmap=colour_map(column.colours),
        norm=column.norm,
        interpolation="nearest" if n_neurons <= SHARP_UP_TO else "auto",
    )


def _colour_bar(figure: FigureBase, image: Any, axes: np.ndarray, column: Column) -> None:
    options: dict[str, Any] = {"extend": "max"}
    if column.unit == "spikes per bin":
        top = int(column.norm.vmax or 1)
        options = {"ticks": np.arange(0, top + 1, max(1, top // 5))}
    figure.colorbar(
        image,
        ax=list(axes),
        location="bottom",
        shrink=0.6,
        aspect=40,
        pad=0.02,
        label=column.unit,
        **options,
    )
