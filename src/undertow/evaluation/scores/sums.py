"""The concrete statistics: per-trial sums, and how weighted sums become a score."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from undertow.errors import DataError
from undertow.evaluation.metrics.arrays import (
    ZERO_RATE,
    as_float,
    as_numbers,
    check_observed_rates,
    check_same_shape,
    row_blocks,
)
from undertow.evaluation.metrics.rates import Averaging, average_r2
from undertow.evaluation.metrics.timing import condition_groups, neural_speed
from undertow.evaluation.scores.statistic import Statistic

ROUNDING = 1e-10
"""Share of Σ y² below which Σ (y − mean)² is taken for a rounding error."""
TRIALS = ("trials",)


@dataclass(frozen=True, eq=False, kw_only=True)
class BitsPerSpike(Statistic):
    """Bits per spike.

    Every resample has its own null model; neurons without a spike in it are left out.

    Attributes:
        loss: Σ over bins of r − n ln r, (trials, neurons).
        count: spikes, (trials, neurons).
        bins: observed bins, (trials, neurons).
    """

    AXES: ClassVar = dict.fromkeys(("loss", "count", "bins"), ("trials", "neurons"))

    loss: np.ndarray
    count: np.ndarray
    bins: np.ndarray

    @classmethod
    def from_counts(cls, rates: np.ndarray, spikes: np.ndarray, **about: Any) -> Self:
        """From expected spikes per bin and counts, (trials, time, neurons); NaN spikes are dropped.

        Raises:
            DataError: when shapes differ or a needed rate is NaN, negative or infinite.
        """
        r, n = as_numbers("rates", rates, 3), as_numbers("spikes", spikes, 3)
        check_same_shape(rates=r, spikes=n)
        check_observed_rates(r, n)
        sums = [_poisson_sums(r[part], n[part]) for part in row_blocks(n)]
        loss, count, bins = (np.concatenate(each) for each in zip(*sums, strict=True))
        return cls(loss=loss, count=count, bins=bins, **about)

    def gains(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Nats gained over the null model, and spikes, both (resamples, neurons).

        The gain is zero for silent neurons.
        """
        count, bins, loss = (weights @ sums for sums in (self.count, self.bins, self.loss))
        spiking = count > 0
        mean = np.where(spiking, count / np.maximum(bins, 1), 1.0)
        # Σ r over bins is the count itself where r is the mean of these very bins
        null = count - count * np.log(mean)
        return np.where(spiking, null - loss, 0.0), count

    def finish(self, weights: np.ndarray) -> np.ndarray:
        gain, count = self.gains(weights)
        total = count.sum(axis=1)
        # pooled over neurons before dividing, as in the benchmark: neurons weigh by their spikes
        return gain.sum(axis=1) / np.where(total > 0, total, np.nan) / np.log(2)


@dataclass(frozen=True, eq=False, kw_only=True)
class RSquared(Statistic):
    """R² per output, trials × bins pooled, averaged over outputs.

    Attributes:
        residual: Σ over bins of (target − prediction)², (trials, outputs).
        total: Σ of target, less a constant per output, (trials, outputs).
        square: Σ of its square, (trials, outputs).
        bins: bins summed, (trials, outputs).
        multioutput: 'uniform', 'variance-weighted' or 'median'.
    """

    AXES: ClassVar = dict.fromkeys(("residual", "total", "square", "bins"), ("trials", "outputs"))

    residual: np.ndarray
    total: np.ndarray
    square: np.ndarray
    bins: np.ndarray
    multioutput: Averaging = "uniform"

    @classmethod
    def from_targets(cls, predicted: np.ndarray, target: np.ndarray, **about: Any) -> Self:
        """From predictions and targets, (trials, time, outputs).

        Bins where either is NaN are left out.

        Raises:
            DataError: when shapes differ.
        """
        predicted, target = as_numbers("predicted", predicted, 3), as_numbers("target", target, 3)
        check_same_shape(predicted=predicted, target=target)
        # centring keeps Σ y² − (Σ y)²/n accurate; R² does not depend on it
        centre = _mean_target(predicted, target)
        sums = [_squares(predicted[part], target[part], centre) for part in row_blocks(target)]
        residual, total, square, bins = (np.concatenate(each) for each in zip(*sums, strict=True))
        return cls(residual=residual, total=total, square=square, bins=bins, **about)

    def outputs(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residual and total sum of squares per resample and output."""
        residual, total, square, bins = (
            weights @ s for s in (self.residual, self.total, self.square, self.bins)
        )
        # the total is about the mean of each resample, as trials drawn anew have their own mean
        return residual, about_mean(square, total, bins)

    def finish(self, weights: np.ndarray) -> np.ndarray:
        return average_r2(*self.outputs(weights), self.multioutput)


def about_mean(square: np.ndarray, total: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Σ of squares about the mean, from Σ y², Σ y and the number of bins.

    Zero where rounding alone is left of it, as of a neuron that is silent in all that was drawn.
    """
    left = square - total**2 / np.maximum(bins, 1)
    return np.where(left > ROUNDING * square, left, 0.0)


def _poisson_sums(rates: np.ndarray, spikes: np.ndarray) -> tuple[np.ndarray, ...]:
    """Loss, spikes and observed bins of some trials, (trials, neurons) each."""
    observed, r = ~np.isnan(spikes), rates.astype(np.float64)
    r = np.where(observed, np.where(r == 0, ZERO_RATE, r), 1.0)
    n = np.where(observed, spikes.astype(np.float64), 0.0)
    loss = np.where(observed, r - n * np.log(r), 0.0).sum(axis=1)
    return loss, n.sum(axis=1), observed.sum(axis=1)


def _mean_target(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Mean of each output over the bins that are used, (outputs,)."""
    total, bins = np.zeros(target.shape[2]), np.zeros(target.shape[2])
    for part in row_blocks(target):
        used = np.isfinite(predicted[part]) & np.isfinite(target[part])
        total += np.where(used, target[part], 0.0).sum(axis=(0, 1), dtype=np.float64)
        bins += used.sum(axis=(0, 1))
    return total / np.maximum(bins, 1)


def _squares(
    predicted: np.ndarray, target: np.ndarray, centre: np.ndarray
) -> tuple[np.ndarray, ...]:
    """The sums of `RSquared` over some trials, (trials, outputs) each."""
    used, target = np.isfinite(predicted) & np.isfinite(target), target.astype(np.float64)
    centred = np.where(used, target - centre, 0.0)
    residual = np.where(used, target - predicted, 0.0)
    squares = (residual**2).sum(axis=1), centred.sum(axis=1), (centred**2).sum(axis=1)
    return *squares, used.sum(axis=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class ShareCorrect(Statistic):
    """The share of questions answered correctly: one a trial, or one a bin.

    Attributes:
        correct: share of a trial's questions that were answered right, (trials,).
        scored: how many questions of a trial have a known answer, 0 for trials left out, (trials,).
    """

    AXES: ClassVar = {"correct": TRIALS, "scored": TRIALS}

    correct: np.ndarray
    scored: np.ndarray

    def finish(self, weights: np.ndarray) -> np.ndarray:
        total = weights @ self.scored
        return weights @ (self.correct * self.scored) / np.where(total > 0, total, np.nan)


@dataclass(frozen=True, eq=False, kw_only=True)
class LogLoss(Statistic):
    """The mean of −log of the probability given to what happened, in nats; lower is better.

    It is taken once a trial, or in each bin.

    Attributes:
        loss: mean of each trial, (trials,).
        scored: how often it is known what happened, 0 for trials left out, (trials,).
    """

    AXES: ClassVar = {"loss": TRIALS, "scored": TRIALS}

    loss: np.ndarray
    scored: np.ndarray

    def finish(self, weights: np.ndarray) -> np.ndarray:
        total = weights @ self.scored
        return weights @ (self.loss * self.scored) / np.where(total > 0, total, np.nan)


@dataclass(frozen=True, eq=False, kw_only=True)
class ProducedTimeCorrelation(Statistic):
    """Correlation of neural speed with produced time, averaged over conditions.

    Attributes:
        speed: neural speed, (trials,).
        produced_s: produced time, (trials,), in any unit.
        member: the condition of each trial, (trials,); −1 for trials left out.
    """

    AXES: ClassVar = dict.fromkeys(("speed", "produced_s", "member"), TRIALS)

    speed: np.ndarray
    produced_s: np.ndarray
    member: np.ndarray

    @classmethod
    def from_rates(
        cls, rates: np.ndarray, spikes_heldout: np.ndarray, behavior: np.ndarray, **about: Any
    ) -> Self:
        """From the inputs of `produced_time_correlation`.

        Resampling is stratified by its conditions.

        Raises:
            DataError: as `produced_time_correlation`.
        """
        speed, behavior = neural_speed(rates, spikes_heldout), as_float("behavior", behavior, 2)
        member = np.full(len(behavior), -1)
        for k, group in enumerate(condition_groups(behavior)):
            member[group] = k
        if not np.isfinite(speed[member >= 0]).all() or np.isnan(behavior[member >= 0, -1]).any():
            raise DataError(
                "a trial lacks a produced time, a rate, or two set–go bins: set its behavior row "
                "to NaN."
            )
        return cls(
            speed=speed, produced_s=behavior[:, -1], member=member, condition=member, **about
        )

    def finish(self, weights: np.ndarray) -> np.ndarray:
        groups = [self.member == k for k in np.unique(self.member[self.member >= 0])]
        return np.mean(
            [_pearson(weights[:, g], self.speed[g], self.produced_s[g]) for g in groups], axis=0
        )


def _pearson(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weighted Pearson correlation, (resamples,); NaN where one side is constant."""
    x, y, n = x - x.mean(), y - y.mean(), weights.sum(axis=1)
    n = np.where(n > 0, n, np.nan)
    mean_x, mean_y = weights @ x / n, weights @ y / n
    covariance = weights @ (x * y) / n - mean_x * mean_y
    var_x, var_y = weights @ x**2 / n - mean_x**2, weights @ y**2 / n - mean_y**2
    # variances from differences of sums: what is left of a constant is rounding error
    varies = (var_x > 1e-12 * np.mean(x**2)) & (var_y > 1e-12 * np.mean(y**2))
    scale_var = np.where(varies, var_x * var_y, 1.0)
    return np.where(varies, np.clip(covariance / np.sqrt(scale_var), -1, 1), np.nan)
