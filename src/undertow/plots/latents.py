"""`latents`: leading principal components, over time and against each other."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import FigureBase

from undertow import analysis
from undertow.analysis import TimeAxis
from undertow.analysis.examples import Which, example_trials
from undertow.data import Prediction
from undertow.errors import UndertowError
from undertow.names import listed
from undertow.plots.style import (
    GREY,
    condition_legend,
    mark_time,
    sized,
    styled,
    time_axis,
    trial_colours,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def latents(
    prediction: Prediction,
    name: str | None = None,
    *,
    components: int = 3,
    trials: Which = 60,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw time courses of the leading components, and beneath them trajectories.

    Colours tell conditions apart, or the values of the first label there is. Trajectories are in
    the planes that the components span: a dot where each starts, a cross at the event.

    Args:
        prediction: whose latents (posterior means) are shown, of all trials and bins.
        name: which latent; 'z' by default, or the first there is.
        components: how many of them to show.
        trials: ids of the trials to draw, or how many examples.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes: those of the time courses, then those of the planes.

    Raises:
        UndertowError: without such latents, where they do not vary, or for irregular times.
    """
    axis = time_axis(prediction)
    name = latent_name(prediction, name)
    found = analysis.principal_components(
        prediction.latents[name], components, prediction.trials.valid
    )
    shown = example_trials(prediction.trials, trials)
    scores, n = found.scores[shown], found.scores.shape[2]
    shares = enumerate(found.variance_share, start=1)
    labels = [f"PC {k} of {name} ({100 * share:.0f} % of variance)" for k, share in shares]
    what, colours, by_trial = trial_colours(prediction.trials, shown)
    planes = [(i, j) for i in range(n) for j in range(i + 1, n)]
    figure = sized(figure, 3.0 + (3.4 if planes else 0.0))
    courses, below = _panels(figure, n, len(planes))
    for k, ax in enumerate(courses):
        _time_courses(ax, scores[:, :, k], axis, by_trial, labels[k])
    for ax, (i, j) in zip(below, planes, strict=True):
        _plane(ax, scores[:, :, [i, j]], axis, by_trial)
        ax.set(xlabel=labels[i], ylabel=labels[j])
    condition_legend(figure, colours, what)
    return np.array([*courses, *below], dtype=object)


def latent_name(prediction: Prediction, name: str | None = None) -> str:
    """Return the latent asked for, or 'z', or the first there is.

    Raises:
        UndertowError: when the prediction has no latents, or none of this name.
    """
    known = list(prediction.latents)
    if not known:
        raise UndertowError("the model has no latents: predict with one that has.")
    if name is not None and name not in known:
        raise UndertowError(f"there is no latent {name!r}: the prediction has {listed(known)}.")
    return name or ("z" if "z" in known else known[0])


def _panels(figure: FigureBase, n: int, n_planes: int) -> tuple[np.ndarray, np.ndarray]:
    """Make panels of the time courses and of the planes; the rest of the grid stays empty."""
    axes = figure.subplots(2 if n_planes else 1, max(n, n_planes), squeeze=False)
    used = [axes[0, :n], axes[-1, :n_planes]]
    for ax in set(axes.flat) - set(np.concatenate(used)):
        ax.set_visible(False)
    return used[0], used[1]


def _time_courses(
    ax: "Axes", scores: np.ndarray, axis: TimeAxis, colours: list[Any], label: str
) -> None:
    for trial, colour in zip(scores, colours, strict=True):
        ax.plot(axis.time_s, trial, color=colour, linewidth=0.8, alpha=0.7)
    mark_time(ax, axis)
    ax.set_ylabel(label)


def _plane(ax: "Axes", scores: np.ndarray, axis: TimeAxis, colours: list[Any]) -> None:
    """Draw each trial as a line, with a dot where it starts and a cross at the event."""
    event = int(np.argmin(np.abs(axis.time_s)))
    for trial, colour in zip(scores, colours, strict=True):
        ax.plot(trial[:, 0], trial[:, 1], color=colour, linewidth=0.8, alpha=0.7)
        ax.plot(*trial[0], marker="o", markersize=3, color=colour)
        if axis.event_inside:
            ax.plot(*trial[event], marker="x", markersize=4, color=GREY)
    ax.set_aspect("equal", adjustable="datalim")
