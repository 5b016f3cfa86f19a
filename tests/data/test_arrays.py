"""Trials from what is in memory: arrays, lists of them, xarray, continuous counts."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
import xarray
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from undertow.data import Recording, TrialSet, as_trials, cut_windows
from undertow.errors import DataError

COUNTS = hnp.arrays(
    np.int64,
    hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6),
    elements=st.integers(1, 9),
)


@given(COUNTS, st.floats(1e-4, 4), st.sampled_from([np.asarray, torch.tensor, np.ndarray.tolist]))
def test_counts_become_trials(counts: np.ndarray, bin_s: float, kind: Any) -> None:
    trials = as_trials(kind(counts), bin_s)
    np.testing.assert_array_equal(trials.spikes, counts)
    assert trials.bin_s == bin_s
    assert as_trials(trials) is trials
    assert as_trials(trials, bin_s) is trials
    with pytest.raises(DataError, match=r"bins of .*: leave bin_s out, or pass trials\.rebin"):
        as_trials(trials, 2 * bin_s)


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.integers(1, 5), st.booleans())
def test_arrays_of_any_length_become_trials_with_lengths(
    lengths: list[int], n_neurons: int, as_tuple: bool
) -> None:
    each = [np.full((length, n_neurons), k + 1) for k, length in enumerate(lengths)]
    trials = as_trials(tuple(each) if as_tuple else each, bin_s=0.01)
    assert trials.lengths.tolist() == lengths
    assert trials.shape == (len(lengths), max(lengths), n_neurons)
    for trial, counts in enumerate(each):
        np.testing.assert_array_equal(trials.spikes[trial, : len(counts)], counts)
        assert np.isnan(trials.spikes[trial, len(counts) :]).all()


@given(COUNTS, st.permutations(["trial", "time", "neuron"]))
def test_labelled_arrays_know_their_axes_and_their_bins(
    counts: np.ndarray, order: list[str]
) -> None:
    bare = xarray.DataArray(counts, dims=("trial", "time", "neuron")).transpose(*order)
    np.testing.assert_array_equal(as_trials(bare, 0.02).spikes, counts)
    labelled = bare.assign_coords(condition=("trial", np.arange(len(counts)) % 2))
    labelled.attrs["bin_s"] = 0.05
    for data in (labelled, labelled.to_dataset(name="spikes")):
        trials = as_trials(data)
        assert trials.bin_s == as_trials(data, 0.05).bin_s == 0.05
        np.testing.assert_array_equal(trials.condition, np.arange(len(counts)) % 2)
    with pytest.raises(DataError, match=r"bin_s is 0\.1 s, but the trials have bins of 0\.05 s"):
        as_trials(labelled, 0.1)


RECORDING = Recording.from_spike_times([np.array([0.1, 0.2])])
ONE = TrialSet(np.ones((2, 3, 1)), 0.01)
TABLE = pandas.DataFrame({"neuron": [1, 2]})
NOT_TRIALS: list[tuple[Any, float | None, str]] = [
    ("reach.npz", 0.02, "a path .*read the file first, .*undertow.data.load"),
    (Path("reach.npz"), 0.02, "a path .*undertow.data.load"),
    (RECORDING, 0.02, r"a Recording .*recording\.bin"),
    (TABLE, 0.02, "a DataFrame .*trials, time, neurons"),
    ({"spikes": np.ones((1, 2, 3))}, 0.02, r"a dict .*TrialSet\(spikes="),
    (None, 0.02, "a NoneType .*pass a TrialSet"),
    (3, 0.02, "a int .*pass a TrialSet"),
    (np.ones((5, 3)), 0.02, r"shape \(5, 3\) .*counts\[None\], .*cut_windows"),
    (np.ones(5), 0.02, r"shape \(5,\) .*trials, time, neurons"),
    (np.array([None, None]), 0.02, r"a list of one array \(time, neurons\) per trial"),
    (np.ones((1, 2, 3)), None, "pass bin_s in seconds"),
    ([np.ones((2, 3))], None, "pass bin_s in seconds"),
    (xarray.DataArray(np.ones((1, 2, 3)), dims=("trial", "time", "neuron")), None, "bin_s"),
    ([], 0.02, "empty: give one array"),
    ([ONE, ONE], 0.02, "join_trials"),
    (["a.npz", "b.npz"], 0.02, "entry 0 of the list is a path: read the file"),
    ([np.ones((2, 3)), TABLE], 0.02, "entry 1 of the list is a DataFrame"),
    ([np.ones((2, 3)), np.ones((2, 4))], 0.02, "trial 1 has shape .*3 neurons of the first"),
    ([np.ones((2, 3)), np.ones((0, 3))], 0.02, "trial 1 has shape .*at least one bin"),
    ([np.ones(3)], 0.02, "trial 0 has 1 dimension"),
    (np.full((1, 2, 3), 0.5), 0.02, "counts must be whole"),
    (np.ones((1, 2, 3)), -1.0, "bin_s is -1.0: it must be a number of seconds, above 0"),
]


@pytest.mark.parametrize(("data", "bin_s", "message"), NOT_TRIALS)
def test_what_is_no_set_of_trials_is_told_what_to_pass(
    data: Any, bin_s: float | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        as_trials(data, bin_s)


def test_arrays_leave_xarray_and_pandas_unimported() -> None:
    code = (
        "import sys, numpy; from undertow.data import as_trials; "
        "as_trials(numpy.ones((2, 3, 4)), 0.01); print('xarray' in sys.modules, "
        "'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_windows_are_the_array_in_order() -> None:
    counts = np.arange(103 * 2).reshape(103, 2)
    trials = cut_windows(
        counts, 0.01, window_s=0.1, behavior=counts[:, :1] / 2.0, neuron_ids=[5, 6]
    )
    assert trials.spikes.shape == (10, 10, 2)
    assert trials.spikes.reshape(100, 2).tolist() == counts[:100].tolist()
    assert trials.behavior.reshape(100).tolist() == (counts[:100, 0] / 2).tolist()
    assert trials.split.tolist() == ["train"] * 6 + ["val"] * 2 + ["test"] * 2
    assert trials.neuron_ids.tolist() == [5, 6]


def test_what_cannot_be_cut_is_refused() -> None:
    counts = np.ones((100, 2))
    with pytest.raises(DataError, match=r"2 windows cannot be split into 1 block"):
        cut_windows(counts, 0.01, window_s=0.5)
    with pytest.raises(DataError, match="not a whole number of bins"):
        cut_windows(counts, 0.01, window_s=0.105)
    with pytest.raises(DataError, match="behavior has 99 bins: spikes has 100"):
        cut_windows(counts, 0.01, window_s=0.1, behavior=np.ones((99, 1)))
    with pytest.raises(DataError, match="spikes has 3 dimensions"):
        cut_windows(counts[None], 0.01, window_s=0.1)
    with pytest.raises(DataError, match="three numbers above 0"):
        cut_windows(counts, 0.01, window_s=0.1, fractions=(1.0, 0.0, 0.0))
