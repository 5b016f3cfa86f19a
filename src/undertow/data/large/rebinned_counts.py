"""`RebinnedCounts`: counts in bins a whole multiple as wide, summed when they are read."""

import numpy as np

from undertow.data.large.lazy_counts import LazyCounts


class RebinnedCounts(LazyCounts):
    """Counts summed over `factor` bins side by side; bins left over at the end are dropped.

    NaN where one of the narrow bins is.
    """

    def __init__(self, narrow: LazyCounts, factor: int) -> None:
        n_trials, n_time, n_neurons = narrow.shape
        super().__init__(n_trials, n_time // factor, n_neurons)
        self._narrow, self._factor = narrow, factor

    def _source(self) -> object:
        return self._narrow

    def _read(self, trials: np.ndarray) -> np.ndarray:
        counts = self._narrow.block(trials)
        n_time = counts.shape[1] // self._factor
        whole = counts[:, : n_time * self._factor]
        summed: np.ndarray = whole.reshape(len(counts), n_time, self._factor, -1).sum(axis=2)
        return summed
