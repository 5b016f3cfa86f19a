"""Counts of recordings too large for memory: read from files, or held in few bytes."""

from undertow.data.large.by_unit import CountsByUnit, counts_by_unit
from undertow.data.large.holding import as_counts, ended, joined, some_trials
from undertow.data.large.lazy_counts import LazyCounts
from undertow.data.large.packing import packed
from undertow.data.large.rebinned_counts import RebinnedCounts
from undertow.data.large.sparse_counts import SparseCounts, smallest, whole_numbers
from undertow.data.large.stacked_counts import StackedCounts
from undertow.data.large.stored_counts import StoredCounts, is_stored

__all__ = [
    "CountsByUnit",
    "LazyCounts",
    "RebinnedCounts",
    "SparseCounts",
    "StackedCounts",
    "StoredCounts",
    "as_counts",
    "counts_by_unit",
    "ended",
    "is_stored",
    "joined",
    "packed",
    "smallest",
    "some_trials",
    "whole_numbers",
]
