"""How long latents remember themselves: autocorrelation times of what trials differ in."""

from collections.abc import Mapping, Sequence

import numpy as np

from undertow.errors import DataError


def latent_timescales(
    latents: Mapping[str, np.ndarray], bin_s: float, names: Sequence[str] = ("z", "v")
) -> dict[str, np.ndarray]:
    """`autocorrelation_time` of each of these latents there is: name → seconds, (dimension,).

    Args:
        latents: name → (trials, time, dimension), such as `Prediction.latents`.
        bin_s: bin width in seconds.
        names: of the latents wanted: positions and velocities by default.
    """
    return {name: autocorrelation_time(latents[name], bin_s) for name in names if name in latents}


def autocorrelation_time(values: np.ndarray, bin_s: float) -> np.ndarray:
    """Lag in seconds at which the autocorrelation of each coordinate first falls to 1/e,
    (dimension,).

    The mean over trials is taken off at every bin; what is left is correlated with itself k bins
    later, over all pairs
    of bins of all trials: ρ(k) = Σ x(t) x(t+k) / √(Σ x(t)² Σ x(t+k)²). Between the last lag above
        1/e and the first below
    it ρ is taken to be linear. A process with ρ = exp(−t/τ) gives τ. NaN where ρ stays above 1/e in
    the whole window, and where trials do not differ.

    Args:
        values: (trials, time, dimension); NaN past a trial's end.
        bin_s: bin width in seconds.

    Raises:
        DataError: when the values do not have three dimensions.
    """
    signal = np.asarray(values, dtype=np.float64)
    if signal.ndim != 3:
        raise DataError(f"values has shape {signal.shape}: it must be (trials, time, dimension).")
    inside = np.isfinite(signal)
    left = _without_trial_mean(signal, inside)
    threshold, lags = np.exp(-1.0), np.full(left.shape[2], np.nan)
    rounding = (
        8 * np.finfo(np.float64).eps * np.abs(signal).max(axis=(0, 1), initial=0.0, where=inside)
    )
    before = np.where(np.abs(left).max(axis=(0, 1), initial=0.0) > rounding, 1.0, np.nan)
    for lag in range(1, left.shape[1]):
        now = _correlation(left, inside, lag)
        crossed = (before >= threshold) & (now < threshold)
        above, below = before[crossed], now[crossed]
        lags[crossed] = lag - 1 + (above - threshold) / (above - below)
        before = np.where(crossed | np.isnan(before), np.nan, now)
        if np.isnan(before).all():
            break
    return lags * bin_s


def _without_trial_mean(signal: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Deviations from the mean over trials at each bin; zero past a trial's end, which adds to no
    sum."""
    sums = signal.sum(axis=0, where=inside)
    return np.where(inside, signal - sums / np.maximum(inside.sum(axis=0), 1), 0.0)


def _correlation(left: np.ndarray, inside: np.ndarray, lag: int) -> np.ndarray:
    """ρ(lag) of each coordinate over all pairs of bins within a trial, (dimension,); NaN where
    there are none."""
    early, late = left[:, :-lag] * inside[:, lag:], left[:, lag:] * inside[:, :-lag]
    norm = np.sqrt((early**2).sum(axis=(0, 1)) * (late**2).sum(axis=(0, 1)))
    product = (early * late).sum(axis=(0, 1))
    return np.divide(product, norm, out=np.full(product.shape, np.nan), where=norm > 0)
