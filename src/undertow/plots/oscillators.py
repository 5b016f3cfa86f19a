"""Natural frequencies per region, and coupling over time."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from undertow.analysis import CouplingOverTime, NaturalFrequencies, TimeAxis
from undertow.plots.style import (
    BLACK,
    GREY,
    MODEL,
    colour_map,
    condition_colours,
    mark_time,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = ("start", "middle", "end")
COLUMNS = 4


@styled
def plot_frequencies(frequencies: NaturalFrequencies) -> Figure:
    """A row per region: a dot per oscillator (and model), a tick at their median."""
    names = frequencies.regions
    figure = new_figure(1.3 + 0.45 * len(names))
    ax = figure.subplots()
    for row, name in enumerate(names):
        hz = frequencies.of(name)
        shift = np.linspace(-0.2, 0.2, len(hz)) if len(hz) > 1 else np.zeros(1)
        for k, own in enumerate(hz):
            ax.plot(
                own, np.full(own.size, row + shift[k]), "o", ms=6, color=MODEL, alpha=0.7, mew=0
            )
        ax.plot(np.median(hz), row, marker="|", ms=22, mew=2, color=BLACK)
    ax.set_yticks(
        range(len(names)), [f"{name} ({frequencies.of(name).shape[1]})" for name in names]
    )
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.set(xlabel="natural frequency (Hz)", ylabel="region (oscillators)")
    return figure


@styled
def plot_coupling(coupling: CouplingOverTime, axis: TimeAxis) -> Figure:
    """Above, the matrix at the start, middle and end of the window; below, its strength into each
    region over time."""
    strength, names = coupling.between_regions(), list(dict.fromkeys(coupling.region.tolist()))
    targets = [name for name in names if any(target == name for _, target in strength)]
    rows = -(-len(targets) // COLUMNS)
    figure = new_figure(3.6 + 2.6 * rows)
    parts: Any = figure.subfigures(2, 1, height_ratios=[3.6, 2.6 * max(rows, 1)])
    upper, lower = parts
    _matrices(upper, coupling, axis)
    if targets:
        panels = lower.subplots(
            rows, min(COLUMNS, len(targets)), squeeze=False, sharex=True, sharey=True
        )
        for ax in panels.flat[len(targets) :]:
            ax.set_visible(False)
        colours = condition_colours(np.array(names))
        for ax, target in zip(panels.flat, targets, strict=False):
            _into(ax, target, coupling, axis, colours)
        panels[0, 0].set_ylim(bottom=0)
        for ax in panels[:, 0]:
            ax.set_ylabel(f"RMS coupling ({coupling.unit})")
        if len(names) > 1:
            handles, labels = panels[0, 0].get_legend_handles_labels()
            lower.legend(
                handles, labels, loc="outside upper center", ncols=min(len(names), 9), title="from"
            )
    return figure


def _matrices(figure: Any, coupling: CouplingOverTime, axis: TimeAxis) -> None:
    """Mean over fits at three bins, zero in the middle of the colours; lines between regions."""
    mean = coupling.mean
    bins = [0, len(mean) // 2, len(mean) - 1]
    limit = float(np.abs(mean).max()) or 1.0
    axes = figure.subplots(1, len(bins), squeeze=False)[0]
    centres = [
        np.flatnonzero(coupling.region == name).mean() for name in dict.fromkeys(coupling.region)
    ]
    for ax, bin_, word in zip(axes, bins, SHOWN, strict=True):
        image = ax.imshow(mean[bin_], cmap=colour_map("RdBu_r"), vmin=-limit, vmax=limit)
        ax.set_title(f"{word} ({axis.time_s[bin_]:.3g} s)")
        for edge in np.flatnonzero(coupling.region[1:] != coupling.region[:-1]) + 0.5:
            ax.axhline(edge, color=GREY, lw=0.8)
            ax.axvline(edge, color=GREY, lw=0.8)
        ax.set_xticks(centres, dict.fromkeys(coupling.region))
        ax.set_yticks(centres, dict.fromkeys(coupling.region))
        ax.set_xlabel("from")
    axes[0].set_ylabel("onto")
    bar = figure.colorbar(image, ax=list(axes), aspect=20, pad=0.01)
    bar.ax.set_title(coupling.unit, loc="center", fontsize=8.5)


def _into(
    ax: "Axes", target: str, coupling: CouplingOverTime, axis: TimeAxis, colours: dict[str, Any]
) -> None:
    """Strength onto one region from each, with its spread over models."""
    for (source, onto), values in coupling.between_regions().items():
        if onto != target:
            continue
        mean, colour = values.mean(axis=0), colours[source] if len(colours) > 1 else MODEL
        ax.plot(axis.time_s, mean, color=colour, label=source)
        if len(values) > 1:
            std = values.std(axis=0, ddof=1)
            ax.fill_between(axis.time_s, mean - std, mean + std, color=colour, alpha=0.2, lw=0)
    ax.set_title(f"onto {target}")
    mark_time(ax, axis)
