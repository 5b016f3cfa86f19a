"""`behavior`: behaviour that the model predicts, beside what was measured, trial by trial."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import FigureBase

from undertow import analysis
from undertow.analysis import PredictedBehavior, TimeAxis
from undertow.analysis.examples import Which
from undertow.data import Prediction
from undertow.models.base import Generated
from undertow.plots.style import (
    BASELINE,
    DASHED,
    MODEL,
    TRUTH,
    UNIT,
    legend_above,
    mark_seen,
    mark_time,
    sized,
    styled,
    time_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TICKS = 12  # categories whose numbers are all written


@styled
def behavior(
    prediction: Prediction,
    generated: Generated | None = None,
    *,
    trials: Which = 4,
    level: float = 0.9,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw predicted and measured behaviour: a row per channel, a column per trial.

    A row has one y axis; categories are drawn as steps.

    Args:
        prediction: prediction of behaviour from all observations.
        generated: from the start of each trial, `model.predict_generated(trials)`; a dotted line
            marks where the start ends.
        trials: ids of the trials to show, or how many examples.
        level: coverage of the band, an interval of an observed value, 0 to 1.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, (channels, trials).

    Raises:
        UndertowError: when the model predicts no behaviour, the trials hold none, or their times
            are irregular.
    """
    axis = time_axis(prediction, None if generated is None else generated.prediction)
    made, seen_bins = (None, 0) if generated is None else generated
    data = analysis.predicted_behavior(prediction, made, trials, level)
    n_trials, _, n_channels = data.measured.shape
    figure = sized(figure, 0.9 + 1.6 * n_channels)
    axes = figure.subplots(n_channels, n_trials, squeeze=False, sharex=True, sharey="row")
    for channel in range(n_channels):
        for trial, ax in enumerate(axes[channel]):
            _draw(ax, data, trial, channel, axis)
            mark_time(ax, axis, label=channel == n_channels - 1)
            mark_seen(ax, axis, seen_bins if data.generated is not None else 0)
        _label(axes[channel, 0], data, channel)
    for ax, name in zip(axes[0], data.trial_names, strict=True):
        ax.set_title(name)
    legend_above(figure, axes[0, 0])
    return axes


def _label(ax: "Axes", data: PredictedBehavior, channel: int) -> None:
    """Label the y axis with the channel's name and unit; tick categories where they are few."""
    what = "category" if data.categories else UNIT
    ax.set_ylabel(f"{data.channel_names[channel]}\n({what})")
    if data.categories and len(data.categories[channel]) <= MOST_TICKS:
        ax.set_yticks(data.categories[channel])


def _draw(ax: "Axes", data: PredictedBehavior, trial: int, channel: int, axis: TimeAxis) -> None:
    pick, time = (trial, slice(None), channel), axis.time_s
    steps = "steps-mid" if data.categories else "default"
    if data.low is not None and data.high is not None:
        band = f"{100 * data.level:g} % interval, inferred"
        ax.fill_between(
            time, data.low[pick], data.high[pick], color=MODEL, alpha=0.2, lw=0, label=band
        )
    ax.plot(time, data.measured[pick], color=TRUTH, lw=1.2, label="measured", drawstyle=steps)
    ax.plot(time, data.inferred[pick], color=MODEL, label="inferred", drawstyle=steps)
    if data.generated is not None:
        look: dict[str, Any] = {"color": BASELINE, "ls": DASHED, "drawstyle": steps}
        ax.plot(time, data.generated[pick], label="generated", **look)
