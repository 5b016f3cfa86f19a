"""Spikes into bins: exact at edges, observed intervals, rebinning."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.data import TrialSet, binning
from undertow.errors import DataError, DataWarning


def test_a_spike_on_an_edge_belongs_to_the_bin_that_starts_there() -> None:
    edges = binning.bin_edges(np.array([1000.1]), 35, 0.02)
    on_edges = 1000.1 + np.arange(35) * 0.02
    for times in (on_edges, on_edges - 1e-12, on_edges + 1e-12):
        counts = binning.count_spikes(times, edges)
        assert counts.shape == (1, 35)
        assert (counts == 1).all()


def test_the_window_includes_its_start_and_excludes_its_end() -> None:
    edges = binning.bin_edges(np.array([0.0]), 5, 0.1)
    counts = binning.count_spikes(np.array([-1e-3, 0.0, 0.5, 0.7]), edges)
    assert counts[0].tolist() == [1, 0, 0, 0, 0]


@given(st.integers(0, 2**31), st.sampled_from([0.001, 0.005, 0.02, 1 / 30]))
def test_counts_are_those_of_whole_number_arithmetic(seed: int, bin_s: float) -> None:
    rng = np.random.default_rng(seed)
    tenths = np.sort(
        rng.integers(0, 500, size=60)
    )  # spike times in tenths of a bin: many lie on edges
    starts = rng.integers(0, 300, size=4)
    counts = binning.count_spikes(
        tenths * bin_s / 10, binning.bin_edges(starts * bin_s / 10, 7, bin_s)
    )
    for trial, start in enumerate(starts):
        expected = [((tenths - start) // 10 == k).sum() for k in range(7)]
        assert counts[trial].tolist() == expected


def test_observed_bins_lie_wholly_inside_one_interval_or_touching_ones() -> None:
    edges = binning.bin_edges(np.array([0.0]), 6, 0.1)
    intervals = np.array([[0.35, 0.6], [0.0, 0.1], [0.1, 0.2]])
    assert binning.observed_bins(intervals, edges)[0].tolist() == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]
    assert not binning.observed_bins(np.empty((0, 2)), edges).any()


def test_an_interval_inside_another_changes_nothing() -> None:
    edges = binning.bin_edges(np.array([0.0]), 10, 0.1)
    inside = np.array([[0.0, 1.0], [0.2, 0.3]])
    assert binning.observed_bins(inside, edges).all()


def test_a_window_that_is_no_whole_number_of_bins_is_refused() -> None:
    assert binning.whole_bins(0.7, 0.02) == 35
    with pytest.raises(DataError, match=r"0\.7 s is not a whole number of bins of 0\.03 s"):
        binning.whole_bins(0.7, 0.03)
    with pytest.raises(DataError, match="not a whole number"):
        binning.whole_bins(0.001, 0.02)


def test_rebinning_sums_counts_and_averages_signals() -> None:
    counts = np.arange(12.0).reshape(1, 6, 2)
    trials = TrialSet(counts, 0.01, behavior=np.arange(6.0).reshape(1, 6, 1), truth=counts * 10)
    wide = trials.rebin(0.03)
    assert wide.spikes[0].tolist() == [[6, 9], [24, 27]]
    assert wide.behavior[0, :, 0].tolist() == [1, 4]
    assert wide.truth[0].tolist() == [[20, 30], [80, 90]]
    assert wide.bin_s == 0.03


def test_a_wide_bin_with_a_missing_narrow_bin_is_missing() -> None:
    counts = np.ones((1, 4, 1))
    counts[0, 1] = np.nan
    assert np.isnan(TrialSet(counts, 0.01).rebin(0.02).spikes[0, :, 0]).tolist() == [True, False]


def test_bins_left_over_are_dropped_with_a_warning_and_odd_widths_refused() -> None:
    trials = TrialSet(np.ones((2, 5, 1)), 0.01)
    with pytest.warns(DataWarning, match="last 1 bin"):
        assert trials.rebin(0.02).n_time == 2
    with pytest.raises(DataError, match="whole multiple"):
        trials.rebin(0.015)
    with pytest.raises(DataError, match="longer than the window"):
        trials.rebin(0.06)
    with pytest.raises(DataError, match="forward bins"):
        TrialSet(np.ones((2, 6, 1)), 0.01, forward_bins=1).rebin(0.02)


def test_counts_that_nobody_can_change_are_not_copied() -> None:
    counts = np.ones((4, 5, 3), np.float32)
    kept = binning.of_units(counts, np.arange(3))
    assert kept is counts
    assert TrialSet(kept, 0.01).spikes is counts
    assert not TrialSet(kept, 0.01).spikes.flags.writeable
    some = binning.of_units(np.ones((4, 5, 3), np.float32), np.array([2, 0]))
    assert some.shape == (4, 5, 2)
    own = np.ones((4, 5, 3), np.float32)
    assert not np.shares_memory(TrialSet(own, 0.01).spikes, own)
    view = own[:2]
    view.flags.writeable = False  # the array it belongs to can still be changed
    assert not np.shares_memory(TrialSet(view, 0.01).spikes, own)
