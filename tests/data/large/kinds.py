"""The same counts held in every way there is."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from undertow.data.large import LazyCounts, RebinnedCounts, SparseCounts, StoredCounts, packed

SHAPE = (20, 7, 5)


def counts(rate: float = 0.3, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Counts with a missing bin and a trial of a missing neuron."""
    found = np.random.default_rng(0).poisson(rate, shape).astype(np.float32)
    found[3, 2] = np.nan
    found[4, :, 1] = np.nan
    return found


def as_bytes(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, nan=255).astype(np.uint8)


def memory_mapped(values: np.ndarray, folder: Path) -> LazyCounts:
    np.save(folder / "counts.npy", as_bytes(values))
    return StoredCounts(np.load(folder / "counts.npy", mmap_mode="r"), missing=255)


def slice_of_mapped(values: np.ndarray, folder: Path) -> LazyCounts:
    """Rows from the middle of a larger file."""
    np.save(folder / "more.npy", as_bytes(np.concatenate([values[:3] + 1, values, values[:2]])))
    return StoredCounts(np.load(folder / "more.npy", mmap_mode="r")[3:-2], missing=255)


def hdf5(values: np.ndarray, folder: Path) -> LazyCounts:
    with h5py.File(folder / "counts.h5", "w") as file:
        file.create_dataset("spikes", data=as_bytes(values), chunks=(1, *values.shape[1:]))
    return StoredCounts(h5py.File(folder / "counts.h5")["spikes"], missing=255)


def narrow(values: np.ndarray, folder: Path) -> LazyCounts:
    """Bins of which two make one, and one that is left over."""
    thin = np.zeros((len(values), 2 * values.shape[1] + 1, values.shape[2]), np.float32)
    thin[:, :-1:2] = values
    return RebinnedCounts(StoredCounts(thin), 2)


KINDS: dict[str, Callable[[np.ndarray, Path], LazyCounts]] = {
    "sparse": lambda values, _: SparseCounts.of([values[:7], values[7:]]),
    "bytes": lambda values, _: StoredCounts(as_bytes(values), missing=255),
    "floats": lambda values, _: StoredCounts(values),
    "memory-mapped": memory_mapped,
    "a slice of a memory-mapped array": slice_of_mapped,
    "hdf5": hdf5,
    "packed": lambda values, _: packed(values),
    "rebinned": narrow,
}
