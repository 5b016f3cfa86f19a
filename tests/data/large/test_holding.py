"""A `TrialSet` of counts that are read by and by: the same set in everything else."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conftest import make_small_trials
from tests.data.large.kinds import as_bytes, counts
from tests.models.small import trials_with_gaps
from undertow.data import TrialSet, join_trials, split_trials
from undertow.data.large import LazyCounts, SparseCounts, StoredCounts, packed
from undertow.data.lazy_batch import few
from undertow.errors import DataError
from undertow.experiments.identity import fingerprint

SETS = {"gaps": trials_with_gaps(), "small": make_small_trials()}


def same(one: TrialSet, other: TrialSet) -> None:
    np.testing.assert_array_equal(np.asarray(one.spikes), np.asarray(other.spikes))
    assert fingerprint(one) == fingerprint(other)
    assert repr(one) == repr(other)


@pytest.mark.parametrize("name", SETS)
def test_a_packed_set_is_the_same_set(name: str) -> None:
    trials = SETS[name]
    small = trials.pack()
    assert isinstance(small.spikes, LazyCounts)
    same(small, trials)
    same(small[3:9], trials[3:9])
    same(small.select([4, 2], slice(1, 6), [0, 3]), trials.select([4, 2], slice(1, 6), [0, 3]))
    same(small.hold_out(2), trials.hold_out(2))
    np.testing.assert_array_equal(small.mean_rates, trials.mean_rates)
    np.testing.assert_array_equal(small.silent, trials.silent)
    for mine, its in zip(split_trials(small), split_trials(trials), strict=True):
        assert isinstance(mine.spikes, LazyCounts)
        same(mine, its)
    parts = split_trials(small)
    together = join_trials(parts.train, parts.validation)
    assert isinstance(together.spikes, LazyCounts)
    same(together, join_trials(split_trials(trials).train, split_trials(trials).validation))
    same(join_trials(small[:3], trials[3:5]), trials[:5])
    same(next(iter(small)), trials[0])


def test_rebinning_waits_for_the_reading() -> None:
    trials = SETS["small"]
    wide, expected = trials.pack().rebin(2 * trials.bin_s), trials.rebin(2 * trials.bin_s)
    assert isinstance(wide.spikes, LazyCounts)
    same(wide, expected)


@pytest.mark.parametrize("kind", ["npy", "hdf5", "zarr-like"])
def test_stored_arrays_stay_where_they_are(kind: str, tmp_path: Path) -> None:
    values = np.nan_to_num(counts())
    np.save(tmp_path / "a.npy", as_bytes(values))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["spikes"] = as_bytes(values)

    class Chunked:
        """What undertow knows of a Zarr array."""

        shape, dtype, chunks = values.shape, np.dtype(np.uint8), (1, *values.shape[1:])

        def __getitem__(self, key: slice) -> np.ndarray:
            assert isinstance(key, slice)
            return as_bytes(values)[key]

    given = {
        "npy": lambda: np.load(tmp_path / "a.npy", mmap_mode="r"),
        "hdf5": lambda: h5py.File(tmp_path / "a.h5")["spikes"],
        "zarr-like": Chunked,
    }[kind]()
    trials = TrialSet(given, 0.02)
    assert isinstance(trials.spikes, StoredCounts)
    same(trials, TrialSet(values, 0.02))


def test_a_zarr_array_stays_where_it_is(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    values = np.nan_to_num(counts())
    stored = zarr.create_array(
        store=str(tmp_path / "a.zarr"), shape=values.shape, chunks=(4, 7, 5), dtype="uint8"
    )
    stored[:] = as_bytes(values)
    trials = TrialSet(zarr.open_array(str(tmp_path / "a.zarr"), mode="r"), 0.02)
    assert isinstance(trials.spikes, StoredCounts)
    same(trials, TrialSet(values, 0.02))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((3, 4, 2), -1.0), "negative"),
        (np.full((3, 4, 2), 0.5), "fractional"),
        (np.full((3, 4, 2), np.inf), "infinite"),
        (np.full((3, 4, 2), -1), "negative"),
        (np.zeros((3, 4, 2), np.uint8), "no spike at all"),
        (np.ones((3, 4), np.uint8), r"shape \(3, 4\)"),
        (np.ones((3, 0, 2), np.uint8), "at least one trial, bin and neuron"),
        (np.ones((3, 4, 2), complex), "dtype"),
    ],
)
def test_stored_arrays_that_are_no_counts_are_refused(
    values: np.ndarray, words: str, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["spikes"] = values
    with h5py.File(tmp_path / "a.h5") as file, pytest.raises(DataError, match=words):
        TrialSet(file["spikes"], 0.02)


def test_a_file_that_was_cut_short_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, as_bytes(np.nan_to_num(counts())))
    trials = TrialSet(np.load(path, mmap_mode="r"), 0.02)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="shorter than it was"):
        np.asarray(trials.spikes)


@pytest.mark.parametrize(("rate", "kind"), [(0.05, SparseCounts), (0.8, StoredCounts)])
def test_packing_takes_few_bytes(rate: float, kind: type) -> None:
    values = counts(rate, (30, 20, 40))
    small = packed(values)
    assert type(small) is kind
    np.testing.assert_array_equal(np.asarray(small), values)
    if isinstance(small, SparseCounts):
        held = np.count_nonzero(values)
        assert small.held_bytes == 5 * held + 8 * 60


@pytest.mark.parametrize("highest", [254, 255, 256, 65534, 65535, 70_000])
@pytest.mark.parametrize("share", [0.05, 0.9])
def test_large_counts_keep_their_values(highest: int, share: float) -> None:
    values = np.where(np.random.default_rng(0).random((6, 5, 40)) < share, 1.0, 0.0)
    values = values.astype(np.float32)
    values[2, 3, 4], values[1, 1, 1] = highest, np.nan
    np.testing.assert_array_equal(np.asarray(packed(values)), values)


def test_what_takes_all_trials_at_once_takes_as_many_as_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trials = SETS["small"]
    assert few(trials) is trials
    every = few(trials.pack())
    assert isinstance(every.spikes, np.ndarray)
    same(every, trials)
    monkeypatch.setattr("undertow.data.lazy_batch.MOST_AT_ONCE", trials.spikes.nbytes / 4)
    fourth = few(trials.pack())
    assert len(fourth) == len(trials) // 4
    per_condition = np.unique(fourth.condition, return_counts=True)[1]
    assert per_condition.max() - per_condition.min() <= 1
    same(few(trials.pack()), fourth)
