"""Spikes beside inferred rates, the whole population, a few trials."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from undertow.analysis import Rasters, TimeAxis
from undertow.plots.style import BASELINE, colour_map, mark_time, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARP_UP_TO = 300


class Column(NamedTuple):
    """What one column of the figure shows: (trials, time, neurons) and how colours stand for it."""

    title: str
    values: np.ndarray
    colours: str
    norm: PowerNorm
    unit: str


@styled
def plot_rasters(
    rasters: Rasters, axis: TimeAxis, model_name: str = "model", baseline_name: str = "baseline"
) -> Figure:
    """One row per trial: counts per bin, the model's rates, the baseline's; all rates on one colour
    scale."""
    n_trials, _, n_neurons = rasters.spikes.shape
    columns = _columns(rasters, model_name, baseline_name)
    figure = new_figure(0.9 + n_trials * float(np.clip(n_neurons / 45, 1.3, 2.7)))
    axes = figure.subplots(n_trials, len(columns), squeeze=False, sharex=True, sharey=True)
    for k, column in enumerate(columns):
        for row in range(n_trials):
            image = _draw(axes[row, k], column, row, axis, rasters.n_heldin)
            mark_time(axes[row, k], axis, label=row == n_trials - 1)
            axes[row, k].set_title(
                f"{column.title}\n{rasters.names[row]}" if row == 0 else rasters.names[row]
            )
        _colour_bar(figure, image, axes[:, k], column)
    for ax in axes[:, 0]:
        ax.set_ylabel("neuron (sorted)")
    return figure


def _columns(rasters: Rasters, model_name: str, baseline_name: str) -> list[Column]:
    """Counts from 0 to their largest; rates from 0 to their 99.5th percentile, by square root, on
    one scale."""
    rates = [(model_name, rasters.rates)]
    if rasters.baseline is not None:
        rates.append((baseline_name, rasters.baseline))
    finite = np.concatenate([values[np.isfinite(values)] for _, values in rates])
    top = max(float(np.quantile(finite, 0.995)), 1e-6) if finite.size else 1.0
    most = max(float(np.nan_to_num(rasters.spikes).max()), 1.0)
    counts = Column("spikes", rasters.spikes, "Greys", PowerNorm(0.7, 0.0, most), "spikes per bin")
    return [counts] + [
        Column(f"{name}: inferred rates", values, "viridis", PowerNorm(0.5, 0.0, top), "spikes/s")
        for name, values in rates
    ]


def _draw(ax: "Axes", column: Column, trial: int, axis: TimeAxis, n_heldin: int) -> Any:
    """One trial as an image, neuron 0 on top, a line above the held-out neurons."""
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


def _colour_bar(figure: Figure, image: Any, axes: np.ndarray, column: Column) -> None:
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
