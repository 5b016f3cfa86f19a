"""Counts of a recording, filled in one unit after the other."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from undertow.data.large.packing import SPARSE
from undertow.data.large.sparse_counts import MISSING, SparseCounts, smallest
from undertow.data.large.stored_counts import StoredCounts

LARGE = 2**30
"""Bytes of an array of counts from which on they are held in fewer."""


class CountsByUnit(ABC):
    """Counts per bin, (trials, time, units), of which one unit at a time is known."""

    @abstractmethod
    def add(self, unit: int, counts: np.ndarray, missing: np.ndarray) -> None:
        """Fill in one unit, (trials, time), and where it was not observed."""

    @abstractmethod
    def finished(self) -> Any:
        """The counts of all units."""


def counts_by_unit(
    bins: tuple[int, ...], n_units: int, most: Callable[[], np.ndarray]
) -> CountsByUnit:
    """What the counts of a recording are filled into: where they are many, in few bytes.

    A float32 array, where it takes less than a gigabyte; else, as `packed` has it, by place where
    less than a tenth is not zero, or in a byte each.

    Args:
        bins: trials and bins.
        n_units: number of units.
        most: gives for each trial a number that its counts above zero, and its entries that were
            not observed, do not exceed together, (trials,).
    """
    size = float(np.prod(bins)) * n_units
    if 4 * size < LARGE:
        return _Array(np.empty((*bins, n_units), np.float32))
    entries = most()
    if entries.sum() < SPARSE * size:
        return _Entries(entries, bins[1], n_units)
    return _Bytes(np.empty((*bins, n_units), np.uint8))


class _Array(CountsByUnit):
    """All of them, NaN where not observed."""

    def __init__(self, held: np.ndarray) -> None:
        self._held = held

    def add(self, unit: int, counts: np.ndarray, missing: np.ndarray) -> None:
        column = self._held[:, :, unit]
        column[:] = counts
        column[missing] = np.nan

    def finished(self) -> Any:
        return self._held


class _Bytes(CountsByUnit):
    """All of them in whole numbers, the highest of which stands for what was not observed."""

    def __init__(self, held: np.ndarray) -> None:
        self._held = held

    def add(self, unit: int, counts: np.ndarray, missing: np.ndarray) -> None:
        kind = smallest(counts.max(initial=0, keepdims=True) + 1).dtype
        if kind.itemsize > self._held.dtype.itemsize:
            unknown = self._held == self._missing
            self._held = self._held.astype(kind)
            self._held[unknown] = self._missing
        column = self._held[:, :, unit]
        column[:] = counts
        column[missing] = self._missing

    @property
    def _missing(self) -> int:
        return int(np.iinfo(self._held.dtype).max)

    def finished(self) -> Any:
        return StoredCounts(self._held, missing=self._missing, checked=True)


class _Entries(CountsByUnit):
    """Those that are not zero, by place: each trial has room for its own."""

    def __init__(self, most: np.ndarray, n_time: int, n_units: int) -> None:
        ends = np.cumsum(most)
        self._starts, self._n_time, self._n_units = ends - most, n_time, n_units
        self._stops = self._starts.copy()
        self._places = np.empty(ends[-1], np.uint32)
        self._values = np.empty(ends[-1], np.uint8)

    def add(self, unit: int, counts: np.ndarray, missing: np.ndarray) -> None:
        trial, bin_ = np.nonzero(missing | (counts > 0))
        n = np.bincount(trial, minlength=len(counts))
        # entries come trial by trial: each goes behind those of earlier units
        at = np.arange(len(trial)) + np.repeat(self._stops - (np.cumsum(n) - n), n)
        values = smallest(np.where(missing[trial, bin_], MISSING, counts[trial, bin_]))
        if values.dtype.itemsize > self._values.dtype.itemsize:
            self._values = self._values.astype(values.dtype)
        self._places[at], self._values[at] = bin_ * self._n_units + unit, values
        self._stops += n

    def finished(self) -> Any:
        held = self._places, self._values
        return SparseCounts(self._starts, self._stops, *held, self._n_time, self._n_units)
