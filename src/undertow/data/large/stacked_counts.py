"""`StackedCounts`: counts of several sources, one after the other."""

from collections.abc import Sequence

import numpy as np

from undertow.data.large.lazy_counts import LazyCounts


class StackedCounts(LazyCounts):
    """Trials of several sources with as many bins and neurons, each read where it is.

    Args:
        sources: one at least.
    """

    def __init__(self, sources: Sequence[LazyCounts]) -> None:
        super().__init__(sum(map(len, sources)), *sources[0].shape[1:])
        self._sources = tuple(sources)
        self._starts = np.cumsum([0, *map(len, sources)])

    def _source(self) -> object:
        return self._sources

    def _read(self, trials: np.ndarray) -> np.ndarray:
        found = np.empty((len(trials), *self._sources[0].shape[1:]), np.float32)
        of = np.searchsorted(self._starts, trials, side="right") - 1
        for k in np.unique(of):
            found[of == k] = self._sources[k].block(trials[of == k] - self._starts[k])
        return found
