"""Behaviour a model predicts by itself, beside what was measured."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from undertow.analysis.examples import example_trials
from undertow.analysis.singletrials import trial_name
from undertow.data import Prediction
from undertow.errors import UndertowError


@dataclass(frozen=True, eq=False)
class PredictedBehavior:
    """A few trials of every channel, in the data's own unit.

    Attributes:
        measured: (trials, time, channels); NaN where missing.
        inferred: mean predicted from all observations, same shape; of categorical behaviour the
            likeliest category.
        low, high: central interval of an observed value at `level`, from the standard deviation
            predicted; None where there is none, as for categorical behaviour.
        generated: mean predicted from each trial's start alone; None without it.
        level: coverage of the interval, 0 to 1.
        channel_names, trial_names: what they are called.
        categories: the numbers that name each channel's categories; empty for continuous behaviour.
    """

    measured: np.ndarray
    inferred: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    generated: np.ndarray | None
    level: float
    channel_names: tuple[str, ...]
    trial_names: tuple[str, ...]
    categories: tuple[np.ndarray, ...] = ()


def predicted_behavior(
    inferred: Prediction, generated: Prediction | None = None, n_trials: int = 4, level: float = 0.9
) -> PredictedBehavior:
    """Predicted behaviour of up to `n_trials` example trials.

    Raises:
        UndertowError: when the model predicts no behaviour, or the trials hold none to compare
            with.
    """
    trials = inferred.trials
    if inferred.behavior is None:
        raise UndertowError("the model predicts no behaviour.")
    if trials.behavior is None or not np.isfinite(trials.behavior).any():
        raise UndertowError("the test trials hold no behaviour to compare with.")
    shown = example_trials(trials, n_trials)
    mean, low, high = inferred.behavior[shown], None, None
    if inferred.behavior_std is not None:
        reach = float(ndtri((1 + level) / 2)) * inferred.behavior_std[shown]
        low, high = mean - reach, mean + reach
    made = None if generated is None or generated.behavior is None else generated.behavior[shown]
    return PredictedBehavior(
        measured=trials.behavior[shown],
        inferred=mean,
        low=low,
        high=high,
        generated=made,
        level=level,
        channel_names=tuple(str(name) for name in inferred.behavior_names or trials.behavior_names),
        trial_names=tuple(trial_name(inferred, trial) for trial in shown),
        categories=tuple(inferred.behavior_categories.values()),
    )
