"""`hand_paths`: measured hand paths, and those integrated from decoded velocity."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import FigureBase

from undertow import analysis
from undertow.analysis import HandPaths
from undertow.data import Prediction
from undertow.errors import UndertowError
from undertow.plots.style import (
    NAMES,
    UNIT,
    check_predictions,
    condition_colours,
    condition_legend,
    sized,
    styled,
)
from undertow.plots.velocity import decoded

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def hand_paths(
    prediction: Prediction,
    baseline: Prediction | None = None,
    *,
    train: Prediction | None = None,
    baseline_train: Prediction | None = None,
    names: tuple[str, str] = NAMES,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw one panel of measured paths, and one for each model.

    All have the same scale in x and y, and a colour per condition.

    Args:
        prediction, baseline: predictions for the test trials.
        train, baseline_train: predictions for the training trials, to fit the decoders on.
        names: names to show for model and baseline.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, one per panel.

    Raises:
        UndertowError: without two channels of velocity or predictions for training trials, for
            irregular times, or predictions for different trials.
    """
    check_predictions(prediction, baseline)
    trials = prediction.trials
    if trials.times is not None:
        raise UndertowError(
            "the trials have irregular times: velocities are added up over regular bins."
        )
    measured, mine = analysis.hand_paths(decoded(prediction, train, "train"), trials)
    paths = {"measured": measured, f"decoded from {names[0]}": mine}
    if baseline is not None:
        other = decoded(baseline, baseline_train, "baseline_train")
        paths[f"decoded from {names[1]}"] = analysis.hand_paths(other, trials)[1]
    figure = sized(figure, _height_in(paths.values()))
    axes: np.ndarray = figure.subplots(1, len(paths), squeeze=False, sharex=True, sharey=True)[0]
    colours = condition_colours(np.unique(measured.condition))
    for ax, (name, path) in zip(axes, paths.items(), strict=True):
        _draw_paths(ax, path, colours)
        ax.set_title(name)
        ax.set_xlabel(f"x ({UNIT})")
    axes[0].set_ylabel(f"y ({UNIT})")
    condition_legend(figure, colours)
    return axes


def _height_in(paths: Iterable[HandPaths]) -> float:
    """Height of the figure in inches that the paths' extent asks for at the width of a panel."""
    points = [path.position.reshape(-1, 2) for path in paths]
    corners = np.concatenate(points)
    known = corners[np.isfinite(corners).all(axis=1)]
    width, height = np.ptp(known, axis=0) if len(known) else (1.0, 0.0)
    return float(np.clip(10.0 / len(points) * height / max(width, 1e-9), 1.5, 7.0)) + 1.2


def _draw_paths(ax: "Axes", path: HandPaths, colours: Mapping[Any, Any]) -> None:
    """Draw each trial as a line, with a dot where it starts."""
    for trial, condition in zip(path.position, path.condition.tolist(), strict=True):
        known = trial[np.isfinite(trial).all(axis=1)]
        ax.plot(known[:, 0], known[:, 1], color=colours[condition], linewidth=1.1, alpha=0.85)
        ax.plot(*known[:1].T, marker="o", markersize=2.5, color=colours[condition])
    ax.set_aspect("equal", adjustable="box")
