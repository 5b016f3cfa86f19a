"""Held-in neurons where their spikes are hidden: smoothed from other bins, drawn to the mean."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from undertow.data import TrialSet
from undertow.evaluation.metrics.arrays import ZERO_RATE

SHRINKAGE_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
MOST_TRIALS, TRIALS_AT_ONCE = 200, 64


class Shrinkage(NamedTuple):
    """How held-in rates are smoothed where the spikes themselves are hidden.

    Attributes:
        width_s: standard deviation of the Gaussian in seconds.
        mean_s: how many seconds at the mean rate are taken to have been seen beside the spikes. A
            neuron with few spikes near would else get a rate of zero, which one spike refutes.
    """

    width_s: float
    mean_s: float

    def rates(self, trials: TrialSet, mean_rates: np.ndarray, centre: bool = True) -> np.ndarray:
        """Rates in the window, spikes/s, (trials, window, held-in).

        Args:
            trials: whose spikes are smoothed; hidden ones are NaN.
            mean_rates: of the held-in neurons in spikes/s.
            centre: whether a bin takes part in its own rate.
        """
        counts = _counts(trials)
        lag_s = np.subtract.outer(*(np.arange(counts.shape[1]),) * 2) * trials.bin_s
        kernel = np.exp(-0.5 * (lag_s / self.width_s) ** 2)
        if not centre:
            np.fill_diagonal(kernel, 0.0)
        rates = np.empty(counts.shape)
        for part in _parts(len(counts)):
            own = counts[part].astype(np.float64)
            observed = np.isfinite(own)
            spikes = kernel @ np.where(observed, own, 0.0)
            seconds = kernel @ observed.astype(np.float64) * trials.bin_s
            rates[part] = (spikes + self.mean_s * mean_rates) / (seconds + self.mean_s)
        return rates


def choose_shrinkage(
    widths_s: Sequence[float], mean_rates: np.ndarray, given: Sequence[TrialSet]
) -> Shrinkage:
    """The width and shrinkage under which each bin is likeliest given the others of its trial.

    Args:
        widths_s: to choose from, seconds.
        mean_rates: of the held-in neurons, spikes/s.
        given: the trials fitted on; of many, 200 evenly spaced ones are read.
    """
    fewer = [each[:: max(1, -(-len(each) // MOST_TRIALS))] for each in given]
    grid = [Shrinkage(width_s, mean_s) for width_s in widths_s for mean_s in SHRINKAGE_S]
    return min(grid, key=lambda choice: sum(_loss(choice, each, mean_rates) for each in fewer))


def _loss(choice: Shrinkage, trials: TrialSet, mean_rates: np.ndarray) -> float:
    """Σ r − n ln r over observed entries, r from the other bins alone."""
    counts = _counts(trials).astype(np.float64)
    expected = choice.rates(trials, mean_rates, centre=False) * trials.bin_s
    expected = np.maximum(expected, ZERO_RATE)
    return float(np.nansum(expected * np.isfinite(counts) - counts * np.log(expected)))


def _counts(trials: TrialSet) -> np.ndarray:
    """Spikes of held-in neurons in the window, (trials, window, held-in)."""
    counts: np.ndarray = trials.spikes[:, : trials.n_time - trials.forward_bins, ~trials.heldout]
    return counts


def _parts(n: int) -> Iterator[slice]:
    return (slice(first, first + TRIALS_AT_ONCE) for first in range(0, n, TRIALS_AT_ONCE))
