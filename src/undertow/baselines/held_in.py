"""Held-in neurons where their spikes are hidden: smoothed from other bins, drawn to the mean."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from undertow.data import TrialSet
from undertow.evaluation.metrics.arrays import ZERO_RATE, row_blocks

SHRINKAGE_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
ENTRIES_TO_CHOOSE = 2**21
"""Counts that the choice reads at most, of every so manieth trial."""


class Smoothed(NamedTuple):
    """Sums over the bins near each bin, weighted by a Gaussian, of some trials.

    Attributes:
        part: which trials.
        counts: their held-in spikes in the window, (trials, window, held-in); NaN where hidden.
        spikes: weighted spikes near each bin, shaped alike.
        seconds: weighted time observed near each bin.
    """

    part: slice
    counts: np.ndarray
    spikes: np.ndarray
    seconds: np.ndarray


class Shrinkage(NamedTuple):
    """How held-in rates are smoothed where the spikes themselves are hidden.

    Attributes:
        width_s: standard deviation of the Gaussian in seconds.
        mean_s: how many seconds at the mean rate are taken to have been seen beside the spikes. A
            neuron with few spikes near would else get a rate of zero, which one spike refutes.
    """

    width_s: float
    mean_s: float

    def rates(self, trials: TrialSet, mean_rates: np.ndarray) -> np.ndarray:
        """Rates in the window, spikes/s, (trials, window, held-in).

        Args:
            trials: whose spikes are smoothed; hidden ones are NaN.
            mean_rates: of the held-in neurons in spikes/s.
        """
        last = trials.n_time - trials.forward_bins
        rates = np.empty((trials.n_trials, last, len(mean_rates)), np.float32)
        for near in smoothed(trials, self.width_s):
            rates[near.part] = self.drawn(near, mean_rates)
        return rates

    def drawn(self, near: Smoothed, mean_rates: np.ndarray) -> np.ndarray:
        """The rates of what was smoothed, drawn to the mean."""
        spikes, seconds = near.spikes + self.mean_s * mean_rates, near.seconds + self.mean_s
        rates: np.ndarray = spikes / seconds
        return rates


def smoothed(trials: TrialSet, width_s: float, centre: bool = True) -> Iterator[Smoothed]:
    """Held-in spikes smoothed, some trials at a time.

    Args:
        trials: whose spikes are smoothed.
        width_s: standard deviation of the Gaussian in seconds.
        centre: whether a bin takes part in its own sum.
    """
    last = trials.n_time - trials.forward_bins
    lag_s = np.subtract.outer(np.arange(last), np.arange(last)) * trials.bin_s
    kernel = np.exp(-0.5 * (lag_s / width_s) ** 2)
    if not centre:
        np.fill_diagonal(kernel, 0.0)
    for part in row_blocks(trials.spikes):
        counts = trials.spikes[part, :last][..., ~trials.heldout].astype(np.float64)
        observed = np.isfinite(counts)
        spikes = kernel @ np.where(observed, counts, 0.0)
        yield Smoothed(part, counts, spikes, kernel @ observed.astype(np.float64) * trials.bin_s)


def choose_shrinkage(
    widths_s: Sequence[float], mean_rates: np.ndarray, given: Sequence[TrialSet]
) -> Shrinkage:
    """The width and shrinkage under which each bin is likeliest given the others of its trial.

    Args:
        widths_s: to choose from, seconds.
        mean_rates: of the held-in neurons, spikes/s.
        given: the trials fitted on; of large sets every so manieth is read.
    """
    losses = {Shrinkage(width_s, mean_s): 0.0 for width_s in widths_s for mean_s in SHRINKAGE_S}
    for trials in given:
        fewer = trials[:: 1 + trials.spikes.size // ENTRIES_TO_CHOOSE]
        for width_s in widths_s:
            for near in smoothed(fewer, width_s, centre=False):
                for mean_s in SHRINKAGE_S:
                    choice = Shrinkage(width_s, mean_s)
                    rates = choice.drawn(near, mean_rates)
                    losses[choice] += _loss(rates * trials.bin_s, near.counts)
    return min(losses, key=losses.__getitem__)


def _loss(expected: np.ndarray, counts: np.ndarray) -> float:
    """Σ r − n ln r over observed entries."""
    expected = np.maximum(expected, ZERO_RATE)
    return float(np.nansum(expected * np.isfinite(counts) - counts * np.log(expected)))
