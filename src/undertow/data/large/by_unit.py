"""`CountsByUnit`: counts of a recording, filled in one unit after the other."""

from typing import Any

import numpy as np

from undertow.data.large.packing import packed
from undertow.data.large.sparse_counts import smallest
from undertow.data.large.stored_counts import StoredCounts

LARGE = 2**30
"""Bytes of an array of counts from which on they are held in fewer."""


class CountsByUnit:
    """Counts per bin, (trials, time, units), of which one unit at a time is known.

    They become a float32 array; where that would take a gigabyte or more, a byte each is held, and
    in the end what `packed` makes of it.

    Args:
        bins: trials and bins.
        n_units: number of units.
    """

    def __init__(self, bins: tuple[int, ...], n_units: int) -> None:
        self._large = 4 * float(np.prod(bins)) * n_units >= LARGE
        self._held = np.empty((*bins, n_units), np.uint8 if self._large else np.float32)

    def add(self, unit: int, counts: np.ndarray, missing: np.ndarray) -> None:
        """Fill in one unit, (trials, time), and where it was not observed."""
        if self._large:
            self._widen(int(counts.max(initial=0)))
        column = self._held[:, :, unit]
        column[:] = counts
        column[missing] = self._missing

    @property
    def _missing(self) -> Any:
        return np.iinfo(self._held.dtype).max if self._large else np.nan

    def _widen(self, highest: int) -> None:
        """Take more bytes for each where a count, or what stands for NaN, needs them."""
        kind = smallest(np.array([highest + 1])).dtype
        if kind.itemsize > self._held.dtype.itemsize:
            unknown = self._held == self._missing
            self._held = self._held.astype(kind)
            self._held[unknown] = self._missing

    def finished(self) -> Any:
        """The counts of all units."""
        if not self._large:
            return self._held
        return packed(StoredCounts(self._held, missing=int(self._missing), checked=True))
