"""Latents: principal components, waves of oscillator groups, autocorrelation times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from undertow.errors import DataError, UndertowError


@dataclass(frozen=True, eq=False)
class Components:
    """Latents in their principal axes.

    Attributes:
        scores: (trials, time, components); NaN where the latents are.
        variance_share: share of the total variance, 0 to 1, (components,), largest first.
        axes: unit vectors, (components, dimension).
        mean: mean that was subtracted first, (dimension,).
    """

    scores: np.ndarray
    variance_share: np.ndarray
    axes: np.ndarray
    mean: np.ndarray

    def of_trials(self, index: np.ndarray) -> "Components":
        """Keep the axes, and the scores of some trials only."""
        return replace(self, scores=self.scores[index])


def principal_components(
    latents: np.ndarray, n: int = 3, valid: np.ndarray | None = None
) -> Components:
    """Find the `n` directions in which latents (trials, time, dimension) vary most.

    Their variance is that over trials and bins together.

    Bins with a NaN, and bins where `valid` (trials, time) is False, take no part. Each axis points
    so that its largest entry is positive.

    Raises:
        UndertowError: when fewer than two bins are left, or the latents do not vary.
    """
    dimension = latents.shape[2]
    use = np.isfinite(latents).all(axis=2)
    if valid is not None:
        use &= valid
    rows = latents[use].astype(np.float64)
    if len(rows) < 2:
        raise UndertowError(
            f"the latents have {len(rows)} usable bin(s): principal components need two or more."
        )
    mean = rows.mean(axis=0)
    _, singular, axes = np.linalg.svd(rows - mean, full_matrices=False)
    total = float((singular**2).sum())
    if total <= 1e-12 * max(1.0, float((mean**2).sum())):
        raise UndertowError(
            "the latents do not vary over bins and trials: they have no principal components."
        )
    axes = axes[: min(n, dimension, len(axes))]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    scores = np.full((*latents.shape[:2], len(axes)), np.nan)
    scores[use] = (rows - mean) @ axes.T
    return Components(scores, (singular**2)[: len(axes)] / total, axes, mean)


def wave_groups(latent: np.ndarray, n_groups: int) -> np.ndarray:
    """Split a latent (trials, time, dimension) into equal consecutive groups.

    Returns:
        (groups, trials, space, time): within a group, neighbouring rows of `space` are coupled
        neighbours.

    Raises:
        UndertowError: when the dimension does not divide into the groups.
    """
    n_trials, n_time, dimension = latent.shape
    if n_groups < 1 or dimension % n_groups:
        raise UndertowError(
            f"a latent of {dimension} dimensions does not divide into {n_groups} equal groups."
        )
    grouped = latent.reshape(n_trials, n_time, n_groups, dimension // n_groups)
    return grouped.transpose(2, 0, 3, 1)


def latent_timescales(
    latents: Mapping[str, np.ndarray], bin_s: float, names: Sequence[str] = ("z", "v")
) -> dict[str, np.ndarray]:
    """Compute `autocorrelation_time` of each latent: name → seconds, (dimension,).

    Args:
        latents: name → (trials, time, dimension), such as `Prediction.latents`.
        bin_s: bin width in seconds.
        names: names of the latents wanted, by default positions and velocities.
    """
    return {name: autocorrelation_time(latents[name], bin_s) for name in names if name in latents}


def autocorrelation_time(values: np.ndarray, bin_s: float) -> np.ndarray:
    """Compute the lag at which the autocorrelation of each coordinate first falls to 1/e.

    The mean over trials is subtracted at every bin. What is left is correlated with itself k bins
    later, over all pairs of bins of all trials:

        ρ(k) = Σ x(t) x(t+k) / √(Σ x(t)² Σ x(t+k)²)

    Between the last lag above 1/e and the first below it, ρ is taken to be linear. A process with ρ
    = exp(−t/τ) gives τ.

    Args:
        values: (trials, time, dimension); NaN past a trial's end.
        bin_s: bin width in seconds.

    Returns:
        seconds, (dimension,); NaN where ρ stays above 1/e in the whole window, and where trials do
        not differ.

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
    """Subtract the mean over trials at each bin.

    Past a trial's end the result is zero, which adds nothing to any sum.
    """
    sums = signal.sum(axis=0, where=inside)
    return np.where(inside, signal - sums / np.maximum(inside.sum(axis=0), 1), 0.0)


def _correlation(left: np.ndarray, inside: np.ndarray, lag: int) -> np.ndarray:
    """Compute ρ(lag) of each coordinate over all pairs of bins within a trial, (dimension,).

    NaN where there are no such pairs.
    """
    early, late = left[:, :-lag] * inside[:, lag:], left[:, lag:] * inside[:, :-lag]
    norm = np.sqrt((early**2).sum(axis=(0, 1)) * (late**2).sum(axis=(0, 1)))
    product = (early * late).sum(axis=(0, 1))
    return np.divide(product, norm, out=np.full(product.shape, np.nan), where=norm > 0)
