"""Behaviour predicted by the model beside what was measured, trial by trial."""

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from undertow.analysis import PredictedBehavior, TimeAxis
from undertow.plots.style import (
    BASELINE,
    DASHED,
    MODEL,
    TRUTH,
    legend_above,
    mark_seen,
    mark_time,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TICKS = 12  # categories whose numbers are all written


@styled
def plot_predicted_behavior(
    behavior: PredictedBehavior, axis: TimeAxis, seen_bins: int = 0
) -> Figure:
    """A row per channel, a column per trial, one y axis per row; dotted where generation begins;
    categories as steps."""
    n_trials, _, n_channels = behavior.measured.shape
    figure = new_figure(0.9 + 1.6 * n_channels)
    axes = figure.subplots(n_channels, n_trials, squeeze=False, sharex=True, sharey="row")
    for channel in range(n_channels):
        for trial in range(n_trials):
            ax = axes[channel, trial]
            _draw(ax, behavior, trial, channel, axis)
            mark_time(ax, axis, label=channel == n_channels - 1)
            if behavior.generated is not None:
                mark_seen(ax, axis, seen_bins)
            if channel == 0:
                ax.set_title(behavior.trial_names[trial])
        what = "category" if behavior.categories else "unit of the data"
        axes[channel, 0].set_ylabel(f"{behavior.channel_names[channel]}\n({what})")
        if behavior.categories and len(behavior.categories[channel]) <= MOST_TICKS:
            axes[channel, 0].set_yticks(behavior.categories[channel])
    legend_above(figure, axes[0, 0])
    return figure


def _draw(
    ax: "Axes", behavior: PredictedBehavior, trial: int, channel: int, axis: TimeAxis
) -> None:
    pick = (trial, slice(None), channel)
    if behavior.low is not None and behavior.high is not None:
        band = f"{100 * behavior.level:g} % interval, inferred"
        low, high = behavior.low[pick], behavior.high[pick]
        ax.fill_between(axis.time_s, low, high, color=MODEL, alpha=0.2, lw=0, label=band)
    steps = "steps-mid" if behavior.categories else "default"
    ax.plot(
        axis.time_s,
        behavior.measured[pick],
        color=TRUTH,
        linewidth=1.2,
        label="measured",
        drawstyle=steps,
    )
    ax.plot(axis.time_s, behavior.inferred[pick], color=MODEL, label="inferred", drawstyle=steps)
    if behavior.generated is not None:
        ax.plot(
            axis.time_s,
            behavior.generated[pick],
            color=BASELINE,
            ls=DASHED,
            label="generated",
            drawstyle=steps,
        )
