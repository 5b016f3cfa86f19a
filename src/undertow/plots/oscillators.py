"""Fitted oscillators: natural frequencies (`oscillators`), and their `coupling` over time."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import FigureBase

from undertow.analysis import (
    CouplingOverTime,
    NaturalFrequencies,
    TimeAxis,
    coupling_over_time,
    natural_frequencies,
)
from undertow.analysis.oscillators import Models
from undertow.data import TrialSet
from undertow.plots.style import (
    BLACK,
    GREY,
    MODEL,
    colour_map,
    condition_colours,
    mark_time,
    sized,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = ("start", "middle", "end")
COLUMNS = 4


@styled
def oscillators(
    model: "Models | NaturalFrequencies", *, figure: FigureBase | None = None
) -> "Axes":
    """Draw natural frequencies (dots) beside where they started (rings), a row per region.

    A line joins the two: how far learning moved each. The median of each region is marked only
    where the fits bear an order of regions out; see `NaturalFrequencies.ranking`.

    Args:
        model: a fitted LatentSDE whose dynamics are oscillators, an Ensemble or several that differ
            in their seed or start; or what `undertow.analysis.natural_frequencies` says of them.
        figure: the figure to draw into; by default a new one of pyplot.

    Raises:
        UndertowError: for anything else.
    """
    data = model if isinstance(model, NaturalFrequencies) else natural_frequencies(model)
    names, ranked = data.regions, bool(data.ranking())
    figure = sized(figure, 1.6 + 0.6 * len(names))
    ax: Axes = figure.subplots()
    for row, name in enumerate(names):
        _region_row(ax, row, data.of(name), data.start_of(name))
        if ranked:
            ax.plot(np.median(data.median_of(name)), row, marker="|", ms=22, mew=2, color=BLACK)
    ax.set_yticks(range(len(names)), [f"{name} ({data.of(name).shape[1]})" for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.set(xlabel="natural frequency (Hz)", ylabel="region (oscillators)")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return ax


def _region_row(ax: "Axes", row: int, hz: np.ndarray, start_hz: np.ndarray) -> None:
    """Draw the oscillators of one region below each other, a height for each model and unit."""
    ups = row + np.linspace(-0.3, 0.3, hz.size).reshape(hz.shape) if hz.size > 1 else [[row]]
    labels = ("where it started", "learned") if row == 0 else (None, None)
    up = np.asarray(ups, float).ravel()
    ax.hlines(up, start_hz.ravel(), hz.ravel(), color=GREY, lw=0.8)
    ax.plot(start_hz.ravel(), up, "o", ms=5, mfc="none", mec=GREY, label=labels[0])
    ax.plot(hz.ravel(), up, "o", ms=5, color=MODEL, mew=0, label=labels[1])


@styled
def coupling(
    model: "Models | CouplingOverTime", trials: TrialSet, *, figure: FigureBase | None = None
) -> np.ndarray:
    """Draw the coupling: the matrix at three times, and its strength over time.

    The matrices above are at the start, middle and end of the window; below is the strength into
    each region.

    Args:
        model: a fitted LatentSDE whose dynamics couple units by a matrix, an Ensemble or several
            that differ in their seed; or what `undertow.analysis.coupling_over_time` says of them.
        trials: trials whose stimulus is used; the coupling is averaged over them.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes: three of the matrices, then one per region.

    Raises:
        UndertowError: for other models, or irregular times.
    """
    axis = TimeAxis.of(trials)
    data = model if isinstance(model, CouplingOverTime) else coupling_over_time(model, trials)
    targets = list(dict.fromkeys(target for _, target in data.between_regions()))
    rows = -(-len(targets) // COLUMNS)
    figure = sized(figure, 3.6 + 2.6 * rows)
    parts: Any = figure.subfigures(2, 1, height_ratios=[3.6, 2.6 * max(rows, 1)])
    upper, lower = parts
    matrices = _matrices(upper, data, axis)
    return np.array([*matrices, *_strengths(lower, data, targets, rows, axis)], dtype=object)


def _matrices(figure: FigureBase, data: CouplingOverTime, axis: TimeAxis) -> np.ndarray:
    """Draw the mean over fits at three bins; zero is the middle colour, lines part regions."""
    mean, regions = data.mean, list(dict.fromkeys(data.region.tolist()))
    bins = [0, len(mean) // 2, len(mean) - 1]
    limit = float(np.abs(mean).max()) or 1.0
    axes: np.ndarray = figure.subplots(1, len(bins), squeeze=False)[0]
    centres = [np.flatnonzero(data.region == name).mean() for name in regions]
    for ax, bin_, word in zip(axes, bins, SHOWN, strict=True):
        image = ax.imshow(mean[bin_], cmap=colour_map("RdBu_r"), vmin=-limit, vmax=limit)
        ax.set_title(f"{word} ({axis.time_s[bin_]:.3g} s)")
        for edge in np.flatnonzero(data.region[1:] != data.region[:-1]) + 0.5:
            ax.axhline(edge, color=GREY, lw=0.8)
            ax.axvline(edge, color=GREY, lw=0.8)
        ax.set_xticks(centres, regions)
        ax.set_yticks(centres, regions)
        ax.set_xlabel("from")
    axes[0].set_ylabel("onto")
    bar = figure.colorbar(image, ax=list(axes), aspect=20, pad=0.01)
    bar.ax.set_title(data.unit, loc="center", fontsize=8.5)
    return axes


def _strengths(
    figure: FigureBase, data: CouplingOverTime, targets: list[str], rows: int, axis: TimeAxis
) -> np.ndarray:
    """Draw a panel per region that something acts on; none without a pair of units."""
    if not targets:
        return np.empty(0, dtype=object)
    columns = min(COLUMNS, len(targets))
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    used, rest = panels.ravel()[: len(targets)], panels.ravel()[len(targets) :]
    for ax in rest:
        ax.set_visible(False)
    colours = condition_colours(np.array(list(dict.fromkeys(data.region.tolist()))))
    for ax, target in zip(used, targets, strict=True):
        _onto(ax, target, data, axis, colours)
    used[0].set_ylim(bottom=0)
    for ax in panels[:, 0]:
        ax.set_ylabel(f"RMS coupling ({data.unit})")
    if len(colours) > 1:
        handles, labels = used[0].get_legend_handles_labels()
        n = min(len(colours), 9)
        figure.legend(handles, labels, loc="outside upper center", ncols=n, title="from")
    return used


def _onto(
    ax: "Axes", target: str, data: CouplingOverTime, axis: TimeAxis, colours: dict[str, Any]
) -> None:
    """Draw the strength onto one region from each, with its spread over models."""
    for (source, onto), values in data.between_regions().items():
        if onto != target:
            continue
        mean, colour = values.mean(axis=0), colours[source] if len(colours) > 1 else MODEL
        ax.plot(axis.time_s, mean, color=colour, label=source)
        if len(values) > 1:
            std = values.std(axis=0, ddof=1)
            ax.fill_between(axis.time_s, mean - std, mean + std, color=colour, alpha=0.2, lw=0)
    ax.set_title(f"onto {target}")
    mark_time(ax, axis)
