"""Whether sampled rates spread as widely as they err, and how to correct their spread.

The factor is estimated from the spikes of held-out neurons.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import convolve1d

from undertow.checks import number
from undertow.data import Prediction
from undertow.errors import DataError
from undertow.evaluation.scores.bootstrap import bootstrap_weights

LEAST_TRIALS, NO_SPREAD = 2, 1e-12


@dataclass(frozen=True)
class SpreadFactor:
    """How much wider rates err than their samples spread.

    It is 1 where intervals are right and above 1 where they are too narrow.

    Attributes:
        value: the factor, a ratio of standard deviations; 0 where spikes show no error at all.
        low, high: its 95 % interval, by a bootstrap over trials.
    """

    value: float
    low: float
    high: float


def spread_factor(prediction: Prediction, window_s: float = 0.25, seed: int = 0) -> SpreadFactor:
    """Estimate the factor from neurons whose spikes the model was not given.

    A count y of a window has the variance of its rate's error beside the Poisson variance m, its
    mean. So

        factor² = Σ [(y − m̂)² − m̂] / Σ s²

    over windows, held-out neurons and trials, where m̂ and s² are mean and variance of the sampled
    rates' expected counts. It takes no true rates, and trials the model was not fitted on.
    Dispersion beyond Poisson's counts as error of rates.

    Args:
        prediction: with `rate_samples` (200 or more), of trials with held-out neurons that were
            recorded.
        window_s: width of the windows; longer ones see slow errors better, and fast ones less.
        seed: of the bootstrap.

    Raises:
        DataError: without samples, held-out neurons or recorded spikes of them, or for a window
            longer than the trials.
    """
    excess, spread_var = _by_trial(prediction, window_s)
    weights = bootstrap_weights(len(excess), seed=seed)
    again = (weights @ excess) / (weights @ spread_var)
    low, high = np.quantile(again, [0.025, 0.975])
    return SpreadFactor(
        *(float(np.sqrt(max(x, 0.0))) for x in (excess.sum() / spread_var.sum(), low, high))
    )


def _by_trial(prediction: Prediction, window_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator of factor², (trials,) each."""
    trials = prediction.trials
    if prediction.rate_samples is None:
        raise DataError("the prediction holds no samples: predict with samples=200 or more.")
    if not trials.heldout.any():
        raise DataError(
            "no neuron is held out: the spread is read off neurons the model was not given, see "
            "hold_out."
        )
    bins = round(window_s / trials.bin_s)
    n_windows = trials.n_time // max(bins, 1)
    if bins < 1 or n_windows < 1:
        raise DataError(
            f"window_s is {window_s}: it must be from a bin of {trials.bin_s:g} s up to the "
            "trials' length."
        )
    excess, spread_var, square = excess_and_spread(prediction, bins)
    if not spread_var.sum() > NO_SPREAD * square or len(trials) < LEAST_TRIALS:
        raise DataError(
            f"there is no spread to compare with in {len(trials)} trial(s): give at least "
            f"{LEAST_TRIALS}, samples that differ, and recorded spikes of held-out neurons."
        )
    return excess, spread_var


def excess_and_spread(prediction: Prediction, bins: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Error of the rates beyond Poisson's, and variance of their samples, (trials,) each.

    Sums over held-out neurons and windows of `bins` bins; and the sum of squares of the mean
    counts, to compare variances with.
    """
    trials = prediction.trials
    assert prediction.rate_samples is not None
    n_windows = trials.n_time // bins
    spikes = trials.spikes[..., trials.heldout].astype(np.float64)
    expected = prediction.rate_samples[..., trials.heldout].astype(np.float64) * trials.bin_s
    observed = np.isfinite(spikes)
    counts = _in_windows(np.where(observed, spikes, 0.0), bins, n_windows)
    expected = _in_windows(np.where(observed, expected, 0.0), bins, n_windows)
    mean, var = expected.mean(0), expected.var(0, ddof=1)
    # a Poisson count varies by its mean; what it varies beyond that is the error of the rate
    excess = ((counts - mean) ** 2 - mean).sum((1, 2))
    return excess, var.sum((1, 2)), float(np.square(mean).sum())


def _in_windows(values: np.ndarray, bins: int, n_windows: int) -> np.ndarray:
    """Sums over windows of so many bins, (…, windows, neurons)."""
    kept = values[..., : bins * n_windows, :]
    return kept.reshape(*kept.shape[:-2], n_windows, bins, kept.shape[-1]).sum(-2)


def widened(prediction: Prediction, factor: float, window_s: float = 0.25) -> Prediction:
    """The same prediction with the slow part of its rate samples `factor` times as far out.

    `spread_factor` compares counts of windows, and so knows of errors as slow as a window alone: of
    each sample's log-rate, what the window about a bin says on average is moved from the mean over
    samples, and what is faster than the window stays as it is.

    What is kept: the mean rate of every bin, all that is faster than a window, which samples are
    high and which low, and the rates themselves. What is not: samples are no longer paths of the
    model, so that latents and behaviour stay as narrow as they were; and all neurons, trials and
    bins are moved by one factor, however well each is known. `predict(particles=…)` has intervals
    of the model's own.

    Args:
        prediction: with `rate_samples`.
        factor: see `spread_factor`, best from trials that chose nothing of the model.
        window_s: the width of windows that the factor was estimated with.

    Raises:
        DataError: without samples, for a factor that is not above zero, or a window that is no
            width.
    """
    if prediction.rate_samples is None:
        raise DataError("the prediction holds no samples: predict with samples=200 or more.")
    number("factor", factor, 0.0, above=True, error=DataError)
    number("window_s", window_s, 0.0, above=True, unit="seconds", error=DataError)
    bins = max(1, round(window_s / prediction.trials.bin_s))
    moved = np.empty_like(prediction.rate_samples)
    for trial in range(len(prediction.trials)):  # one at a time: several arrays of that size
        moved[:, trial] = _spread(prediction.rate_samples[:, trial], factor, bins)
    return replace(prediction, rate_samples=moved)


def _spread(samples: np.ndarray, factor: float, bins: int) -> np.ndarray:
    """Samples of a trial (samples, time, neurons) with their slow part moved; NaN stay NaN."""
    rates = np.maximum(samples.astype(np.float64), np.finfo(np.float32).tiny)
    apart = np.log(rates) - np.log(rates).mean(0)
    known = np.isfinite(apart[0, :, :1])
    kernel = np.ones(bins)
    share = convolve1d(known.astype(np.float64), kernel, axis=0, mode="constant")
    slow = convolve1d(np.where(known, apart, 0.0), kernel, axis=1, mode="constant")
    moved = rates * np.exp((factor - 1) * slow / np.maximum(share, 1.0))
    kept: np.ndarray = moved * (rates.mean(0) / moved.mean(0))
    return kept
