"""Whether spikes of held-out neurons fall where the model says: their PIT, as scores.

Counts are summed over windows of 0.25 s. In single bins of sparse spikes nearly every law looks
right, since a Poisson count of mean m varies by m and an error of the rate adds only m² times its
relative variance; longer windows lose errors that change within them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.errors import DataError
from undertow.evaluation.metrics.predictive import BARS, pit_bars, predictive_pit
from undertow.evaluation.scores.statistic import Statistic
from undertow.evaluation.scores.sums import ShareCorrect
from undertow.evaluation.scores.trials import about, window

PIT, PREDICTIVE = "PIT deviation", "predictive coverage"
WINDOW_S = 0.25


@dataclass(frozen=True, eq=False, kw_only=True)
class PitDeviation(Statistic):
    """How far the bars of a PIT histogram lie from equal heights, root mean square.

    The square is estimated from pairs of different trials, so that the noise of few counts, which
    alone makes bars unequal, does not add to it; a negative estimate counts as 0.

    Attributes:
        bars: counts in each part of 0 to 1, (trials, bars).
        scored: counts of a trial, (trials,).
    """

    LEAST = 0.0
    AXES: ClassVar = {"bars": ("trials", "bars"), "scored": ("trials",)}

    bars: np.ndarray
    scored: np.ndarray

    def finish(self, weights: np.ndarray) -> np.ndarray:
        n_bars = self.bars.shape[1]
        beyond = self.bars - self.scored[:, None] / n_bars
        squares = np.square(weights)
        # a trial paired with itself would count its own noise: these pairs are taken out
        pairs = np.square(weights @ beyond) - squares @ np.square(beyond)
        total = np.square(weights @ self.scored) - squares @ np.square(self.scored)
        mean_square = n_bars * pairs.sum(axis=1) / np.where(total > 0, total, np.nan)
        return np.sqrt(np.maximum(mean_square, 0.0))


@dataclass(frozen=True, eq=False)
class WindowCounts:
    """Counts of held-out neurons in windows, and the law predicted for each.

    Attributes:
        counts: (trials, windows, neurons); NaN where nothing was recorded.
        means: expected counts of each posterior sample, (samples, trials, windows, neurons).
        dispersion: of a negative binomial law of the same mean and variance as the sum over the
            window's bins, shaped like `means`; None for Poisson's, which is exact.
        window_s: width of a window, seconds.
    """

    counts: np.ndarray
    means: np.ndarray
    dispersion: np.ndarray | None
    window_s: float


def window_counts_of(prediction: Prediction, window_s: float = WINDOW_S) -> WindowCounts:
    """Sum counts and expected counts of held-out neurons over windows.

    Raises:
        DataError: without posterior samples, held-out neurons or recorded spikes of theirs.
    """
    trials, neurons = prediction.trials, prediction.trials.heldout
    if prediction.rate_samples is None:
        raise DataError("the prediction holds no samples: predict with samples=200 or more.")
    if not neurons.any():
        raise DataError(
            "no neuron is held out: the spikes of the others were shown to the model, and lie "
            "closer to its rates than chance has them; see hold_out."
        )
    bins = window(trials)
    spikes = trials.spikes[:, bins][..., neurons].astype(np.float64)
    width = window_bins(trials, window_s)
    observed = np.isfinite(spikes)
    expected = prediction.rate_samples[:, :, bins][..., neurons] * np.float64(trials.bin_s)
    expected = np.where(observed, expected, 0.0)
    seen = _in_windows(observed, width) > 0
    if not seen.any():
        raise DataError("no spikes of held-out neurons were recorded in these trials.")
    counts = np.where(seen, _in_windows(np.where(observed, spikes, 0.0), width), np.nan)
    means, dispersion = _in_windows(expected, width), None
    if prediction.dispersion is not None:
        # a sum of counts of variance μ + αμ² each has the variance Σμ + α Σμ²
        share = _in_windows(expected**2, width) / np.maximum(means, 1e-300) ** 2
        dispersion = share * prediction.dispersion[neurons]
    return WindowCounts(counts, means, dispersion, width * trials.bin_s)


def window_bins(trials: TrialSet, window_s: float = WINDOW_S) -> int:
    """How many bins, at least one, come nearest to so many seconds."""
    bins = window(trials)
    return min(max(round(window_s / trials.bin_s), 1), bins.stop - bins.start)


def predictive_statistics(prediction: Prediction) -> dict[str, Statistic]:
    """The statistics of 'predictive coverage' and 'PIT deviation' of one prediction.

    Args:
        prediction: with `rate_samples` (200 or more), of trials with held-out neurons.

    Raises:
        DataError: without samples, held-out neurons or recorded spikes of theirs.
    """
    found = statistics_of_sums(prediction.trials, predictive_sums(prediction))
    return {statistic.name: statistic for statistic in found}


def predictive_sums(prediction: Prediction) -> dict[str, np.ndarray]:
    """What both statistics need of each trial, trials first."""
    given = window_counts_of(prediction)
    low, high = predictive_pit(given.counts, given.means, given.dispersion)
    alone = predictive_pit(given.counts, given.means.mean(axis=0, keepdims=True))
    return {
        "pit_bars": pit_bars(low, high, BARS).sum(axis=(1, 2)),
        "pit_bars_alone": pit_bars(*alone, BARS).sum(axis=(1, 2)),
        "pit_counts": np.isfinite(given.counts).sum(axis=(1, 2)).astype(float),
        "pit_spikes": np.nansum(given.counts, axis=(1, 2)),
    }


def no_sums(trials: TrialSet) -> dict[str, np.ndarray]:
    """`predictive_sums` of trials in which there is nothing to count."""
    n = trials.n_trials
    none = {name: np.zeros(n) for name in ("pit_counts", "pit_spikes")}
    return {name: np.zeros((n, BARS)) for name in ("pit_bars", "pit_bars_alone")} | none


def statistics_of_sums(trials: TrialSet, sums: Mapping[str, np.ndarray]) -> Iterator[Statistic]:
    """Both statistics, from sums over parts of the trials put together."""
    bars, scored = sums["pit_bars"], sums["pit_counts"]
    facts = {
        "spikes a count": float(sums["pit_spikes"].sum() / scored.sum()),
        "certain rates": float(sums["pit_bars_alone"][:, 1:-1].sum() / scored.sum()),
    }
    window_s = window_bins(trials) * trials.bin_s
    where = f"counts of held-out neurons in windows of {window_s:g} s, "
    where += "{spikes a count} spikes each on average"
    inside = (
        f"{where}, inside the central 90 % of the predicted law; 0.9 is right; the mean rates "
        "alone, taken as certain, would hold {certain rates}"
    )
    known = {**about(trials, PREDICTIVE, "share", inside, trials.heldout), "left_out": 0}
    share = bars[:, 1:-1].sum(axis=1) / np.maximum(scored, 1)
    yield ShareCorrect(correct=share, scored=scored, facts=facts, **known)
    note = f"{where}; 0 is right"
    known = {**about(trials, PIT, "share", note, trials.heldout), "left_out": 0}
    yield PitDeviation(bars=bars, scored=scored, facts=facts, **known)


def _in_windows(values: np.ndarray, width: int) -> np.ndarray:
    """Sums over windows of so many bins, (…, windows, neurons); what is left over is dropped."""
    n_windows = values.shape[-2] // width
    kept = values[..., : width * n_windows, :]
    summed: np.ndarray = kept.reshape(*kept.shape[:-2], n_windows, width, kept.shape[-1]).sum(-2)
    return summed
