"""Recordings binned one unit after the other: the same counts, in few bytes where they are many."""

import numpy as np
import pytest

from undertow.data import Recording, TrialSet
from undertow.data.large import LazyCounts, SparseCounts, StoredCounts, counts_by_unit

RNG = np.random.default_rng(0)
RATES_HZ = (1.0, 5.0, 20.0, 300.0, 0.02)


def recording(rates_hz: tuple[float, ...] = RATES_HZ) -> Recording:
    """Units of several rates, each observed in stretches of its own; trials that reach out."""
    times = [np.sort(RNG.uniform(0, 100, RNG.poisson(100 * rate) + 1)) for rate in rates_hz]
    observed = [np.array([[0.0, 40.0 + unit], [50.0, 100.0]]) for unit in range(len(rates_hz))]
    starts = np.arange(2.0, 99.5, 2.5)
    trials = {"start_time": starts, "stop_time": starts + RNG.uniform(0.6, 2.0, len(starts))}
    return Recording(times, trials=trials, obs_intervals=observed)


def binned(
    given: Recording, large: bool, monkeypatch: pytest.MonkeyPatch, **options: object
) -> TrialSet:
    monkeypatch.setattr("undertow.data.large.by_unit.LARGE", 1 if large else 2**40)
    return given.bin(bin_s=0.02, **options)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:.*never spike|.*out of the recording|.*whole")
def test_a_large_recording_has_the_same_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    given = recording()
    array, few = (binned(given, large, monkeypatch) for large in (False, True))
    assert isinstance(array.spikes, np.ndarray)
    assert isinstance(few.spikes, LazyCounts)
    assert np.isnan(array.spikes).any()
    np.testing.assert_array_equal(np.asarray(few.spikes), array.spikes)
    np.testing.assert_array_equal(few.lengths, array.lengths)
    fast = [binned(given, large, monkeypatch, min_rate_hz=3.0) for large in (False, True)]
    np.testing.assert_array_equal(np.asarray(fast[1].spikes), np.asarray(fast[0].spikes))
    assert fast[1].neuron_ids.tolist() == [1, 2, 3]


def test_windows_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    given = recording()
    sets = []
    for large in (2**40, 1):
        monkeypatch.setattr("undertow.data.large.by_unit.LARGE", large)
        sets.append(given.cut(1.0, 0.02))
    np.testing.assert_array_equal(np.asarray(sets[1].spikes), np.asarray(sets[0].spikes))
    assert isinstance(sets[1].spikes, LazyCounts)


@pytest.mark.parametrize(("rate_hz", "kind"), [(1.0, SparseCounts), (30.0, StoredCounts)])
def test_slow_units_are_held_by_place_and_fast_ones_in_bytes(
    rate_hz: float, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [np.sort(RNG.uniform(0, 50, int(50 * rate_hz))) for _ in range(6)]
    trials = binned(
        Recording(
            times, trials={"start_time": np.arange(1.0, 49), "stop_time": np.arange(2.0, 50)}
        ),
        True,
        monkeypatch,
    )
    assert type(trials.spikes) is kind


@pytest.mark.parametrize("highest", [254, 255, 256, 65_534, 65_535, 70_000])
@pytest.mark.parametrize("share", [0.03, 0.9])
def test_bins_of_many_spikes(share: float, highest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undertow.data.large.by_unit.LARGE", 1)
    counts = (RNG.random((4, 50, 3)) < share).astype(int)
    missing = RNG.random(counts.shape) < share / 4
    counts[1, 2, 1], missing[1, 2, 1] = highest, False
    most = ((counts > 0) | missing).sum((1, 2)) + 1
    held = counts_by_unit((4, 50), 3, lambda: most)
    for unit in range(3):
        held.add(unit, counts[:, :, unit], missing[:, :, unit])
    found = held.finished()
    assert type(found) is (SparseCounts if share < 0.1 else StoredCounts)
    np.testing.assert_array_equal(np.asarray(found), np.where(missing, np.nan, counts))
