"""Counts in memory in as few bytes as hold them."""

from collections.abc import Iterator

import numpy as np

from undertow.data.large.lazy_counts import LazyCounts
from undertow.data.large.sparse_counts import SparseCounts, smallest, whole_numbers
from undertow.data.large.stored_counts import StoredCounts
from undertow.memory import blocks

SPARSE = 0.1
"""Share of entries that are not zero below which counts are held sparsely."""


def packed(counts: np.ndarray | LazyCounts) -> LazyCounts:
    """Hold the same counts in as few bytes as they need.

    Where less than a tenth is not zero, by place (`SparseCounts`, five bytes each); else in one or
    two bytes each.
    """
    found = [(np.count_nonzero(each), np.nanmax(each, initial=0)) for each in _parts(counts)]
    most = max(highest for _, highest in found)
    if sum(n for n, _ in found) < SPARSE * counts.size:
        return SparseCounts.of(_parts(counts))
    if isinstance(counts, StoredCounts) and counts.held_bytes <= counts.size:
        return counts
    held = np.empty(counts.shape, smallest(np.array([most + 1])).dtype)
    first = 0
    for part in _parts(counts):
        held[first : first + len(part)] = whole_numbers(part, held.dtype)
        first += len(part)
    return StoredCounts(held, missing=int(np.iinfo(held.dtype).max), checked=True)


def _parts(counts: np.ndarray | LazyCounts) -> Iterator[np.ndarray]:
    for part in blocks(len(counts), counts.nbytes / len(counts)):
        yield np.asarray(counts[part])
