"""Spikes beside inferred rates, the whole population, a few trials."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from undertow.analysis import Rasters, TimeAxis
from undertow.plots.style import colour_map, mark_heldout, mark_time, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def plot_rasters(
    rasters: Rasters, axis: TimeAxis, model_name: str = "model", baseline_name: str = "baseline"
) -> Figure:
    """One row per trial: counts per bin, the model's rates, the baseline's; all rates on one colour scale."""
    n_trials, _, n_neurons = rasters.spikes.shape
    columns: list[tuple[str, np.ndarray]] = [
        ("spikes", rasters.spikes),
        (f"{model_name}: inferred rates", rasters.rates),
    ]
    if rasters.baseline is not None:
        columns.append((f"{baseline_name}: inferred rates", rasters.baseline))
    figure = new_figure(0.6 + n_trials * float(np.clip(n_neurons / 45, 1.3, 2.7)))
    axes = figure.subplots(n_trials, len(columns), squeeze=False, sharex=True, sharey=True)
    norms = _norms(rasters, columns)
    for row in range(n_trials):
        for column, (title, values) in enumerate(columns):
            ax = axes[row, column]
            cmap = colour_map("Greys" if column == 0 else "viridis")
            image = _draw(ax, values[row], axis, cmap, norms[min(column, 1)])
            mark_heldout(ax, rasters.n_heldin, n_neurons)
            mark_time(ax, axis, label=row == n_trials - 1)
            ax.set_title(f"{title}\n{rasters.names[row]}" if row == 0 else rasters.names[row])
            if row == 0:
                _colour_bar(figure, image, axes[:, column], "spikes per bin" if column == 0 else "spikes/s")
        axes[row, 0].set_ylabel("neuron (sorted)")
    return figure


def _norms(rasters: Rasters, columns: list[tuple[str, np.ndarray]]) -> tuple[Any, Any]:
    """Counts from 0 to their largest; rates from 0 to their 99.5th percentile, by square root, shared."""
    rates = np.concatenate([values[np.isfinite(values)] for _, values in columns[1:]])
    top = float(np.quantile(rates, 0.995)) if rates.size else 1.0
    counts = rasters.spikes[np.isfinite(rasters.spikes)]
    most = max(1.0, float(counts.max(initial=1.0)))
    return PowerNorm(0.7, 0.0, most), PowerNorm(0.5, 0.0, max(top, 1e-6))


def _draw(ax: "Axes", values: np.ndarray, axis: TimeAxis, cmap: Any, norm: Any) -> Any:
    n_neurons = values.shape[1]
    extent = (axis.start_s, axis.stop_s, n_neurons - 0.5, -0.5)
    ax.set_ylim(n_neurons - 0.5, -0.5)
    return ax.imshow(np.ma.masked_invalid(values.T), aspect="auto", extent=extent, cmap=cmap, norm=norm)


def _colour_bar(figure: Figure, image: Any, axes: Any, label: str) -> None:
    counts = label == "spikes per bin"
    bar = figure.colorbar(
        image,
        ax=list(axes),
        location="bottom",
        shrink=0.6,
        aspect=40,
        pad=0.02,
        label=label,
        extend="neither" if counts else "max",
    )
    if counts:
        bar.ax.xaxis.get_major_locator().set_params(integer=True)
