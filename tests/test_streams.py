"""HDF5 files on a disk that refuses any one write: an error, no half file, and no crash."""

import errno
import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray

from tests.conftest import make_small_trials
from undertow.baselines import Smoothing
from undertow.data import load, write_hdf5
from undertow.errors import DataError, WriteError
from undertow.experiments import write_netcdf
from undertow.streams import UnfailingStream, hdf5_stream


class FullAfter(io.FileIO):
    """A file that takes so many writes; and notes how many it was asked for."""

    def __init__(self, path: Path, writes: int) -> None:
        super().__init__(path, "r+")
        self.left, self.asked = writes, 0

    def write(self, data: Any) -> int:
        """Write, while the disk has room."""
        self.left, self.asked = self.left - 1, self.asked + 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def fill(path: Path, writes: int) -> tuple[int, OSError | None]:
    """Write a file of several kinds of data: how many writes it took, and what went wrong."""
    path.write_bytes(b"")
    with FullAfter(path, writes) as file:
        stream = UnfailingStream(file)
        with h5py.File(stream, "w") as held:
            held.attrs["event"] = "go"
            for k in range(3):
                values = np.arange(6000.0).reshape(20, 300)
                held.create_dataset(f"g{k}/zipped", data=values, compression="gzip")
                names = np.array(["a", "b"], object)
                held.create_dataset(f"g{k}/names", data=names, dtype=h5py.string_dtype())
        return file.asked, stream.error


def test_any_refused_write_is_remembered_and_none_follows(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    whole, error = fill(path, 10**9)
    assert error is None
    with h5py.File(path) as held:
        np.testing.assert_array_equal(held["g2/zipped"][1], np.arange(300.0, 600.0))
    for writes in range(whole):
        asked, error = fill(path, writes)
        assert error is not None, writes
        assert asked == writes + 1


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(self: UnfailingStream, data: Any) -> int:
        self.error = OSError(errno.EFBIG, "File too large")
        return memoryview(data).nbytes

    monkeypatch.setattr(UnfailingStream, "write", write)


def test_writers_say_what_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = make_small_trials()
    prediction = Smoothing().fit(trials).predict(trials)
    path = write_netcdf(prediction, tmp_path / "p.nc")
    refuse(monkeypatch)
    with pytest.raises(WriteError, match=r"p\.nc could not be written: .*limit.* earlier one is"):
        write_netcdf(prediction, path, overwrite=True)
    with pytest.raises(WriteError, match=r"t\.h5 could not be written: it would be larger"):
        write_hdf5(trials, tmp_path / "t.h5")
    assert [each.name for each in tmp_path.iterdir()] == ["p.nc"]
    with xarray.open_dataset(path, engine="h5netcdf") as found:
        np.testing.assert_array_equal(found.rates, prediction.rates)


def test_what_is_streamed_reads_back(tmp_path: Path) -> None:
    trials = make_small_trials()
    found = load(write_hdf5(trials, tmp_path / "t.h5"))
    np.testing.assert_array_equal(found.spikes, trials.spikes)
    with pytest.raises(DataError, match="exists"), hdf5_stream(tmp_path / "t.h5"):
        raise AssertionError("never entered")
