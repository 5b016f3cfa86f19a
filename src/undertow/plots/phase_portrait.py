"""`phase_portrait`: the drift of a fitted model, and inferred paths over it."""

from typing import TYPE_CHECKING, Any

from matplotlib.colors import Normalize
from matplotlib.figure import FigureBase

from undertow import analysis
from undertow.analysis import PhasePortrait
from undertow.analysis.examples import Which, example_trials
from undertow.data import TrialSet
from undertow.models import Estimator
from undertow.plots.style import (
    GREY,
    colour_map,
    condition_legend,
    sized,
    styled,
    trial_colours,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT_IN = 6.0


@styled
def phase_portrait(
    model: "Estimator | PhasePortrait",
    trials: TrialSet,
    *,
    shown: Which = 40,
    figure: FigureBase | None = None,
    **options: Any,
) -> "Axes":
    """Draw stream lines of the drift, darker where faster, and inferred paths over them.

    On each path a dot marks the portrait's bin.

    Args:
        model: a fitted LatentSDE, an Ensemble (its first member), or what
            `undertow.analysis.phase_portrait` says of it.
        trials: trials whose paths are inferred.
        shown: ids of the trials whose paths are drawn, or how many examples.
        figure: the figure to draw into; by default a new one of pyplot.
        options: those of `undertow.analysis.phase_portrait`: `time_s`, `inputs`, `points`, `paths`,
            `seed`.

    Raises:
        UndertowError: for other models, dynamics without a drift in two dimensions, or irregular
            times without `inputs`.
    """
    if isinstance(model, PhasePortrait):
        portrait = model
    else:
        portrait = analysis.phase_portrait(model, trials, **options)
    figure = sized(figure, HEIGHT_IN, layout="compressed")  # equal axes, in the middle
    ax: Axes = figure.subplots()
    drawn = example_trials(trials, shown)
    what, colours, by_trial = trial_colours(trials, drawn)
    _stream(figure, ax, portrait)
    for trial, colour in zip(drawn, by_trial, strict=True):
        path = portrait.paths[trial]
        ax.plot(path[:, 0], path[:, 1], color=colour, linewidth=0.9, alpha=0.8)
        if portrait.bin is not None:
            ax.plot(*path[portrait.bin], marker="o", markersize=4, color=colour, mec=GREY, mew=0.5)
    first, second = (
        f"PC {k + 1} ({100 * portrait.variance_share[k]:.0f} % of variance)" for k in range(2)
    )
    ax.set(xlabel=first, ylabel=second, xlim=portrait.x[[0, -1]], ylim=portrait.y[[0, -1]])
    ax.set_aspect("equal", adjustable="box")
    condition_legend(figure, colours, what)
    return ax


def _stream(figure: FigureBase, ax: "Axes", portrait: PhasePortrait) -> None:
    """Draw stream lines, and the bar that says how fast they are."""
    fastest = float(portrait.speed.max()) or 1.0
    lines = ax.streamplot(
        portrait.x,
        portrait.y,
        portrait.velocity[..., 0],
        portrait.velocity[..., 1],
        color=portrait.speed,
        cmap=colour_map("Greys"),
        norm=Normalize(-0.6 * fastest, fastest),  # the slowest stay visible
        density=1.3,
        linewidth=0.9,
        arrowsize=0.9,
    )
    bar = figure.colorbar(lines.lines, ax=ax, aspect=30, pad=0.01)
    bar.ax.set_ylim(0, fastest)
    bar.ax.set_ylabel("speed of the drift (state per second)")
