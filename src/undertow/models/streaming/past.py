"""`PastSmoother`: Gaussian smoothing over the bins so far, one bin at a time."""

from math import ceil

import numpy as np

from undertow.models.streaming.stepper import BinSeen

REACH = 8.0
"""Standard deviations that it looks back: what lies further has a weight below 2e-14."""


class PastSmoother:
    """Smoothed rates of held-in neurons, as `HeldInSmoother(causal=True)` makes them.

    It looks back eight standard deviations: a neuron that was not observed for longer has its mean
    rate.

    Args:
        mean_rates: of the held-in neurons, where nothing near was observed, spikes/s.
        std_s: standard deviation of the Gaussian in seconds.
        bin_s: bin width in seconds.

    Attributes:
        rates: spikes/s, (held-in,); overwritten by each step.
    """

    def __init__(self, mean_rates: np.ndarray, std_s: float, bin_s: float) -> None:
        size = 1 + ceil(REACH * std_s / bin_s)
        lags = np.arange(size)
        weights = np.exp(-0.5 * (lags * bin_s / std_s) ** 2)
        # row k: the weight of each place in the ring when the newest bin lies in place k
        self._weights = weights[(lags[:, None] - lags[None]) % size]
        self._mass = np.cumsum(weights)
        self._counts = np.zeros((size, len(mean_rates)))
        self._known = np.zeros((size, len(mean_rates)))
        self._gap = np.full(1, -size)
        self._bins = np.zeros(1, np.int64)
        self._scratch = np.zeros(len(mean_rates))
        self.mean_rates, self.bin_s = np.asarray(mean_rates, np.float64), bin_s
        self.rates = np.zeros(len(mean_rates))

    def reset(self) -> None:
        """Forget all bins."""
        self._counts[...], self._known[...], self._bins[0] = 0.0, 0.0, 0
        self._gap[0] = -len(self._mass)

    def step(self, seen: BinSeen) -> None:
        """Take in the next bin."""
        bins, size = int(self._bins[0]), len(self._mass)
        place, weights = bins % size, self._weights[bins % size]
        self._counts[place], self._known[place] = seen.counts, seen.known
        self._bins[0] = bins + 1
        if not seen.complete:
            self._gap[0] = bins
        np.dot(weights, self._counts, self.rates)
        if bins - self._gap[0] >= size:
            self.rates /= self._mass[min(bins, size - 1)] * self.bin_s
            return
        mass = np.dot(weights, self._known, self._scratch)
        with np.errstate(invalid="ignore"):
            self.rates /= mass * self.bin_s
        np.copyto(self.rates, self.mean_rates, where=mass == 0)

    def state(self, name: str) -> dict[str, np.ndarray]:
        """The arrays that the next bins depend on."""
        found = {"counts": self._counts, "known": self._known, "gap": self._gap}
        return {f"{name}.{k}": v for k, v in {**found, "bins": self._bins}.items()}
