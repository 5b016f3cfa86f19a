"""The counts of a `TrialSet`, whether they are an array or read from elsewhere."""

from typing import Any

import numpy as np

from undertow.data import validation
from undertow.data.counts import check_counts
from undertow.data.large.lazy_counts import LazyCounts
from undertow.data.large.stacked_counts import StackedCounts
from undertow.data.large.stored_counts import StoredCounts, is_stored
from undertow.data.sharing import sealed

Counts = np.ndarray | LazyCounts


def as_counts(value: Any) -> Any:
    """Counts as a `TrialSet` holds them, checked.

    What lies outside memory stays there; all else becomes a read-only array.

    Raises:
        DataError: where they are no counts.
    """
    if isinstance(value, LazyCounts):
        return value
    if is_stored(value):
        return StoredCounts(value)
    spikes = validation.as_numeric("spikes", value, 3)
    check_counts(spikes)
    return spikes


def ended(counts: Any, lengths: np.ndarray) -> Any:
    """Counts with NaN past the end of each trial."""
    if isinstance(counts, LazyCounts):
        return counts.ended(lengths)
    return validation.blank_past_end(counts, lengths)


def some_trials(values: Any, index: Any) -> Any:
    """Some trials of counts, or of any array with a row for each."""
    if isinstance(values, LazyCounts):
        return values.part(trials=index)
    return sealed(values[index])


def joined(parts: list[Any]) -> LazyCounts:
    """Counts one after the other, where some are read from elsewhere; nothing is read."""
    sources = [part if isinstance(part, LazyCounts) else StoredCounts(part) for part in parts]
    together = sources[0].joined(sources[1:])
    return StackedCounts(sources) if together is None else together
