"""HDF5 files of counts that are no array, and files whose counts are left where they are."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conftest import make_small_trials
from tests.models.small import trials_with_gaps
from undertow import load
from undertow.data import TrialSet, write_hdf5
from undertow.data.large import LazyCounts
from undertow.errors import DataError
from undertow.experiments.identity import fingerprint

PARTS = np.array(["train", "val", "test"])[np.arange(80) % 3]
SETS = {
    "gaps": trials_with_gaps(),
    "parts": make_small_trials().replace(split=PARTS),
    "plain": make_small_trials(),
}


def same(one: TrialSet, other: TrialSet) -> None:
    np.testing.assert_array_equal(np.asarray(one.spikes), np.asarray(other.spikes))
    assert fingerprint(one) == fingerprint(other)
    for name in ("condition", "split", "trial_ids"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("in_memory", [True, False, None])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", SETS)
def test_what_is_written_is_read(
    name: str, packed: bool, in_memory: bool | None, tmp_path: Path
) -> None:
    trials = SETS[name].pack() if packed else SETS[name]
    path = write_hdf5(trials, tmp_path / "trials.h5")
    again = load(path, in_memory=in_memory)
    assert isinstance(again.spikes, LazyCounts) == (in_memory is False)
    same(again, SETS[name])
    same(again[3:9], SETS[name][3:9])


def test_counts_are_written_in_a_byte_each(tmp_path: Path) -> None:
    path = write_hdf5(SETS["gaps"].pack(), tmp_path / "trials.h5")
    with h5py.File(path) as file:
        data = file["train_data"]
        assert data.dtype == np.uint8
        assert data.chunks == (1, *SETS["gaps"].shape[1:])
        assert data.attrs["missing"] == 255


def test_counts_that_would_take_much_of_the_memory_are_left_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_hdf5(SETS["plain"], tmp_path / "trials.h5")
    for memory, lazily in ((5, False), (3, True)):
        monkeypatch.setattr(
            "undertow.data.readers.hdf5.machine_memory",
            lambda memory=memory: memory * SETS["plain"].spikes.nbytes,
        )
        assert isinstance(load(path).spikes, LazyCounts) is lazily


def test_a_file_of_lfads_is_left_where_it_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "lfads.h5", "w") as file:
        file["train_data"] = rng.poisson(1.0, (8, 6, 4))
        file["valid_data"] = rng.poisson(1.0, (4, 6, 4))
        file["train_inds"], file["valid_inds"] = np.arange(0, 8), np.arange(8, 12)
    array, stored = (load(tmp_path / "lfads.h5", in_memory=each) for each in (True, False))
    assert isinstance(stored.spikes, LazyCounts)
    same(stored, array)


def test_what_is_left_in_a_file_is_checked(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "rates.h5", "w") as file:
        file["train_data"] = np.full((8, 6, 4), 0.5)
    with pytest.raises(DataError, match="fractional"):
        load(tmp_path / "rates.h5", in_memory=False)
