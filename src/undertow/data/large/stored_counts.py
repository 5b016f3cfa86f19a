"""`StoredCounts`: counts read from a memory-mapped file, an HDF5 or a Zarr array."""

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data.counts import check_counts
from undertow.data.large.lazy_counts import LazyCounts
from undertow.errors import DataError
from undertow.names import shown


class StoredCounts(LazyCounts):
    """Counts that stay where they are until they are asked for.

    Args:
        source: (trials, time, neurons) of whole numbers or floats: a `numpy.memmap`, an
            `h5py.Dataset`, a `zarr.Array`, or an array of any dtype.
        missing: a whole number that stands for NaN, such as the fill value of a file.
        checked: the values are known to be counts; else all are read and checked once.

    Raises:
        DataError: for another number of dimensions, another dtype or values that are no counts.
    """

    def __init__(self, source: Any, missing: int | None = None, checked: bool = False) -> None:
        shape, dtype = tuple(source.shape), np.dtype(source.dtype)
        if len(shape) != 3 or dtype.kind not in "biuf":
            raise DataError(
                f"spikes has shape {shape} and dtype {shown(dtype)}: it must be numbers, (trials, "
                "time, neurons)."
            )
        if 0 in shape:
            raise DataError(
                f"spikes has shape {shape}: there must be at least one trial, bin and neuron."
            )
        super().__init__(*shape)
        self._rows, self._missing, self._row_shape = _rows_of(source), missing, shape[1:]
        if not checked and (dtype.kind not in "bu"):
            check_counts(self)  # type: ignore[arg-type]

    @property
    def held_bytes(self) -> int:
        """Bytes of memory they take; 0 where they are read from a file or lie elsewhere."""
        source = getattr(self._rows, "source", None)
        return int(source.nbytes) if isinstance(source, np.ndarray) else 0

    def _source(self) -> object:
        return self._rows

    def _read(self, trials: np.ndarray) -> np.ndarray:
        order = np.argsort(trials, kind="stable")
        found = np.empty((len(trials), *self._row_shape), np.float32)
        for run in _runs(trials[order]):
            rows = order[run]
            raw = self._rows.read(int(trials[rows[0]]), int(trials[rows[-1]]) + 1)
            found[rows] = raw
            if self._missing is not None:
                found[rows] = np.where(raw == self._missing, np.float32(np.nan), found[rows])
        return found


def is_stored(value: Any) -> bool:
    """Whether it is an array outside memory: memory-mapped, HDF5, Zarr."""
    if isinstance(value, np.ndarray):
        return isinstance(value, np.memmap) or isinstance(value.base, np.memmap)
    return all(hasattr(value, name) for name in ("shape", "dtype", "chunks", "__getitem__"))


def _runs(trials: np.ndarray) -> list[slice]:
    """Stretches of sorted trials that follow one another."""
    ends = [0, *(np.flatnonzero(np.diff(trials) != 1) + 1).tolist(), len(trials)]
    return [slice(first, stop) for first, stop in pairwise(ends) if stop > first]


# --- rows -----------------------------------------------------------------------------------------


def _rows_of(source: Any) -> Any:
    if isinstance(source, np.memmap) and source.flags.c_contiguous and source.filename is not None:
        return _FileRows(source)
    if hasattr(source, "file") and hasattr(source, "name") and not isinstance(source, np.ndarray):
        return _Hdf5Rows(source)
    return _ArrayRows(source)


class _ArrayRows:
    """Rows of anything that gives them by a slice."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def read(self, first: int, stop: int) -> np.ndarray:
        return np.asarray(self.source[first:stop])


class _FileRows:
    """Rows of a memory-mapped array, read as a file: what was read does not stay resident."""

    def __init__(self, source: np.memmap) -> None:
        self.path, self.dtype, self.shape = Path(source.filename), source.dtype, source.shape  # type: ignore[arg-type]
        base = source
        self.offset = source.offset
        while isinstance(base.base, np.memmap):
            base = base.base
        # a slice of the file's rows begins later in it
        self.offset += _address(source) - _address(base)

    def read(self, first: int, stop: int) -> np.ndarray:
        row_bytes = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        found = np.empty((stop - first, *self.shape[1:]), self.dtype)
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset + first * row_bytes, os.SEEK_SET)
            view, done = memoryview(found).cast("B"), 0  # type: ignore[arg-type]
            while done < len(view):
                if not (got := file.readinto(view[done:])):
                    raise DataError(f"{self.path} is shorter than it was: open it again.")
                done += got
        return found


class _Hdf5Rows:
    """Rows of an HDF5 dataset, which is opened again in another process."""

    def __init__(self, source: Any) -> None:
        self.path, self.name, self._open = source.file.filename, source.name, source

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "name": self.name, "_open": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def read(self, first: int, stop: int) -> np.ndarray:
        if self._open is None or not self._open:
            import h5py

            self._open = h5py.File(self.path, "r")[self.name]
        return np.asarray(self._open[first:stop])


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])
