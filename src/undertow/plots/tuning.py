"""`tuning`: what a search over settings tried, scored and chose."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator, NullFormatter

from undertow.errors import UndertowError
from undertow.models.search_space import Choices, Range, SearchSpace
from undertow.plots.style import BASELINE, BLACK, DASHED, GREY, MODEL, legend_above, sized, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

COLUMNS = 4
SCORE = "validation score"
POINTS: dict[str, dict[str, Any]] = {
    "finished": {"marker": "o", "color": MODEL, "label": "trained to the end"},
    "stopped": {"marker": "o", "color": GREY, "markerfacecolor": "none", "label": "given up"},
}


class Tried(Protocol):
    """A trial to draw, as `undertow.experiments.search.Trial` has it."""

    @property
    def number(self) -> int:
        """Of the trial; 0 has the settings of the model as it was given."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Setting → value."""

    @property
    def state(self) -> str:
        """'finished', 'stopped' or 'failed'."""

    @property
    def best(self) -> Sequence[float]:
        """Best validation score so far, after each slice of the training."""

    @property
    def latest(self) -> Sequence[float]:
        """Validation score at the end of each slice."""

    @property
    def schedule(self) -> Sequence[tuple[int, Mapping[str, Any]]]:
        """Slices done before → settings from then on; empty where they stayed the same."""


class Tuned(Protocol):
    """A search to draw, as `undertow.experiments.search.SearchResult` has it."""

    @property
    def space(self) -> SearchSpace:
        """Settings that were varied."""

    @property
    def trials(self) -> Sequence[Tried]:
        """All trials, by number."""

    @property
    def best(self) -> Tried:
        """The one that was chosen."""

    @property
    def slices(self) -> int:
        """Parts of a training."""


@styled
def tuning(search: Tuned, *, figure: FigureBase | None = None) -> np.ndarray:
    """Draw a panel of the score of each trial, one of their course, and one for each setting.

    The panel of a setting shows the score at each value that was tried; of a population, the value
    over the training of the weights that were chosen.

    Args:
        search: what `undertow.tune` or `undertow.experiments.random_search` found.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, one per panel.

    Raises:
        UndertowError: when no trial has a score.
    """
    if not any(each.best for each in search.trials):
        raise UndertowError("no trial has a score: all of them failed.")
    names, courses = list(search.space), search.slices > 1
    n_panels = 1 + courses + len(names)
    n_rows = -(-n_panels // COLUMNS)
    figure = sized(figure, 0.6 + 2.4 * n_rows)
    axes = figure.subplots(n_rows, min(COLUMNS, n_panels), squeeze=False).ravel()
    _by_trial(axes[0], search)
    if courses:
        _courses(axes[1], search)
    for ax, name in zip(axes[1 + courses :], names, strict=False):
        if search.best.schedule:
            _schedule(ax, search, name)
        else:
            _by_value(ax, search, name)
    for ax in axes[n_panels:]:
        ax.set_visible(False)
    for k, ax in enumerate(axes):
        if k % COLUMNS and ax.get_ylabel() == SCORE:
            ax.set_ylabel("")  # it stands at the first of the row
    legend_above(figure, axes[0])
    return axes[:n_panels]


def _by_trial(ax: "Axes", search: Tuned) -> None:
    """The score of each trial, and that of the model as it was given."""
    _points(ax, search, [each.number for each in search.trials])
    scored = [each.best[-1] for each in search.trials if each.best]
    failed = [each.number for each in search.trials if not each.best]
    if failed:
        look: dict[str, Any] = {"linestyle": "none", "color": BLACK, "markersize": 5}
        ax.plot(failed, [min(scored)] * len(failed), "x", label="failed", **look)
    if search.trials[0].best and len(search.trials[0].schedule) < 2:
        given = search.trials[0].best[-1]
        ax.axhline(given, color=GREY, linestyle=DASHED, label="settings as given")
    ax.set(title="by trial", xlabel="trial", ylabel=SCORE)
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def _points(ax: "Axes", search: Tuned, places: Sequence[float]) -> None:
    """The scores of the trials at these places; the chosen one stands out."""
    placed = zip(places, search.trials, strict=True)
    scored = [(at, each) for at, each in placed if each.best and np.isfinite(at)]
    for state, look in POINTS.items():
        mine = [(at, each.best[-1]) for at, each in scored if each.state == state]
        if mine:
            ax.plot(*zip(*mine, strict=True), linestyle="none", markersize=4, **look)
    chosen = [(at, each.best[-1]) for at, each in scored if each.number == search.best.number]
    look = {"markersize": 8, "zorder": 3, "linestyle": "none", "color": BASELINE}
    if chosen:
        ax.plot(*zip(*chosen, strict=True), marker="o", label="chosen", **look)


def _courses(ax: "Axes", search: Tuned) -> None:
    """Validation scores over training, of weights that may have been another trial's before."""
    for each in sorted(search.trials, key=lambda t: t.number == search.best.number):
        chosen = each.number == search.best.number
        share = np.arange(1, len(each.latest) + 1) / search.slices
        look: dict[str, Any] = {"color": GREY, "linewidth": 0.7}
        if chosen:
            look = {"color": BASELINE, "zorder": 3}
        ax.plot(share, each.latest, marker="." if len(share) == 1 else None, **look)
    ax.set(title="over training", xlabel="share of training", ylabel=SCORE, xlim=(0, 1.02))


def _by_value(ax: "Axes", search: Tuned, name: str) -> None:
    """The score at each value of a setting."""
    held = search.space[name]
    places, labels = _places(held, [each.settings.get(name) for each in search.trials])
    _points(ax, search, places)
    ax.set(title=_words(name), xlabel="value", ylabel=SCORE)
    if _is_log(held):
        ax.set_xscale("log")
    _mark(ax.xaxis, held, labels)


def _schedule(ax: "Axes", search: Tuned, name: str) -> None:
    """A setting over the training of the chosen weights."""
    held, stages = search.space[name], search.best.schedule
    places, labels = _places(held, [settings.get(name) for _, settings in stages])
    begun = [begun / search.slices for begun, _ in stages]
    ax.step([*begun, 1.0], [*places, places[-1]], where="post", color=BASELINE)
    ax.plot(begun, places, "o", markersize=4, color=BASELINE)
    ax.set(title=_words(name), xlabel="share of training", ylabel="value", xlim=(-0.02, 1.02))
    if _is_log(held):
        ax.set_yscale("log")
    if isinstance(held, Range) and held.low < held.high:
        ax.set_ylim(held.low, held.high)
    _mark(ax.yaxis, held, labels)


# --- an axis of values ---------------------------------------------------------------------------


def _places(held: Range | Choices, values: Sequence[Any]) -> tuple[list[float], list[str]]:
    """Where values stand on an axis, and its labels; none on one of numbers.

    On one of numbers what is none, such as a None that lets the model choose, stands nowhere.
    """
    if isinstance(held, Range):
        is_number = [isinstance(each, int | float) for each in values]
        return [float(v) if ok else np.nan for v, ok in zip(values, is_number, strict=True)], []
    labels = list(dict.fromkeys(map(_label, [*held.values, *values])))
    return [float(labels.index(_label(each))) for each in values], labels


def _mark(axis: "Axis", held: Range | Choices, labels: Sequence[str]) -> None:
    """Set ticks: the choices by name, or, on a logarithmic scale, the bounds and their middle."""
    if labels:
        axis.set_ticks(range(len(labels)), labels)
    elif isinstance(held, Range) and held.scale == "log":
        ticks = [held.low, (held.low * held.high) ** 0.5, held.high]
        axis.set_ticks(ticks, [f"{each:.2g}" for each in ticks])
        axis.set_minor_formatter(NullFormatter())


def _is_log(held: Range | Choices) -> bool:
    return isinstance(held, Range) and held.scale == "log"


def _label(value: Any) -> str:
    if isinstance(value, tuple):
        return "–".join(map(_label, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _words(name: str) -> str:
    return name.replace("__", ".")
