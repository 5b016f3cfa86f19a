"""The look all figures share: sizes, colour-blind-safe palettes (Okabe and Ito; Tol), event and
forward marks."""

from collections.abc import Callable, Mapping
from functools import wraps
from io import BytesIO
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from undertow.analysis import TimeAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN = 11.0
BLACK, GREY = "#000000", "#767676"
MODEL, BASELINE, TRUTH = "#0072B2", "#D55E00", BLACK
NINE = (
    "#332288",
    "#88CCEE",
    "#117733",
    "#CC6677",
    "#999933",
    "#AA4499",
    "#44AA99",
    "#882255",
    "#DDCC77",
)
FORWARD, MISSING = "#56B4E9", "#efe2cf"
DASHED = (0, (5, 1.5))
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.title_fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.5,
    "axes.titlelocation": "left",
}

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a drawing function under the shared style, leaving matplotlib's own settings as they
    were."""

    @wraps(draw)
    def run(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with rc_context(STYLE):
            return draw(*args, **kwargs)

    return run


def new_figure(height_in: float, width_in: float = WIDTH_IN) -> Figure:
    """An empty figure on an Agg canvas, laid out by itself; no global state."""
    figure = Figure(figsize=(width_in, height_in), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png_bytes(figure: Figure) -> bytes:
    """The figure as a PNG file, 150 dots per inch."""
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def condition_colours(labels: np.ndarray) -> dict[Any, Any]:
    """A colour per label: a fixed set up to nine labels, then an even run of viridis."""
    n = len(labels)
    colours = (
        NINE[:n] if n <= len(NINE) else [colormaps["viridis"](x) for x in np.linspace(0, 0.93, n)]
    )
    return dict(zip(labels.tolist(), colours, strict=True))


def colour_map(name: str) -> Any:
    """A colour map whose missing values have a colour of their own."""
    return colormaps[name].with_extremes(bad=MISSING)


def mark_time(ax: "Axes", axis: TimeAxis, label: bool = True) -> None:
    """Limit x to the window, dash t = 0 where it lies inside, shade the forward bins, label x in
    seconds."""
    ax.set_xlim(axis.start_s, axis.stop_s)
    if axis.event_inside:
        ax.axvline(0.0, color=GREY, linestyle=(0, (4, 3)), linewidth=1.0, zorder=1.5)
    if axis.forward_start_s is not None:
        ax.axvspan(
            axis.forward_start_s, axis.stop_s, color=FORWARD, alpha=0.15, linewidth=0, zorder=0
        )
        ax.axvline(axis.forward_start_s, color=FORWARD, linewidth=1.0, zorder=1.5)
    if label:
        ax.set_xlabel(axis.label())


def mark_seen(ax: "Axes", axis: TimeAxis, seen_bins: int) -> None:
    """A dotted line where the bins a generating model is shown end; none where it is shown none."""
    if seen_bins:
        ax.axvline(
            axis.start_s + seen_bins * axis.bin_s,
            color=GREY,
            linestyle=":",
            linewidth=1.2,
            zorder=1.5,
        )


def mark_all_seen(figure: Figure, axis: TimeAxis, seen_bins: int) -> None:
    """The same in every panel."""
    for ax in figure.axes:
        mark_seen(ax, axis, seen_bins)


def legend_above(figure: Figure, ax: "Axes") -> None:
    """One legend for the whole figure, above it, made of what `ax` holds."""
    handles, labels = ax.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside upper center", ncols=len(unique))


def condition_legend(figure: Figure, colours: Mapping[Any, Any]) -> None:
    """One legend of condition colours above the figure; none where there are too many to read."""
    if not 1 < len(colours) <= 18:
        return
    handles = [Line2D([], [], color=colour, label=str(label)) for label, colour in colours.items()]
    figure.legend(
        handles=handles, loc="outside upper center", ncols=min(len(handles), 9), title="condition"
    )
