"""Trials that share samples of the recording: found, said, and never on two sides of a split."""

import warnings
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.data import (
    Prediction,
    Recording,
    TrialSet,
    fold_trials,
    join_trials,
    load,
    split_trials,
    split_validation,
    write_hdf5,
)
from undertow.data.overlaps import covered_share, overlap_groups, shared_share, sharing
from undertow.errors import DataError, DataWarning

WINDOWS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 60), st.integers(0, 3)), min_size=3, max_size=60
)
"""Start, length and condition of trials, in units of 10 ms."""


def trials_at(starts: np.ndarray, lengths: np.ndarray | float, **fields: object) -> TrialSet:
    """One bin of one spike per trial, recorded from `starts` for `lengths` seconds."""
    recorded_s = np.stack([starts, starts + lengths], axis=1)
    return TrialSet(np.ones((len(starts), 2, 1)), 0.01, recorded_s=recorded_s, **fields)  # type: ignore[arg-type]


def samples(trials: TrialSet) -> set[int]:
    """The 10 ms samples of the recording these trials hold."""
    edges = np.round(trials.recorded_s * 100).astype(int)
    return {sample for start, stop in edges for sample in range(start, stop)}


def quietly(make: object, *arguments: object) -> object:
    """What `make` returns, its warnings unheard; None where it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        try:
            return make(*arguments)  # type: ignore[operator]
        except DataError as error:
            assert "overlap so much" in str(error) or "cannot fill" in str(error)  # noqa: PT017
            return None


@settings(max_examples=150)
@given(WINDOWS, st.integers(0, 50), st.integers(2, 5))
def test_no_sample_of_the_recording_lies_in_two_parts(
    windows: list[tuple[int, int, int]], seed: int, n: int
) -> None:
    start, length, condition = np.array(windows).T
    trials = trials_at(start / 100, length / 100, condition=condition)
    parts = quietly(split_trials, trials, (0.7, 0.15, 0.15), seed)
    for one, other in combinations(parts or (), 2):  # type: ignore[arg-type]
        assert not samples(one) & samples(other)
    folds = quietly(fold_trials, trials, min(n, len(windows)), seed) or []
    for train, test in folds:  # type: ignore[attr-defined]
        assert not samples(trials[train]) & samples(trials[test])
        inner = quietly(split_validation, trials[train], 0.15, seed)
        if inner is not None:
            assert not samples(inner[0]) & samples(inner[1])  # type: ignore[index]
    if folds:
        tested = np.concatenate([test for _, test in folds])  # type: ignore[attr-defined]
        assert sorted(tested) == list(range(len(windows)))


@given(WINDOWS)
def test_groups_shares_and_sharing_are_those_counted_sample_by_sample(
    windows: list[tuple[int, int, int]],
) -> None:
    start, length, _ = np.array(windows).T
    recorded_s = np.stack([start, start + length], axis=1) / 100
    held = [set(range(s, s + n)) for s, n in zip(start, length, strict=True)]
    times = np.bincount([sample for each in held for sample in each])
    twice = sum(times[sample] > 1 for each in held for sample in each)
    assert shared_share(recorded_s) == pytest.approx(twice / length.sum())
    groups = overlap_groups(recorded_s)
    for one, other in combinations(range(len(held)), 2):
        assert not held[one] & held[other] or groups[one] == groups[other]
    half = len(held) // 2
    others = set().union(*held[half:])
    assert sharing(recorded_s[:half], recorded_s[half:]).tolist() == [
        bool(each & others) for each in held[:half]
    ]
    covered = sum(len(each & others) for each in held[:half]) / length[:half].sum()
    assert covered_share(recorded_s[:half], recorded_s[half:]) == pytest.approx(covered)


@given(st.integers(0, 100), st.sampled_from([None, 4]), st.integers(2, 5))
def test_where_nothing_overlaps_splits_are_what_they_are_without_a_clock(
    seed: int, conditions: int | None, n: int
) -> None:
    condition = None if conditions is None else np.arange(40) % conditions
    apart = trials_at(np.arange(40.0) * 0.7 + 1000.1, 0.7, condition=condition)
    unknown = apart.replace(recorded_s=None)
    for one, other in zip(split_trials(apart, seed=seed), split_trials(unknown, seed=seed)):  # noqa: B905
        assert one.trial_ids.tolist() == other.trial_ids.tolist()
    for one, other in zip(fold_trials(apart, n, seed), fold_trials(unknown, n, seed)):  # noqa: B905
        assert one[0].tolist() == other[0].tolist()
        assert one[1].tolist() == other[1].tolist()


def test_small_groups_stay_together_and_stratified() -> None:
    starts = np.repeat(np.arange(60.0) * 10, 2) + np.tile([0.0, 1.0], 60)
    trials = trials_at(starts, 2.0, condition=np.repeat(np.arange(60) % 3, 2))
    with pytest.warns(
        DataWarning, match=r"50 % of the bins .* one part .*60 groups of 120"
    ) as said:
        train, validation, test = split_trials(trials, seed=0)
    assert len(said) == 1
    assert [part.n_trials for part in (train, validation, test)] == [84, 18, 18]
    assert all(
        np.unique(part.condition, return_counts=True)[1].min() >= 4 for part in (test, train)
    )
    with pytest.warns(DataWarning, match="one part of the split"):
        folds = fold_trials(trials, 5)
    assert [test.size for _, test in folds] == [24] * 5
    assert all(train.size + test.size == 120 for train, test in folds)


def test_windows_that_chain_are_split_in_stretches_and_borders_left_out() -> None:
    trials = trials_at(np.arange(100) * 3.0, 5.5)
    with pytest.warns(DataWarning, match=r"contiguous stretches .* 2 of 100 trials .* left out"):
        train, validation, test = split_trials(trials, seed=1)
    assert [part.n_trials for part in (train, validation, test)] == [68, 15, 15]
    assert (np.diff(test.recorded_s[:, 0]) == 3).all()
    with pytest.warns(DataWarning, match=r"up to 2 of 100 trials in each fold .* left out"):
        folds = fold_trials(trials, 5)
    assert [train.size for train, _ in folds] == [79, 78, 78, 78, 79]


def test_what_cannot_be_kept_apart_is_refused_with_the_way_out() -> None:
    trials = trials_at(np.arange(10) * 0.1, 5.0)
    with pytest.raises(DataError, match=r"overlap so much .* use a shorter window"):
        split_trials(trials)
    with pytest.raises(DataError, match="overlap so much"):
        fold_trials(trials, 5)


def test_a_files_own_parts_that_overlap_are_said_with_their_share() -> None:
    split = ["train"] * 8 + ["test"] * 2
    starts = np.arange(10) * 3.0
    with pytest.warns(DataWarning) as said:
        split_trials(trials_at(starts, 4.5, split=split))
    assert "not clean: 17 % of the bins of its test trials (1 of 2 trials)" in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        split_trials(trials_at(starts, 3.0, split=split))


def test_binning_says_once_how_much_is_recorded_twice_and_keeps_where() -> None:
    rng = np.random.default_rng(0)
    spikes = [np.sort(rng.uniform(0, 330, 3000)) for _ in range(3)]
    recording = Recording.from_spike_times(spikes, events=5 + np.arange(100) * 3.0)
    with pytest.warns(DataWarning, match=r"90 % of the bins occur in more than one") as said:
        trials = recording.bin("event", (-0.5, 5.0), 0.02)
    assert len(said) == 1
    np.testing.assert_allclose(trials.recorded_s[:2], [[4.5, 10.0], [7.5, 13.0]])
    part = trials[3:5, 25:50]
    np.testing.assert_allclose(part.recorded_s, [[14.0, 14.5], [17.0, 17.5]])
    np.testing.assert_allclose(trials.rebin(0.1).recorded_s, trials.recorded_s)
    again = join_trials(trials[:50], trials[50:])
    np.testing.assert_array_equal(again.recorded_s, trials.recorded_s)
    assert join_trials(trials[:50].replace(recorded_s=None), trials[50:]).recorded_s is None


def test_files_keep_where_trials_lie(tmp_path: Path) -> None:
    trials = trials_at(np.arange(6) * 0.7, 1.1, condition=np.arange(6) % 2)
    write_hdf5(trials, tmp_path / "t.h5")
    np.savez(tmp_path / "t.npz", spikes=trials.spikes, bin_s=0.01, recorded_s=trials.recorded_s)
    labelled = Prediction(np.ones(trials.shape), trials).to_xarray()
    labelled["spikes"] = (("trial", "time", "neuron"), trials.spikes)
    labelled.to_netcdf(tmp_path / "t.nc", engine="h5netcdf")
    for name in ("t.h5", "t.npz", "t.nc"):
        np.testing.assert_array_equal(load(tmp_path / name).recorded_s, trials.recorded_s)


def test_windows_cut_side_by_side_share_nothing() -> None:
    spikes = np.arange(0.005, 40, 0.05)
    trials = Recording([spikes]).cut(window_s=0.7, bin_s=0.1)
    assert shared_share(trials.recorded_s) == pytest.approx(0, abs=1e-9)
    fold_trials(trials, 5)  # warnings are errors: nothing is said


@pytest.mark.parametrize(
    ("recorded_s", "message"),
    [
        (np.zeros((3, 2)), "recorded_s of trial 0 is 0 to 0 s"),
        ([[0, 1], [np.nan, 2], [3, 4]], "recorded_s of trial 1 is nan to 2 s"),
        (np.zeros((2, 2)), "recorded_s has shape"),
        (np.zeros(3), "recorded_s has 1 dimensions"),
        ([["a", "b"]] * 3, "recorded_s has dtype"),
    ],
)
def test_wrong_windows_are_refused_by_name(recorded_s: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        TrialSet(np.ones((3, 2, 1)), 0.01, recorded_s=recorded_s)
