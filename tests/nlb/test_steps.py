"""The steps from spike times to tensors, each against plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.nlb.cutting import (
    count_spikes,
    end_bin,
    first_bin,
    gather,
    jitter_bins,
    resample_signal,
    sum_groups,
)
from undertow.nlb.psth import gaussian_kernel, smooth_observed
from undertow.nlb.session import Population, Session, join_sessions

MS = 1_000_000


@given(
    st.lists(st.lists(st.integers(0, 400), max_size=60), min_size=1, max_size=3),
    st.lists(st.integers(-30, 420), min_size=1, max_size=6),
    st.integers(1, 12),
    st.sampled_from([1, 5, 20]),
)
def test_counts_of_trials_that_may_overlap(
    trains: list[list[int]], starts: list[int], n_bins: int, bin_ms: int
) -> None:
    pairs = sorted((spike, unit) for unit, train in enumerate(trains) for spike in train)
    spikes_ms, units = np.array(pairs, np.int32).reshape(-1, 2).T
    population = Population(np.arange(len(trains)), spikes_ms, units, np.ones(401, bool))
    counts = count_spikes(population, np.array(starts), n_bins, bin_ms)
    for trial, start in enumerate(starts):
        for k in range(n_bins):
            low = start + k * bin_ms
            expected = [sum(low <= spike < low + bin_ms for spike in train) for train in trains]
            assert counts[trial, k].tolist() == expected


@given(st.integers(0, 10**7), st.sampled_from([5, 20]))
def test_bins_of_a_window_on_whole_microseconds(start_us: int, bin_ms: int) -> None:
    start_ns = np.array([start_us * 1000.0])
    first, end = first_bin(start_ns, bin_ms)[0], end_bin(start_ns + 600 * MS, bin_ms)[0]
    assert 1000 * bin_ms * (first - 1) < start_us <= 1000 * bin_ms * first
    assert end - first == 600 // bin_ms


def test_a_window_ends_a_microsecond_early() -> None:
    ends_ns = np.array([100 * MS, 100 * MS + 999, 100 * MS + 1000], float)
    assert end_bin(ends_ns, 5).tolist() == [20, 20, 21]


def test_stretches_beyond_the_samples_are_missing() -> None:
    stretches = gather(np.arange(5.0)[:, None], np.array([-2, 3]), 4)[..., 0]
    np.testing.assert_array_equal(stretches, [[np.nan, np.nan, 0, 1], [3, 4, np.nan, np.nan]])
    assert gather(np.ones(2, bool), np.array([1]), 3).tolist() == [[True, False, False]]


def test_groups_are_missing_where_their_first_row_is() -> None:
    rows = np.array([[1.0, np.nan], [np.nan, 5.0], [2.0, 3.0], [2.0, np.nan]])
    np.testing.assert_array_equal(sum_groups(rows, 2), [[1.0, np.nan], [4.0, 3.0]])


def test_a_slow_signal_passes_and_a_fast_one_does_not() -> None:
    time_s = np.arange(6000) / 1000
    signal = np.sin(2 * np.pi * np.outer(time_s, [2.0, 80.0]))
    out = resample_signal(signal, 20)
    assert out.shape == (300, 2)
    np.testing.assert_allclose(out[20:-20, 0], signal[400:-400:20, 0], atol=2e-3)
    assert np.abs(out[20:-20, 1]).max() < 2e-3


def test_gaps_of_a_signal_stay_gaps_and_keep_its_type() -> None:
    signal = np.ones((400, 2), np.float32)
    signal[100:140, 0] = np.nan
    out = resample_signal(signal, 20)
    assert out.dtype == np.float32
    assert np.flatnonzero(np.isnan(out[:, 0])).tolist() == [5, 6]
    assert not np.isnan(out[:, 1]).any()
    assert np.isnan(resample_signal(np.full((400, 2), np.nan), 20)).all()


def test_smoothing_stays_within_stretches() -> None:
    kernel = gaussian_kernel(10)
    assert len(kernel) == 60
    assert kernel.sum() == pytest.approx(1)
    observed = np.ones(300, bool)
    observed[150:160] = False
    counts = np.zeros((300, 1), np.uint8)
    counts[145] = 1
    rates = smooth_observed(counts, observed, kernel)[:, 0]
    assert np.isnan(rates[150:160]).all()
    assert not rates[160:].any()
    np.testing.assert_allclose(rates[116:150], kernel[:34], atol=1e-15)
    assert np.isnan(smooth_observed(counts, np.zeros(300, bool), kernel)).all()


@given(st.lists(st.floats(200, 2000), min_size=1, max_size=30), st.sampled_from([5, 20]), st.data())
def test_jitter_is_drawn_once_a_trial(
    produced: list[float], bin_ms: int, data: st.DataObject
) -> None:
    shifted = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(produced), max_size=len(produced)))
    )
    bins = jitter_bins(np.array(produced), shifted, bin_ms)
    draws = np.random.RandomState(0)
    for trial, ms in enumerate(produced):
        room = np.floor(round(min(max(1500 - ms, 0), 300) / bin_ms, 4))
        draw = draws.random_sample()
        assert bins[trial] == (round(draw * room) if shifted[trial] else 0)
    assert bins.min() >= 0
    assert bins.max() * bin_ms <= 300


def test_jitter_leaves_the_global_generator_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    jitter_bins(np.full(5, 900.0), np.ones(5, bool), 5)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def session(n_ms: int, heldout_ids: list[int]) -> Session:
    spikes, units = np.array([0, n_ms - 1], np.int32), np.zeros(2, np.int32)
    heldin = Population(np.array([7]), spikes, units, np.ones(n_ms, bool))
    n_heldout = len(heldout_ids)
    observed = np.full(n_ms, n_heldout > 0)
    heldout = Population(
        np.array(heldout_ids), spikes[: 2 * n_heldout], units[: 2 * n_heldout], observed
    )
    trials = {"split": np.array(["val"]), "start_time": np.array([3.0 * MS])}
    if heldout_ids:
        trials["tp"] = np.array([900.0])
    return Session(
        n_ms, {"heldin": heldin, "heldout": heldout}, trials, np.ones((n_ms, 2), np.float32)
    )


@pytest.mark.parametrize(
    ("n_ms", "start_ms"), [(50, 100), (51, 100), (52, 200), (951, 1000), (952, 1100), (1000, 1100)]
)
def test_the_next_file_starts_on_a_tenth_of_a_second(n_ms: int, start_ms: int) -> None:
    joined = join_sessions([session(n_ms, []), session(70, [9])])
    assert joined.n_ms == start_ms + 70
    heldin, heldout = joined.populations["heldin"], joined.populations["heldout"]
    assert (heldin.unit_ids.tolist(), heldout.unit_ids.tolist()) == ([7], [9])
    assert heldin.spikes_ms.tolist() == [0, n_ms - 1, start_ms, start_ms + 69]
    assert heldout.spikes_ms.tolist() == [start_ms, start_ms + 69]
    assert np.flatnonzero(~heldin.observed).tolist() == list(range(n_ms, start_ms))
    assert np.flatnonzero(heldout.observed).tolist() == list(range(start_ms, start_ms + 70))
    assert joined.trials["start_time"].tolist() == [3.0 * MS, (3.0 + start_ms) * MS]
    np.testing.assert_array_equal(joined.trials["tp"], [np.nan, 900.0])
    assert joined.behavior is not None
    assert joined.behavior.dtype == np.float32
    assert np.isnan(joined.behavior[n_ms:start_ms]).all()
