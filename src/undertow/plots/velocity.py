"""`velocity`: velocity decoded from inferred rates, beside what was measured."""

from typing import Any

import numpy as np
from matplotlib.figure import FigureBase

from undertow import analysis
from undertow.analysis import DecodedVelocity
from undertow.analysis.examples import Which, example_trials
from undertow.data import Prediction
from undertow.errors import UndertowError
from undertow.plots.style import (
    BASELINE,
    DASHED,
    GREY,
    MODEL,
    NAMES,
    TRUTH,
    UNIT,
    legend_above,
    mark_time,
    sized,
    styled,
    time_axis,
)


@styled
def velocity(
    prediction: Prediction,
    baseline: Prediction | None = None,
    *,
    train: Prediction | None = None,
    baseline_train: Prediction | None = None,
    trials: Which = 4,
    names: tuple[str, str] = NAMES,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw decoded and measured velocity: a row per channel, a column per trial, measured in black.

    Args:
        prediction, baseline: predictions for the test trials.
        train, baseline_train: predictions for the training trials, to fit the decoders on.
        trials: ids of the trials to show, or how many examples.
        names: names to show for model and baseline.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, (channels, trials).

    Raises:
        UndertowError: without velocity or predictions for training trials, for irregular times, or
            predictions for different trials.
    """
    axis = time_axis(prediction, baseline)
    mine = decoded(prediction, train, "train")
    curves: list[tuple[str, np.ndarray, dict[str, Any]]] = [
        ("measured", mine.true, {"color": TRUTH})
    ]
    if baseline is not None:
        other, look = decoded(baseline, baseline_train, "baseline_train"), {"ls": DASHED}
        curves.append((f"decoded from {names[1]}", other.decoded, {"color": BASELINE, **look}))
    curves.append((f"decoded from {names[0]}", mine.decoded, {"color": MODEL}))
    shown, n_channels = example_trials(prediction.trials, trials), len(mine.channel_names)
    figure = sized(figure, 0.8 + 1.9 * n_channels)
    axes = figure.subplots(n_channels, len(shown), squeeze=False, sharex=True, sharey="row")
    for channel, channel_name in enumerate(mine.channel_names):
        for ax, trial in zip(axes[channel], shown, strict=True):
            ax.axhline(0, color=GREY, linewidth=0.5)
            for name, values, look in curves:
                ax.plot(axis.time_s, values[trial, :, channel], label=name, **look)
            mark_time(ax, axis, label=channel == n_channels - 1)
            ax.set_title(mine.trial_names[trial] if channel == 0 else "")
        axes[channel, 0].set_ylabel(f"{channel_name}\n({UNIT})")
    legend_above(figure, axes[0, 0])
    return axes


def decoded(test: Prediction, train: Prediction | None, argument: str) -> DecodedVelocity:
    """Decode velocity of the test trials from their rates.

    Raises:
        UndertowError: without a prediction for training trials, naming the argument to pass.
    """
    if train is None:
        raise UndertowError(
            "there is no prediction for training trials to fit a decoder on: pass "
            f"{argument}=model.predict(training_trials)."
        )
    return analysis.decoded_velocity(train, test)
