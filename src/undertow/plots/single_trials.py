"""`single_trials`: rates of a few neurons in a few trials, with interval, truth and spikes."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import FigureBase

from undertow import analysis
from undertow.analysis import SingleTrialRates, TimeAxis
from undertow.analysis.examples import Which
from undertow.data import Prediction
from undertow.plots.style import (
    BASELINE,
    BLACK,
    DASHED,
    MODEL,
    NAMES,
    TRUTH,
    legend_above,
    mark_time,
    sized,
    styled,
    time_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def single_trials(
    prediction: Prediction,
    baseline: Prediction | None = None,
    *,
    trials: Which = 3,
    neurons: Which = 4,
    level: float = 0.9,
    names: tuple[str, str] = NAMES,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw rates of single trials: a row per neuron, a column per trial.

    A row has one y axis. With 200 samples or more a band shows the interval.

    Args:
        prediction, baseline: predictions whose rates are shown.
        trials: ids of the trials to show, or how many examples.
        neurons: ids, or how many of those with most spikes (half of them held-out, if any are).
        level: coverage of the band, 0 to 1.
        names: names to show for model and baseline.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, (neurons, trials).

    Raises:
        UndertowError: without a spike, for irregular times, or predictions for different trials.
    """
    axis = time_axis(prediction, baseline)
    data = analysis.single_trial_rates(prediction, baseline, trials, neurons, level)
    n_trials, _, n_neurons = data.rates.shape
    figure = sized(figure, 0.9 + 1.6 * n_neurons)
    axes = figure.subplots(n_neurons, n_trials, squeeze=False, sharex=True, sharey="row")
    for neuron, name in enumerate(data.neuron_names):
        for trial in range(n_trials):
            ax = axes[neuron, trial]
            _draw(ax, data, trial, neuron, axis, names)
            mark_time(ax, axis, label=neuron == n_neurons - 1)
            title = data.trial_names[trial] + "\n" if neuron == 0 else ""
            ax.set_title(title + name if trial == 0 else title.strip())
        axes[neuron, 0].set_ylabel("rate (spikes/s)")
        axes[neuron, 0].set_ylim(bottom=0)
    legend_above(figure, axes[0, 0])
    return axes


def _draw(
    ax: "Axes",
    data: SingleTrialRates,
    trial: int,
    neuron: int,
    axis: TimeAxis,
    names: tuple[str, str],
) -> None:
    time, pick = axis.time_s, (trial, slice(None), neuron)
    if data.low is not None and data.high is not None:
        band = f"{100 * data.level:g} % interval of the rate"
        ax.fill_between(
            time, data.low[pick], data.high[pick], color=MODEL, alpha=0.25, lw=0, label=band
        )
    if data.truth is not None:
        ax.plot(time, data.truth[pick], color=TRUTH, linewidth=1.2, label="true rate")
    if data.baseline is not None:
        ax.plot(time, data.baseline[pick], color=BASELINE, lw=1.1, ls=DASHED, label=names[1])
    ax.plot(time, data.rates[pick], color=MODEL, label=names[0])
    _draw_spikes(ax, data.spikes[pick], time)


def _draw_spikes(ax: "Axes", counts: np.ndarray, time_s: np.ndarray) -> None:
    """Draw a tick along the bottom for each bin with a spike, taller for more spikes."""
    hit = np.nan_to_num(counts) > 0
    height = 0.05 * np.minimum(counts[hit], 3)
    ax.vlines(
        time_s[hit],
        0,
        height,
        color=BLACK,
        linewidth=1.0,
        transform=ax.get_xaxis_transform(),
        label="spikes (taller: more)",
    )
