"""Trials that share samples of the recording: which do, how much of them, and what is said of it.

A trial's window is its start and stop on the recording's clock, `recorded_s` (trials, 2).
"""

import warnings
from typing import Any

import numpy as np

from undertow.data import validation
from undertow.data.binning import TIME_TOLERANCE_S, merged_intervals
from undertow.errors import DataError, DataWarning


def check_recorded(value: Any, n_trials: int) -> np.ndarray | None:
    """Start and stop of each trial on the recording's clock, (trials, 2) in seconds; or none.

    Raises:
        DataError: naming the trial, unless both are finite and the start comes first.
    """
    if value is None:
        return None
    array = validation.as_numeric("recorded_s", value, 2, np.float64)
    if array.shape != (n_trials, 2):
        raise DataError(
            f"recorded_s has shape {array.shape}: it must be {(n_trials, 2)}, start and stop of "
            "each trial in seconds."
        )
    wrong = ~(np.isfinite(array).all(axis=1) & (array[:, 1] > array[:, 0]))
    if wrong.any():
        trial = int(np.argmax(wrong))
        start, stop = array[trial]
        raise DataError(
            f"recorded_s of trial {trial} is {start:g} to {stop:g} s: both must be finite, the "
            "start before the stop."
        )
    return array


def overlap_groups(recorded_s: np.ndarray) -> np.ndarray:
    """The number of the group each trial belongs to, (trials,), in order of time.

    Trials share samples with trials of their own group alone: groups are the connected components
    of trials whose windows overlap.
    """
    order = np.argsort(recorded_s[:, 0], kind="stable")
    start, stop = recorded_s[order].T
    # the farthest stop so far: a short window inside a long one must not end the group early
    reached = np.maximum.accumulate(stop)
    first = np.append(True, start[1:] >= reached[:-1] - TIME_TOLERANCE_S)
    groups = np.empty(order.size, int)
    groups[order] = np.cumsum(first) - 1
    return groups


def any_overlap(recorded_s: np.ndarray | None) -> bool:
    """Whether any two trials share samples of the recording; unknown windows do not."""
    if recorded_s is None:
        return False
    order = np.argsort(recorded_s[:, 0], kind="stable")
    start, stop = recorded_s[order].T
    return bool((start[1:] < stop[:-1] - TIME_TOLERANCE_S).any())


def shared_share(recorded_s: np.ndarray) -> float:
    """The share of all bins whose stretch of the recording lies in more than one trial."""
    edges = recorded_s.T.ravel()
    order = np.argsort(edges, kind="stable")
    depth = np.cumsum(np.repeat([1, -1], len(recorded_s))[order])[:-1]
    seconds = np.diff(edges[order]) * depth
    return float(seconds[depth > 1].sum() / seconds.sum())


def sharing(recorded_s: np.ndarray, others_s: np.ndarray) -> np.ndarray:
    """True for the trials that share samples with any of the others, (trials,)."""
    if not others_s.size:
        return np.zeros(len(recorded_s), bool)
    starts, stops = merged_intervals(others_s)
    # the last stretch that starts before the trial's end is the only one that need be looked at
    last = np.searchsorted(starts, recorded_s[:, 1] - TIME_TOLERANCE_S) - 1
    reaches = stops[np.maximum(last, 0)] > recorded_s[:, 0] + TIME_TOLERANCE_S
    return np.asarray((last >= 0) & reaches)


def covered_share(recorded_s: np.ndarray, others_s: np.ndarray) -> float:
    """The share of the bins of these trials that are bins of the others too."""
    starts, stops = merged_intervals(others_s)
    # seconds of the others' union up to any time: a line that rises inside its intervals only
    edges = np.stack([starts, stops], axis=1).ravel()
    until = np.append(0.0, np.cumsum(stops - starts)).repeat(2)[1:-1]
    inside = np.diff(np.interp(recorded_s, edges, until), axis=1)
    return float(inside.sum() / np.diff(recorded_s, axis=1).sum())


def overlap_words(recorded_s: np.ndarray) -> str:
    """The start of a sentence: how much of the trials is recorded twice."""
    share = percent(shared_share(recorded_s))
    return f"{share} of the bins occur in more than one trial, for their windows overlap"


def percent(share: float) -> str:
    """A share in words: '7 %', 'less than 1 %'."""
    return f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"


def warn_overlap(recorded_s: np.ndarray) -> None:
    """Say once, where trials are cut out of a recording, that windows share samples."""
    if any_overlap(recorded_s):
        warnings.warn(
            f"{overlap_words(recorded_s)}: such trials are no independent tests of one another. "
            "Splits and folds of undertow keep them on one side, or leave out those at borders; a "
            "shorter window, or fewer trials (trials=…), keeps all.",
            DataWarning,
            stacklevel=4,
        )


def warn_labelled(test_s: np.ndarray, learned_s: np.ndarray, what: str) -> None:
    """Say how much of the `what` trials of a file's own split lies in trials learned from."""
    shared = sharing(test_s, learned_s)
    if shared.any():
        share = percent(covered_share(test_s, learned_s))
        warnings.warn(
            f"the file's own split is not clean: {share} of the bins of its {what} trials "
            f"({shared.sum()} of {shared.size} trials) are bins of trials it learns from too, so "
            "scores come out too good: leave the labels out (trials.replace(split=None)) for a "
            "split that keeps overlapping trials together.",
            DataWarning,
            stacklevel=4,
        )
