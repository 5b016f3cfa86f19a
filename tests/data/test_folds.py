"""Folds: those of scikit-learn, every trial tested once, one copy of the trials at a time."""

import gc
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from undertow.data import (
    TrialSet,
    fold_splits,
    fold_trials,
    join_trials,
    read_npz,
    split_validation,
)
from undertow.errors import DataError, DataWarning


def trials_of(condition: Sequence[Any] | None, n: int | None = None) -> TrialSet:
    n = len(condition) if condition is not None else n
    return TrialSet(np.ones((n, 2, 1)), 0.01, condition=condition)


def test_folds_are_those_of_scikit_learn() -> None:
    condition = np.repeat(["b", "a", "c"], [10, 7, 13])
    folds = fold_trials(trials_of(condition), n=5, seed=2)
    expected = StratifiedKFold(5, shuffle=True, random_state=2).split(np.zeros(30), condition)
    for (train, test), (train_, test_) in zip(folds, expected, strict=True):
        assert train.tolist() == train_.tolist()
        assert test.tolist() == test_.tolist()


@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=30), st.integers(2, 6))
def test_each_trial_is_tested_once_whatever_the_conditions(condition: list[float], n: int) -> None:
    assume(len(condition) >= n)
    counts = np.unique(condition, return_counts=True)[1]
    trials = trials_of(condition)
    if counts.max() >= n > counts.min():
        with pytest.warns(DataWarning, match="are missing from some folds"):
            folds = fold_trials(trials, n)
    else:
        folds = fold_trials(trials, n)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(condition)))
    assert all(train.size and test.size for train, test in folds)


def test_folds_that_cannot_be_made_are_refused() -> None:
    with pytest.raises(DataError, match="cannot make 5 folds of 4 trials: choose 2 to 4"):
        fold_trials(trials_of(None, 4))
    with pytest.raises(DataError, match="cannot make 1 folds"):
        fold_trials(trials_of(None, 4), n=1)


def test_folds_of_a_recording_are_those_of_scikit_learn(test_data: Callable[[str], Path]) -> None:
    maze = read_npz(test_data("maze_reach_5ms.npz"), bin_s=0.02)
    expected = StratifiedKFold(5, shuffle=True, random_state=0).split(np.zeros(129), maze.condition)
    assert [t.tolist() for _, t in fold_trials(maze)] == [t.tolist() for _, t in expected]


def test_splits_of_folds_are_the_validation_splits_of_their_training_trials() -> None:
    trials = trials_of(["a", "b"] * 20)
    parts = fold_splits(trials, 4, seed=3)
    assert len(parts) == 4
    assert parts.rows[-1] is parts[2:].rows[1]
    for splits, (learned, tested) in zip(parts, fold_trials(trials, 4, 3), strict=True):
        expected = [*split_validation(trials[learned], seed=3), trials[tested]]
        for part, same in zip(splits, expected, strict=True):
            assert part.trial_ids.tolist() == same.trial_ids.tolist()


def test_trials_of_a_fold_are_one_copy_that_goes_with_it() -> None:
    parts = fold_splits(trials_of(["a", "b"] * 20), 4)
    first = parts[0]
    joined = join_trials(first.train, first.validation)
    assert np.shares_memory(joined.spikes, first.train.spikes)
    assert np.shares_memory(joined.spikes, first.validation.spikes)
    assert not np.shares_memory(joined.spikes, parts.trials.spikes)
    gone = weakref.ref(first.train.spikes)
    del first, joined
    gc.collect()
    assert gone() is None
