"""Irregular times: what is refused, and that selecting, joining and files keep every time with its
counts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from undertow.data import (
    Prediction,
    TrialSet,
    from_xarray,
    join_trials,
    load,
    read_hdf5,
    write_hdf5,
)
from undertow.data.readers.describe import summarize
from undertow.data.times import from_start_s
from undertow.errors import DataError

TRIALS, BINS, NEURONS = 5, 6, 3
LENGTHS = np.array([6, 6, 4, 1, 5])
FIRST = np.array([0.03, 0.0, 0.1, 0.2, 0.05])
INSIDE = np.arange(BINS) < LENGTHS[:, None]
SIZES = st.tuples(st.integers(1, 5), st.integers(1, 7))


def irregular(**fields: Any) -> TrialSet:
    """Five trials of unequal length whose bins lie 20 to 90 ms apart, from 0.5 s before the go
    cue."""
    rng = np.random.default_rng(3)
    times = -0.4 + FIRST[:, None] + np.cumsum(rng.uniform(0.02, 0.09, (TRIALS, BINS)), axis=1)
    defaults = {
        "spikes": rng.poisson(2.0, (TRIALS, BINS, NEURONS)) + 1,
        "bin_s": 0.02,
        "start_s": -0.5,
        "event": "go",
        "lengths": LENGTHS,
        "times": times,
    }
    return TrialSet(**{**defaults, **fields})


@st.composite
def valid_times(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float]:
    """Times that keep every rule, (trials, time), with lengths and the start of the window."""
    n_trials, n_time = draw(SIZES)
    lengths = np.array(draw(st.lists(st.integers(1, n_time), min_size=n_trials, max_size=n_trials)))
    start_s = draw(st.floats(-10, 10))
    cells = n_trials * n_time
    steps = np.array(draw(st.lists(st.floats(1e-4, 2.0), min_size=cells, max_size=cells)))
    times = start_s + np.cumsum(steps.reshape(n_trials, n_time), axis=1)
    return times, lengths, start_s


@given(valid_times(), st.sampled_from([np.nan, np.inf, -1.0]))
def test_valid_times_are_kept_and_what_lies_past_the_end_is_blank(
    case: tuple[np.ndarray, np.ndarray, float], garbage: float
) -> None:
    times, lengths, start_s = case
    inside = np.arange(times.shape[1]) < lengths[:, None]
    given_times = np.where(inside, times, garbage)
    trials = TrialSet(
        np.ones((*times.shape, 2)), 0.01, start_s=start_s, lengths=lengths, times=given_times
    )
    np.testing.assert_array_equal(trials.times, np.where(inside, times, np.nan))
    np.testing.assert_array_equal(trials.observation_times_s, trials.times)


@given(valid_times(), st.data())
def test_a_broken_rule_names_the_trial_and_the_bin(
    case: tuple[np.ndarray, np.ndarray, float], data: st.DataObject
) -> None:
    times, lengths, start_s = case
    trial = data.draw(st.integers(0, len(times) - 1))
    time = data.draw(st.integers(0, int(lengths[trial]) - 1))
    broken = {"missing": (np.nan, "finite number"), "infinite": (np.inf, "finite number")}
    broken["early"] = (start_s - 1.0, "lies before start_s" if time == 0 else "increase strictly")
    if time:
        broken["equal"] = (times[trial, time - 1], "increase strictly")
    value, rule = broken[data.draw(st.sampled_from(sorted(broken)))]
    times[trial, time] = value
    with pytest.raises(DataError, match=f"times of trial {trial} is .* s in bin {time}.*{rule}"):
        TrialSet(np.ones((*times.shape, 2)), 0.01, start_s=start_s, lengths=lengths, times=times)


@given(SIZES, SIZES)
def test_times_have_the_shape_of_trials_and_bins(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    times = np.tile(np.arange(1.0, other[1] + 1), (other[0], 1))
    if one == other:
        assert TrialSet(np.ones((*one, 2)), 0.01, times=times).times.shape == one
    else:
        with pytest.raises(DataError, match=r"times has shape .* trials and bins as in spikes"):
            TrialSet(np.ones((*one, 2)), 0.01, times=times)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (np.ones(BINS), "times has 1 dimensions"),
        (np.full((TRIALS, BINS), "soon"), "times has dtype"),
        ([[0.1], [0.1, 0.2]], "times is ragged"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(times: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        irregular(times=times)


def test_regular_sets_hold_none_and_broadcast_their_centres() -> None:
    trials = irregular(times=None)
    assert trials.times is None
    for trial in range(TRIALS):
        for k in range(BINS):
            assert trials.observation_times_s[trial, k] == pytest.approx(-0.5 + (k + 0.5) * 0.02)
    assert "irregular" not in repr(trials)


def test_irregular_sets_say_so_and_share_no_times() -> None:
    trials = irregular()
    assert "5 trials × 6 bins of 20 ms at irregular times × 3 neurons" in repr(trials)
    with pytest.raises(
        DataError, match=r"irregular times .* share no times: use observation_times_s"
    ):
        _ = trials.time_s
    with pytest.raises(ValueError, match="read-only"):
        trials.times[0, 0] = 7.0
    found = summarize(trials)
    assert found["times"] == "irregular"
    ends_s = [trials.times[i, LENGTHS[i] - 1] + 0.01 + 0.5 for i in range(TRIALS)]
    assert found["trial_length_s"] == pytest.approx([min(ends_s), max(ends_s)])
    assert found["window_s"] == pytest.approx([-0.5, -0.5 + max(ends_s)])
    assert summarize(irregular(times=None))["times"] == "regular"


def test_rebinning_is_refused_with_the_reason_and_the_same_bins_are_not() -> None:
    with pytest.raises(
        DataError, match=r"irregular times cannot be rebinned: .* not lie side by side"
    ):
        irregular().rebin(0.04)
    assert irregular().rebin(0.02).times is not None


def test_selecting_takes_each_time_with_its_count() -> None:
    trials = irregular()
    rows, start, stop = [4, 0, 2], 2, 5
    part = trials.select(trials=rows, time=slice(start, stop), neurons=[1])
    assert part.lengths.tolist() == [3, 3, 2]
    for i, row in enumerate(rows):
        for k in range(stop - start):
            expected = trials.times[row, start + k] if start + k < LENGTHS[row] else np.nan
            np.testing.assert_equal(part.times[i, k], expected)
    first_edge_s = min(trials.times[row, start] for row in rows) - 0.01
    assert part.start_s == pytest.approx(first_edge_s)
    assert trials[rows].start_s == trials.start_s
    assert trials.select(time=slice(0, 1)).start_s == trials.start_s


def test_a_regular_grid_given_as_times_is_cut_like_the_grid() -> None:
    grid = irregular(times=None, lengths=None)
    given_times = grid.replace(times=grid.observation_times_s)
    for window in (slice(0, 3), slice(2, 6), slice(5, 6)):
        one, other = grid.select(time=window), given_times.select(time=window)
        assert one.start_s == pytest.approx(other.start_s, abs=1e-12)
        np.testing.assert_allclose(one.observation_times_s, other.times, atol=1e-12)


def test_joining_keeps_times_and_needs_both_or_none() -> None:
    trials = irregular()
    joined = join_trials(trials[:2], trials[2:])
    np.testing.assert_array_equal(joined.times, trials.times)
    regular = irregular(times=None, trial_ids=np.arange(10, 15))
    with pytest.raises(DataError, match="only some of them hold times"):
        join_trials(trials, regular)


def test_past_its_end_a_trial_goes_on_in_steps_of_a_bin() -> None:
    trials = irregular()
    times = from_start_s(trials.times, trials.start_s, trials.bin_s)
    assert np.isfinite(times).all()
    for trial, length in enumerate(LENGTHS):
        for k in range(BINS):
            last = trials.times[trial, min(k, length - 1)] + 0.5
            assert times[trial, k] == pytest.approx(last + 0.02 * max(0, k - length + 1))


def test_hdf5_keeps_times_in_every_part(tmp_path: Path) -> None:
    trials = irregular(split=["test", "train", "val", "none", "train"])
    back = read_hdf5(write_hdf5(trials, tmp_path / "a.h5"))
    np.testing.assert_array_equal(back.times, trials.times)
    assert read_hdf5(write_hdf5(irregular(times=None), tmp_path / "b.h5")).times is None


def test_npz_and_matlab_files_give_times(tmp_path: Path) -> None:
    trials = irregular(lengths=None)
    held = {"spikes": trials.spikes, "bin_ms": 20, "start_s": -0.5, "times": trials.times}
    np.savez(tmp_path / "a.npz", **held)
    savemat(tmp_path / "a.mat", held)
    for name in ("a.npz", "a.mat"):
        back = load(tmp_path / name)
        np.testing.assert_array_equal(back.times, trials.times)
        assert back.behavior is None
    np.savez(tmp_path / "shared.npz", **{**held, "times": trials.times[0]})
    assert load(tmp_path / "shared.npz").times is None  # one vector: the trials share their times
    np.savez(tmp_path / "wrong.npz", **{**held, "times": trials.times[:, :3]})
    with pytest.raises(DataError, match=r"times has shape \(5, 3\): it must be \(5, 6\)"):
        load(tmp_path / "wrong.npz")


def with_counts(trials: TrialSet) -> xarray.Dataset:
    dataset = Prediction(rates=np.ones(trials.spikes.shape), trials=trials).to_xarray()
    return dataset.assign(spikes=(("trial", "time", "neuron"), trials.spikes))


def test_xarray_and_netcdf_give_times_back(tmp_path: Path) -> None:
    trials = irregular(lengths=None)
    dataset = with_counts(trials)
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    milliseconds = dataset.assign_coords(
        times=(("time", "trial"), 1e3 * trials.times.T, {"units": "ms"})
    )
    numbered = dataset.assign_coords(time=np.arange(BINS))
    for back in (
        from_xarray(dataset),
        load(tmp_path / "a.nc"),
        from_xarray(milliseconds),
        from_xarray(numbered),
    ):
        np.testing.assert_allclose(back.times, trials.times, rtol=1e-12)
        assert (back.start_s, back.bin_s, back.event) == (-0.5, 0.02, "go")
    assert "time" not in dataset.coords
    with pytest.raises(DataError, match="cannot be rebinned"):
        from_xarray(dataset, bin_s=0.04)
