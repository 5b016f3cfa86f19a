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
        rates: where they are written, (held-in,), in single or double precision; None for an array
            of its own.

    Attributes:
        rates: spikes/s, (held-in,); overwritten by each step.
    """

    def __init__(
        self,
        mean_rates: np.ndarray,
        std_s: float,
        bin_s: float,
        rates: np.ndarray | None = None,
    ) -> None:
        size = 1 + ceil(REACH * std_s / bin_s)
        lags = np.arange(size)
        self.rates = np.zeros(len(mean_rates)) if rates is None else rates
        dtype, neurons = self.rates.dtype, len(mean_rates)
        weights = np.exp(-0.5 * (lags * bin_s / std_s) ** 2)
        # row k: the weight of each place in the ring when the newest bin lies in place k
        self._weights = weights[(lags[:, None] - lags[None]) % size].astype(dtype)
        # seconds that these weights stand for, by bins so far
        self._seconds = np.cumsum(weights) * bin_s
        self._counts, self._known = (np.zeros((size, neurons), dtype) for _ in range(2))
        self._whole = np.zeros(size, bool)
        self._bins, self._gap = np.zeros(1, np.int64), np.full(1, -size)
        self._mass = np.zeros(neurons, dtype)
        self.mean_rates, self.bin_s = np.asarray(mean_rates, np.float64), bin_s

    def reset(self) -> None:
        """Forget all bins."""
        for each in (self._counts, self._known, self._whole, self._bins):
            each[...] = 0
        self._gap[0] = -len(self._seconds)

    def step(self, seen: BinSeen) -> None:
        """Take in the next bin."""
        bins, size = int(self._bins[0]), len(self._seconds)
        place = bins % size
        np.copyto(self._counts[place], seen.counts)
        if not (seen.complete and self._whole[place]):
            self._known[place], self._whole[place] = seen.known, seen.complete
        if not seen.complete:
            self._gap[0] = bins
        self._bins[0] = bins + 1
        np.dot(self._weights[place], self._counts, self.rates)
        if bins - self._gap[0] >= size:
            # all that has weight was observed
            self.rates /= self._seconds[min(bins, size - 1)]
            return
        mass = np.dot(self._weights[place], self._known, self._mass)
        with np.errstate(invalid="ignore"):
            self.rates /= mass * self.bin_s
        np.copyto(self.rates, self.mean_rates, where=mass == 0)

    def state(self, name: str) -> dict[str, np.ndarray]:
        """The arrays that the next bins depend on."""
        found = {"counts": self._counts, "known": self._known, "whole": self._whole}
        found |= {"gap": self._gap, "bins": self._bins}
        return {f"{name}.{k}": v for k, v in found.items()}
