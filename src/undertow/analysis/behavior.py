"""Behaviour decoded from inferred rates, and behaviour that a model predicts by itself.

Decoded are velocity and the hand paths that follow from it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from undertow.analysis.examples import Which, example_trials, trial_name
from undertow.data import Prediction, TrialSet
from undertow.errors import UndertowError
from undertow.evaluation import decode_velocity, velocity_channels
from undertow.evaluation.scores.velocity import LOG_RATES, LogRates


@dataclass(frozen=True, eq=False)
class DecodedVelocity:
    """Measured and decoded velocity of the test trials, in the data's own unit.

    Attributes:
        true, decoded: (trials, time, channels); NaN where unknown, and `decoded` in the bins of the
            lag and past the window.
        channel_names: one per channel.
        trial_names: name of each trial.
        lag_s: seconds by which velocity follows the rates.
    """

    true: np.ndarray
    decoded: np.ndarray
    channel_names: tuple[str, ...]
    trial_names: tuple[str, ...]
    lag_s: float


def decoded_velocity(
    train: Prediction, test: Prediction, log_rates: LogRates = LOG_RATES
) -> DecodedVelocity:
    """Decode velocity of the test trials by ridge regression from log rates.

    The regression is fitted on the training trials.

    See `undertow.evaluation.decode_velocity`.

    Raises:
        UndertowError: when there is no velocity, too little of it, or no bin after the lag.
    """
    trials = test.trials
    channels = velocity_channels(trials)
    if not channels or trials.behavior is None:
        raise UndertowError("the data hold no continuous behaviour with 'vel' in its name.")
    if not np.isfinite(trials.behavior[:, :, channels]).any():
        raise UndertowError("the test trials' velocity is missing throughout.")
    decoded = decode_velocity(test, train, log_rates)
    return DecodedVelocity(
        true=trials.behavior[:, :, channels].astype(np.float64),
        decoded=np.where(trials.valid[:, :, None], decoded, np.nan),
        channel_names=tuple(trials.behavior_names[k] for k in channels),
        trial_names=tuple(trial_name(trials, k) for k in range(trials.n_trials)),
        lag_s=log_rates.bins(trials) * trials.bin_s,
    )


@dataclass(frozen=True, eq=False)
class HandPaths:
    """Hand paths in the plane.

    Attributes:
        position: (trials, time, 2), in the data's own unit of length; NaN where unknown.
        condition: a label per trial.
    """

    position: np.ndarray
    condition: np.ndarray


def hand_paths(velocity: DecodedVelocity, trials: TrialSet) -> tuple[HandPaths, HandPaths]:
    """Return measured and decoded hand paths.

    The measured path is the position where two channels with 'pos' in their name hold it, else the
    integral of the measured velocity from (0, 0). The decoded one is the integral of the decoded
    velocity, from the measured position in its first bin.

    Raises:
        UndertowError: unless there are two velocity channels.
    """
    if len(velocity.channel_names) != 2:
        raise UndertowError(
            "paths in the plane need two velocity channels, here are "
            f"{len(velocity.channel_names)}."
        )
    everyone = np.arange(trials.n_trials)
    places = [k for k, name in enumerate(trials.behavior_names) if "pos" in name.lower()]
    if len(places) == 2 and trials.behavior is not None:
        measured = trials.behavior[:, :, places].astype(np.float64)
    else:
        measured = integrated(velocity.true, trials.bin_s, np.zeros((trials.n_trials, 2)))
    both = np.isfinite(measured).all(axis=2) & np.isfinite(velocity.decoded).all(axis=2)
    start = measured[everyone, both.argmax(axis=1)]
    condition = np.zeros(trials.n_trials, int) if trials.condition is None else trials.condition
    decoded = np.where(np.cumsum(both, axis=1)[..., None] > 0, velocity.decoded, np.nan)
    moved = integrated(decoded, trials.bin_s, start)
    return HandPaths(measured, condition), HandPaths(moved, condition)


def integrated(velocity: np.ndarray, bin_s: float, start: np.ndarray) -> np.ndarray:
    """Integrate velocity to positions at bin centres, (trials, time, 2), by the trapezium rule.

    The path begins at `start` in the first finite bin.

    NaN stays NaN; across a gap the position stands still.
    """
    finite = np.isfinite(velocity)
    filled = np.where(finite, velocity, 0.0)
    between = finite[:, 1:] & finite[:, :-1]
    steps = np.where(between, 0.5 * (filled[:, 1:] + filled[:, :-1]) * bin_s, 0.0)
    moved = np.concatenate([np.zeros_like(velocity[:, :1]), np.cumsum(steps, axis=1)], axis=1)
    return np.where(finite, start[:, None] + moved, np.nan)


@dataclass(frozen=True, eq=False)
class PredictedBehavior:
    """Predicted and measured behaviour of a few trials, all channels, in the data's own unit.

    Attributes:
        measured: (trials, time, channels); NaN where missing.
        inferred: mean predicted from all observations, same shape; of categorical behaviour the
            likeliest category.
        low, high: central interval of an observed value at `level`, from the standard deviation
            predicted; None where there is none, as for categorical behaviour.
        generated: mean predicted from each trial's start alone; None without it.
        level: coverage of the interval, 0 to 1.
        channel_names, trial_names: names of channels and trials.
        categories: the numbers that name each channel's categories; empty for continuous behaviour.
        held: share of the values measured in all trials that lie in their interval; None without
            one. `level` is right.
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
    held: float | None = None


def predicted_behavior(
    inferred: Prediction,
    generated: Prediction | None = None,
    trials: Which = 4,
    level: float = 0.9,
) -> PredictedBehavior:
    """Return predicted behaviour of some trials, given by their ids or by how many examples.

    Raises:
        UndertowError: when the model predicts no behaviour, or the trials hold none to compare
            with.
    """
    tested = inferred.trials
    if inferred.behavior is None:
        raise UndertowError("the model predicts no behaviour.")
    if tested.behavior is None or not np.isfinite(tested.behavior).any():
        raise UndertowError("the test trials hold no behaviour to compare with.")
    shown = example_trials(tested, trials)
    mean, low, high, held = inferred.behavior[shown], None, None, None
    if inferred.behavior_std is not None:
        reach = float(ndtri((1 + level) / 2)) * inferred.behavior_std
        low, high = mean - reach[shown], mean + reach[shown]
        error = np.abs(tested.behavior - inferred.behavior)
        known = np.isfinite(error)
        held = float((error <= reach)[known].mean()) if known.any() else None
    made = None if generated is None or generated.behavior is None else generated.behavior[shown]
    return PredictedBehavior(
        measured=tested.behavior[shown],
        inferred=mean,
        low=low,
        high=high,
        generated=made,
        level=level,
        channel_names=tuple(str(name) for name in inferred.behavior_names or tested.behavior_names),
        trial_names=tuple(trial_name(tested, trial) for trial in shown),
        categories=tuple(inferred.behavior_categories.values()),
        held=held,
    )
