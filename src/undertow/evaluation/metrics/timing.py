"""Correlation of neural speed with produced time intervals (interval timing tasks)."""

import numpy as np
from numpy.typing import ArrayLike

from undertow.errors import DataError
from undertow.evaluation.metrics.arrays import as_float, check_leading

CONDITION_COLUMNS = [0, 1, 2]


def produced_time_correlation(
    rates: ArrayLike, spikes_heldout: ArrayLike, behavior: ArrayLike
) -> float:
    """Correlation of neural speed with produced time, the benchmark's "tp corr".

    Speed is the mean norm of the difference between successive rate vectors in the bins where the
    first held-out neuron is observed (set to go). Pearson's r with produced time is taken within
    each condition and averaged, unweighted. More negative is better: faster dynamics, shorter
    intervals.

    Args:
        rates: expected spikes **per bin**, (trials, time, neurons).
        spikes_heldout: counts per bin of held-out neurons, (trials, time, neurons); NaN outside set
            to go.
        behavior: (trials, columns): is_eye, theta, is_short first, produced time last; a row of NaN
            drops the trial.

    Raises:
        DataError: when shapes differ, a used trial lacks a produced time or two set–go bins, or a
            condition has fewer than two trials.
    """
    speed = neural_speed(rates, spikes_heldout)
    behavior = as_float("behavior", behavior, 2)
    check_leading(1, speed=speed, behavior=behavior)
    groups = condition_groups(behavior)
    if (
        not np.isfinite(speed[np.concatenate(groups)]).all()
        or np.isnan(behavior[np.concatenate(groups), -1]).any()
    ):
        raise DataError(
            "a trial lacks a produced time, a rate, or two set–go bins: set its behavior row to "
            "NaN."
        )
    return float(np.mean([pearson(speed[group], behavior[group, -1]) for group in groups]))


def neural_speed(rates: ArrayLike, spikes_heldout: ArrayLike) -> np.ndarray:
    """Mean norm of the rate change per bin from set to go, (trials,).

    NaN where fewer than two bins lie between them.

    Set to go is where the first held-out neuron is observed.

    Raises:
        DataError: when trials or bins differ.
    """
    rates, spikes = as_float("rates", rates, 3), as_float("spikes_heldout", spikes_heldout, 3)
    check_leading(2, rates=rates, spikes_heldout=spikes)
    # held-out spikes of the targets are NaN outside set to go, which marks the interval
    inside = ~np.isnan(spikes[..., 0])
    return np.array([_mean_step(trial[mask]) for trial, mask in zip(rates, inside, strict=True)])


def _mean_step(rates: np.ndarray) -> float:
    if len(rates) < 2:
        return float("nan")
    return float(np.linalg.norm(np.diff(rates, axis=0), axis=1).mean())


def condition_groups(behavior: np.ndarray) -> list[np.ndarray]:
    """Indices of the trials of each condition: unique (is_eye, theta, is_short).

    Trials whose row is NaN are in no condition.

    Raises:
        DataError: when a row is NaN in part, or a condition has fewer than two trials.
    """
    columns = behavior[:, CONDITION_COLUMNS]
    missing = np.isnan(columns)
    if (missing.any(axis=1) & ~missing.all(axis=1)).any():
        raise DataError(
            "behavior holds rows with only some of is_eye, theta, is_short: give all three or NaN "
            "for all."
        )
    used = np.flatnonzero(~missing.any(axis=1))
    conditions, member = np.unique(columns[used], axis=0, return_inverse=True)
    groups = [used[member.ravel() == k] for k in range(len(conditions))]
    if not groups or min(map(len, groups)) < 2:
        raise DataError(
            "a condition has fewer than two trials: a correlation with produced time needs two or "
            "more."
        )
    return groups


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation of two vectors; NaN where one is constant."""
    x, y = x - x.mean(), y - y.mean()
    scale = np.linalg.norm(x) * np.linalg.norm(y)
    return float(np.clip(x @ y / scale, -1, 1)) if scale > 0 else float("nan")
