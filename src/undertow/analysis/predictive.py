"""PIT of held-out neurons' spikes: the histogram, and what chance alone would make of it."""

from dataclasses import dataclass

import numpy as np

from undertow import checks
from undertow.data import Prediction
from undertow.errors import DataError
from undertow.evaluation import pit_bars, predictive_pit
from undertow.evaluation.metrics.predictive import BARS, mixture_cdf
from undertow.evaluation.scores.predictive import WINDOW_S, WindowCounts, window_counts_of

MOST_REDRAWS = 100_000


@dataclass(frozen=True, eq=False)
class PitHistogram:
    """Where counts of held-out neurons lie in the laws predicted for them.

    Attributes:
        edges: of the bars, from 0 to 1, (bars + 1,).
        heights: of the bars; 1 for all where predictions are right, (bars,).
        low, high: central interval of the heights that counts drawn from the predictions
            themselves have, trial by trial, (bars,) each.
        alone: heights were the samples' mean rates taken as certain, (bars,): where they differ
            little from `heights`, these spikes cannot tell how wide the rates' posterior should be.
        levels: of central intervals of the predicted laws, rising, (bars / 2,).
        held: share of the counts inside them (counts at an end count in part), (bars / 2,).
        held_low, held_high, held_alone: the same of drawn counts, and were rates certain.
        level: of the interval.
        n_counts: how many counts entered.
        spikes: their mean.
        window_s: over which each is summed, seconds.
    """

    edges: np.ndarray
    heights: np.ndarray
    low: np.ndarray
    high: np.ndarray
    alone: np.ndarray
    levels: np.ndarray
    held: np.ndarray
    held_low: np.ndarray
    held_high: np.ndarray
    held_alone: np.ndarray
    level: float
    n_counts: int
    spikes: float
    window_s: float


def pit_histogram(
    prediction: Prediction,
    bars: int = BARS,
    level: float = 0.95,
    window_s: float = WINDOW_S,
    redraws: int = 200,
    seed: int = 0,
) -> PitHistogram:
    """Make the histogram of the PIT of held-out neurons' spikes (Czado et al. 2009).

    Its interval is not that of independent counts: neurons and windows of a trial err together, as
    far as the samples do, so whole trials are drawn again from one posterior sample each.

    Args:
        prediction: with `rate_samples` (200 or more), of trials with held-out neurons.
        bars: number of them.
        level: of the interval.
        window_s: over which counts are summed, seconds.
        redraws: how often all trials are drawn again.
        seed: of the redraws.

    Raises:
        DataError: without samples, held-out neurons or recorded spikes of theirs.
    """
    checks.whole("redraws", redraws, 1, MOST_REDRAWS, error=DataError)
    checks.number("level", level, 0, 1, above=True, error=DataError)
    checks.number("window_s", window_s, 0, above=True, unit="seconds", error=DataError)
    if checks.whole("bars", bars, 2, 1000, error=DataError) % 2:
        raise DataError(f"bars is {bars}: it must be even, for intervals of whole bars.")
    given = window_counts_of(prediction, window_s)
    n_counts = int(np.isfinite(given.counts).sum())
    pit = predictive_pit(given.counts, given.means, given.dispersion)
    certain = predictive_pit(given.counts, given.means.mean(axis=0, keepdims=True))
    shares, alone = (
        pit_bars(*each, bars).reshape(-1, bars).sum(axis=0) / n_counts for each in (pit, certain)
    )
    drawn = _redrawn(given, bars, redraws, np.random.default_rng(seed)) / n_counts
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(drawn, ends, axis=0)
    held_low, held_high = np.quantile(_central(drawn), ends, axis=0)
    return PitHistogram(
        edges=np.linspace(0, 1, bars + 1),
        heights=bars * shares,
        low=bars * low,
        high=bars * high,
        alone=bars * alone,
        levels=2 * np.arange(1, bars // 2 + 1) / bars,
        held=_central(shares),
        held_low=held_low,
        held_high=held_high,
        held_alone=_central(alone),
        level=level,
        n_counts=n_counts,
        spikes=float(np.nanmean(given.counts)),
        window_s=given.window_s,
    )


def _central(shares: np.ndarray) -> np.ndarray:
    """Sums of the two bars in the middle, the four, …, (…, bars / 2)."""
    half = shares.shape[-1] // 2
    summed: np.ndarray = np.cumsum(shares[..., half:] + shares[..., half - 1 :: -1], axis=-1)
    return summed


def _redrawn(given: WindowCounts, bars: int, redraws: int, rng: np.random.Generator) -> np.ndarray:
    """Counts in each bar when all counts are drawn from the predictions, (redraws, bars)."""
    samples, trials = given.means.shape[:2]
    # one sample for all of a trial: its neurons and windows err together
    chosen = rng.integers(samples, size=(redraws, trials))
    total = np.zeros((redraws, bars))
    for neuron in range(given.counts.shape[2]):
        means, seen = given.means[..., neuron], np.isfinite(given.counts[..., neuron])
        spread = None if given.dispersion is None else given.dispersion[..., neuron]
        rates = means[chosen, np.arange(trials)]
        if spread is not None:
            alpha = np.maximum(spread[chosen, np.arange(trials)], 1e-9)
            rates = rates * rng.gamma(1 / alpha, alpha)
        counts = rng.poisson(rates)
        table = _tabulated(means, spread, int(counts.max()))
        low, high = (np.take_along_axis(table, counts + k, axis=0) for k in (0, 1))
        low = np.where(seen, low, np.nan)
        total += pit_bars(low, high, bars).sum(axis=(1, 2))
    return total


def _tabulated(means: np.ndarray, dispersion: np.ndarray | None, most: int) -> np.ndarray:
    """The predictive distribution function of each count from −1 to `most`, counts first."""
    shape = means.shape[1:]
    return np.stack(
        [mixture_cdf(np.full(shape, k), means, dispersion) for k in range(-1, most + 1)]
    )
