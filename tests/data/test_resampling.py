"""Trials drawn with replacement: how often, from what, and under which ids."""

import numpy as np
import pytest

from undertow.data import TrialSet, join_trials, resample_trials
from undertow.errors import DataError


def made(n_trials: int = 30, **changes) -> TrialSet:
    """Trials whose counts say which they are."""
    spikes = np.broadcast_to(np.arange(1, n_trials + 1)[:, None, None], (n_trials, 4, 2)).astype(
        float
    )
    return TrialSet(spikes, 0.02, **changes)


def drawn_rows(trials: TrialSet, seed: int = 0) -> np.ndarray:
    return resample_trials(trials, seed).spikes[:, 0, 0].astype(int) - 1


def test_as_many_trials_come_of_each_condition_and_some_are_left_out() -> None:
    condition = np.arange(30) % 3
    rows = drawn_rows(made(condition=condition))
    assert [(condition[rows] == k).sum() for k in range(3)] == [10, 10, 10]
    assert len(set(rows)) < 30
    again = drawn_rows(made(condition=condition))
    assert np.array_equal(rows, again)
    assert not np.array_equal(rows, drawn_rows(made(condition=condition), seed=1))


def test_a_trial_is_drawn_once_on_average_and_left_out_as_often_as_a_bootstrap_leaves_out() -> None:
    """Of 30 draws out of 30 a trial misses all with (29/30)³⁰ = 0.362; 9,000 chances: ± 0.005."""
    trials = made()
    times = np.array([np.bincount(drawn_rows(trials, k), minlength=30) for k in range(300)])
    assert times.sum(axis=1).tolist() == [30] * 300
    assert (times == 0).mean() == pytest.approx((29 / 30) ** 30, abs=0.02)


def test_trials_drawn_again_have_ids_of_their_own_and_all_else_of_the_first() -> None:
    trials = made(trial_ids=np.arange(100, 130), condition=np.arange(30) % 2)
    found = resample_trials(trials, 3)
    assert len(set(found.trial_ids.tolist())) == found.n_trials == 30
    second = found.trial_ids.tolist().index(next(n for n in found.trial_ids if " (2)" in str(n)))
    first = found.trial_ids.tolist().index(str(found.trial_ids[second]).removesuffix(" (2)"))
    assert np.array_equal(found.spikes[first], found.spikes[second])
    assert found.condition is not None
    assert found.condition[first] == found.condition[second]
    assert join_trials(found, made(trial_ids=np.arange(30).astype(str), condition=trials.condition))


def test_trials_that_share_samples_are_drawn_together() -> None:
    """Pairs of trials overlap: both come, as often as each other, or neither."""
    start = np.arange(30) // 2 * 1.0 + np.arange(30) % 2 * 0.04
    trials = made(recorded_s=np.stack([start, start + 0.08], axis=1))
    times = np.bincount(drawn_rows(trials, 2), minlength=30)
    assert np.array_equal(times[::2], times[1::2])
    assert times.max() > 1


def test_what_cannot_be_drawn_anew_is_refused() -> None:
    with pytest.raises(DataError, match="two or more"):
        resample_trials(made(1))
    start = np.arange(30) * 0.04
    chained = made(recorded_s=np.stack([start, start + 0.08], axis=1))
    with pytest.raises(DataError, match="shorter windows"):
        resample_trials(chained)
