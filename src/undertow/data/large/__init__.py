"""Counts of recordings too large for memory: read from files, or held in few bytes."""

from undertow.data.large.holding import as_counts, ended, joined, some_trials
from undertow.data.large.lazy_counts import LazyCounts
from undertow.data.large.packing import packed
from undertow.data.large.rebinned_counts import RebinnedCounts
from undertow.data.large.sparse_counts import SparseCounts
from undertow.data.large.stored_counts import StoredCounts, is_stored

__all__ = [
    "LazyCounts",
    "RebinnedCounts",
    "SparseCounts",
    "StoredCounts",
    "as_counts",
    "ended",
    "is_stored",
    "joined",
    "packed",
    "some_trials",
]
