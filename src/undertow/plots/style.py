"""Look that all figures share: sizes, palettes, time marks, legends.

The palettes are safe for colour-blind readers (Okabe and Ito; Tol).
"""

from collections.abc import Callable, Mapping
from functools import wraps
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D

from undertow.analysis import TimeAxis, trial_groups
from undertow.data import Prediction, TrialSet
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, DPI = 11.0, 150
NAMES = ("model", "baseline")
UNIT = "unit of the data"
LISTED_UP_TO = 18  # conditions in a legend
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
    "text.parse_math": False,  # names of conditions, regions and files are text, '$' and all
}

WITHOUT_DATES: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}

P = ParamSpec("P")
Made = TypeVar("Made")


def styled(draw: Callable[P, Made]) -> Callable[P, Made]:
    """Run a drawing function under the shared style.

    Matplotlib's own settings stay as they were.
    """

    @wraps(draw)
    def run(*args: P.args, **kwargs: P.kwargs) -> Made:
        with rc_context(STYLE):
            return draw(*args, **kwargs)

    return run


def sized(
    figure: FigureBase | None,
    height_in: float,
    layout: Literal["constrained", "compressed"] = "constrained",
) -> FigureBase:
    """Return the figure to draw into, as high as what is drawn needs.

    By default it is a new one of pyplot.

    A subfigure keeps the size and layout of the figure it is part of.
    """
    if figure is None:
        from matplotlib import pyplot  # picks a backend: not before someone wants to see something

        figure = pyplot.figure()
    if isinstance(figure, Figure):
        figure.set_size_inches(WIDTH_IN, height_in)
        figure.set_layout_engine(layout)
    return figure


def off_screen() -> Figure:
    """Make an empty figure that no window and no notebook shows, for files."""
    figure = Figure(dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def image_bytes(figure: Figure, kind: str = "png") -> bytes:
    """Return the figure as an image file, the same bytes each time; PNG at its own resolution.

    The kinds are PNG, and SVG and PDF for papers, in which text stays text.
    """
    buffer = BytesIO()
    with rc_context({"svg.hashsalt": "undertow", "svg.fonttype": "none", "pdf.fonttype": 42}):
        figure.savefig(buffer, format=kind, dpi=figure.dpi, metadata=WITHOUT_DATES[kind])
    return buffer.getvalue()


def check_predictions(prediction: Prediction, baseline: Prediction | None = None) -> None:
    """Refuse what is no prediction, and a baseline's prediction for other trials.

    Raises:
        UndertowError: with what to pass instead.
    """
    for each in (prediction, *(() if baseline is None else (baseline,))):
        if not isinstance(each, Prediction):
            raise UndertowError(
                f"this figure shows a prediction, and was given {type(each).__name__}: pass "
                "model.predict(trials)."
            )
    if baseline is not None and baseline.rates.shape != prediction.rates.shape:
        raise UndertowError(
            f"the baseline's rates have shape {baseline.rates.shape}, the model's "
            f"{prediction.rates.shape}: pass predictions for the same trials."
        )


def time_axis(prediction: Prediction, baseline: Prediction | None = None) -> TimeAxis:
    """Return the time axis of a prediction, and of the baseline's beside it.

    Raises:
        UndertowError: for what is no prediction, other trials or irregular times.
    """
    check_predictions(prediction, baseline)
    return TimeAxis.of(prediction.trials)


def condition_colours(labels: np.ndarray) -> dict[Any, Any]:
    """Return a colour per label: a fixed set up to nine labels, then an even run of viridis."""
    n = len(labels)
    colours = (
        NINE[:n] if n <= len(NINE) else [colormaps["viridis"](x) for x in np.linspace(0, 0.93, n)]
    )
    return dict(zip(labels.tolist(), colours, strict=True))


def colour_map(name: str) -> Any:
    """Return a colour map whose missing values have a colour of their own."""
    return colormaps[name].with_extremes(bad=MISSING)


def mark_time(ax: "Axes", axis: TimeAxis, label: bool = True) -> None:
    """Mark time: limit and label x in seconds, shade the forward bins.

    A dashed line marks t = 0 where it lies inside.
    """
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
    """Draw a dotted line where the bins that a generating model is shown end, if there are any."""
    if seen_bins:
        seen_s = axis.start_s + seen_bins * axis.bin_s
        ax.axvline(seen_s, color=GREY, linestyle=":", linewidth=1.2, zorder=1.5)


def legend_above(figure: FigureBase, ax: "Axes") -> None:
    """Draw one legend for the whole figure, above it, made of what `ax` holds."""
    handles, labels = ax.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside upper center", ncols=len(unique))


def trial_colours(trials: TrialSet, shown: np.ndarray) -> tuple[str, dict[Any, Any], list[Any]]:
    """What trials are told apart by, a colour per value, and the colour of each trial shown."""
    what, values = trial_groups(trials)
    colours = condition_colours(np.unique(values))
    return what or "", colours, [colours[value] for value in values[shown].tolist()]


def condition_legend(
    figure: FigureBase, colours: Mapping[Any, Any], what: str = "condition"
) -> None:
    """Draw the key to the colours of conditions, or of other labels, above the figure.

    Too many to list one by one are a colour bar, from the first to the last.
    """
    if len(colours) < 2:
        return
    if len(colours) > LISTED_UP_TO:
        _colour_key(figure, list(colours), what)
        return
    handles = [Line2D([], [], color=colour, label=str(label)) for label, colour in colours.items()]
    figure.legend(
        handles=handles, loc="outside upper center", ncols=min(len(handles), 9), title=what
    )


def _colour_key(figure: FigureBase, labels: list[Any], what: str) -> None:
    """Draw a bar in the colours of `condition_colours`, its first, middle and last label named."""
    run = ListedColormap([*condition_colours(np.array(labels)).values()])
    scale = ScalarMappable(Normalize(-0.5, len(labels) - 0.5), run)
    everything: Any = figure.axes
    visible = [ax for ax in everything if ax.get_visible()]
    bar = figure.colorbar(scale, ax=visible, location="top", shrink=0.35, aspect=40, pad=0.02)
    places = [0, len(labels) // 2, len(labels) - 1]
    bar.set_ticks(places, labels=[str(labels[k]) for k in places])
    bar.set_label(f"{what} ({len(labels)})")
