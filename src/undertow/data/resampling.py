"""Trials drawn with replacement: another data set of the same kind, for a bootstrap of fits."""

import numpy as np

from undertow import checks
from undertow.data.joining import join_trials
from undertow.data.overlaps import any_overlap, overlap_groups
from undertow.data.splits import condition_codes
from undertow.data.trialset import TrialSet
from undertow.errors import DataError


def resample_trials(trials: TrialSet, seed: int = 0) -> TrialSet:
    """Draw as many trials with replacement, stratified by condition.

    A trial drawn again has its id with ' (2)', ' (3)', … behind it; ids are then text. Trials that
    share samples of the recording are drawn together, group by group and not by condition, so that
    their number may change: one of them without the others would not be another recording's.

    Args:
        trials: two at least.
        seed: of the draw.

    Raises:
        DataError: for fewer than two trials, or where all of them chain through the recording.
    """
    rng = np.random.default_rng(checks.seed("seed", seed, error=DataError))
    times = _grouped(trials, rng) if any_overlap(trials.recorded_s) else _stratified(trials, rng)
    return _repeated(trials, times)


def _stratified(trials: TrialSet, rng: np.random.Generator) -> np.ndarray:
    """How often each trial is drawn, (trials,)."""
    if trials.n_trials < 2:
        raise DataError("1 trial cannot be drawn anew: give two or more.")
    codes, counts = condition_codes(trials)
    # conditions with a single trial are drawn together, or they would never vary
    codes = np.where(counts[codes] == 1, counts.size, codes)
    times = np.zeros(trials.n_trials, int)
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        times[rows] = rng.multinomial(rows.size, np.full(rows.size, 1 / rows.size))
    return times


def _grouped(trials: TrialSet, rng: np.random.Generator) -> np.ndarray:
    assert trials.recorded_s is not None
    groups = overlap_groups(trials.recorded_s)
    n = int(groups.max()) + 1
    if n < 2:
        raise DataError(
            f"the windows of all {trials.n_trials} trials overlap from one to the next, and what "
            "cannot be taken apart cannot be drawn anew: cut shorter windows, or resample=None."
        )
    times: np.ndarray = rng.multinomial(n, np.full(n, 1 / n))[groups]
    return times


def _repeated(trials: TrialSet, times: np.ndarray) -> TrialSet:
    rounds = []
    for k in range(int(times.max())):
        rows = np.flatnonzero(times > k)
        again = f" ({k + 1})" if k else ""
        ids = np.array([f"{name}{again}" for name in trials.trial_ids[rows]])
        rounds.append(trials[rows].replace(trial_ids=ids))
    return join_trials(*rounds)
