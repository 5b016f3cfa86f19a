"""Splits: stratified, repeatable, never empty, the file's own labels first."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.data import TrialSet, read_hdf5, read_npz, split_trials, split_validation
from undertow.data.splits import split_labels
from undertow.errors import DataError, DataWarning


def trials_of(condition: Sequence[Any] | None, n: int | None = None, **fields: Any) -> TrialSet:
    n = len(condition) if condition is not None else n
    return TrialSet(np.ones((n, 2, 1)), 0.01, condition=condition, **fields)


def all_ids(*parts: TrialSet) -> list[int]:
    return sorted(np.concatenate([part.trial_ids for part in parts]).tolist())


def ids(*parts: TrialSet) -> list[list[int]]:
    return [part.trial_ids.tolist() for part in parts]


@given(st.lists(st.integers(0, 6), min_size=3, max_size=80), st.integers(0, 1000))
def test_a_split_is_a_partition_and_stratified_whatever_the_conditions(
    condition: list[int], seed: int
) -> None:
    trials = trials_of(condition)
    train, validation, test = split_trials(trials, seed=seed)
    assert all_ids(train, validation, test) == list(range(len(condition)))
    n = len(condition)
    assert test.n_trials == validation.n_trials == max(1, round(0.15 * n))
    for value in set(condition):
        share = condition.count(value) * test.n_trials / n
        assert np.floor(share) <= (test.condition == value).sum() <= np.ceil(share)


def test_the_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    trials = trials_of(None, 60)
    assert ids(*split_trials(trials, seed=3)) == ids(*split_trials(trials, seed=3))
    assert ids(*split_trials(trials, seed=3)) != ids(*split_trials(trials, seed=4))


def test_own_fractions() -> None:
    parts = split_trials(trials_of([0, 1] * 20), fractions=(0.5, 0.25, 0.25))
    assert [part.n_trials for part in parts] == [20, 10, 10]
    for wrong in ((0.5, 0.5), (0.7, 0.3, 0.0), (0.5, 0.5, 0.5)):
        with pytest.raises(DataError, match="three numbers above 0"):
            split_trials(trials_of([0, 1] * 20), fractions=wrong)  # type: ignore[arg-type]


def test_the_files_own_labels_come_first() -> None:
    labels = ["train"] * 20 + ["val"] * 3 + ["test"] * 4 + ["none"] * 5
    train, validation, test = split_trials(trials_of(None, 32, split=labels))
    assert ids(train, validation, test) == [[*range(20)], [20, 21, 22], [23, 24, 25, 26]]


def test_val_is_the_test_part_where_there_is_no_test() -> None:
    train, validation, test = split_trials(
        trials_of([0, 1] * 20, split=["train"] * 30 + ["val"] * 10)
    )
    assert ids(test) == [[*range(30, 40)]]
    assert validation.n_trials == round(0.15 * 30)
    assert all_ids(train, validation) == list(range(30))


def test_validation_is_carved_out_of_train_where_only_test_is_labelled() -> None:
    train, validation, test = split_trials(
        trials_of(None, 30, split=["test"] * 10 + ["train"] * 20)
    )
    assert ids(test) == [[*range(10)]]
    assert (train.n_trials, validation.n_trials) == (17, 3)


def test_labels_without_training_trials_are_ignored_with_a_warning() -> None:
    with pytest.warns(DataWarning, match="name only test: they are ignored"):
        train, _, _ = split_trials(trials_of(None, 20, split=["test"] * 20))
    assert train.n_trials == 14
    only_train = split_trials(trials_of(None, 25, split=["train"] * 20 + ["none"] * 5))
    assert max(all_ids(*only_train)) == 19


def test_labels_that_mean_nothing_are_refused() -> None:
    with pytest.raises(
        DataError, match="split holds 'fit': it must be one of train, val, test, none"
    ):
        split_trials(trials_of(None, 3, split=["fit", "test", "val"]))
    with pytest.raises(DataError, match="every trial is labelled 'none'"):
        split_trials(trials_of(None, 3, split=["none"] * 3))


def test_too_few_trials_are_refused() -> None:
    assert [part.n_trials for part in split_trials(trials_of([0, 1, 2]))] == [1, 1, 1]
    with pytest.raises(DataError, match=r"2 trial\(s\) cannot fill 3 parts"):
        split_trials(trials_of([0, 1]))
    with pytest.raises(DataError, match=r"1 trial\(s\) cannot fill 2 parts"):
        split_validation(trials_of([0]))
    with pytest.raises(DataError, match="fraction is 1"):
        split_validation(trials_of([0, 1]), fraction=1)


def test_real_recordings(test_data: Callable[[str], Path]) -> None:
    maze = read_npz(test_data("maze_reach_5ms.npz"), bin_s=0.02)
    parts = split_trials(maze)
    assert [part.n_trials for part in parts] == [91, 19, 19]
    assert all(np.unique(part.condition).size == 9 for part in parts)
    lorenz = split_trials(read_hdf5(test_data("lorenz_10ms.h5")))
    assert [part.n_trials for part in lorenz] == [544, 96, 160]
    assert (lorenz.test.split == "val").all()


def test_several_blocks_spread_the_test_windows() -> None:
    labels = split_labels(20, (0.6, 0.2, 0.2), blocks=2)
    assert labels.tolist() == (["train"] * 6 + ["val"] * 2 + ["test"] * 2) * 2


@pytest.mark.parametrize("n", [3, 4, 7, 50, 1001])
def test_no_part_is_empty_and_blocks_are_contiguous(n: int) -> None:
    labels = split_labels(n, (0.98, 0.01, 0.01))
    assert labels.size == n
    assert [labels[i] for i in np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))] == [
        *("train", "val", "test"),
    ]
