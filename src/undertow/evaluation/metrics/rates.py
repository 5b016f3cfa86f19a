"""Agreement of inferred rates with the true rates of synthetic data."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from undertow.checks import one_of
from undertow.errors import DataError
from undertow.evaluation.metrics.arrays import as_float, check_same_shape

Averaging = Literal["uniform", "variance-weighted", "median"]


def rate_r2(rates: ArrayLike, truth: ArrayLike, multioutput: Averaging = "uniform") -> float:
    """R² of rates against truth, trials × bins flattened per neuron, then averaged over neurons.

    Per neuron 1 − Σ (truth − rate)² / Σ (truth − mean truth)². 'uniform' is the mean over neurons,
    'variance-weighted' weights each neuron by the variance of its truth, 'median' is the median
    neuron. A neuron with a constant truth scores 0 (1 if met exactly), as in scikit-learn.

    Args:
        rates, truth: (trials, time, neurons), both in one unit (spikes/s, or spikes per bin); bins
            where either is NaN are left out, neuron by neuron.
        multioutput: how neurons are averaged.

    Raises:
        DataError: when shapes differ, a neuron has no pair of finite values, or `multioutput` is
            unknown.
    """
    rates, truth = as_float("rates", rates, 3), as_float("truth", truth, 3)
    check_same_shape(rates=rates, truth=truth)
    finite = np.isfinite(rates) & np.isfinite(truth)
    n = finite.sum(axis=(0, 1))
    if not n.all():
        raise DataError(
            f"neuron {int(np.argmin(n))} has no bin with both rate and truth: leave it out."
        )
    target = np.where(finite, truth, 0)
    residual = np.sum(np.where(finite, truth - rates, 0) ** 2, axis=(0, 1))
    mean = target.sum(axis=(0, 1)) / n
    total = np.sum(np.where(finite, truth - mean, 0) ** 2, axis=(0, 1))
    return float(average_r2(residual, total, multioutput))


def average_r2(
    residual: np.ndarray, total: np.ndarray, multioutput: Averaging = "uniform"
) -> np.ndarray:
    """R² from residual and total sums of squares, (..., outputs), averaged over the last axis.

    Raises:
        DataError: when `multioutput` is unknown.
    """
    one_of("multioutput", multioutput, get_args(Averaging), error=DataError)
    if multioutput == "variance-weighted":
        return r2(residual.sum(axis=-1), total.sum(axis=-1))
    each = r2(residual, total)
    return np.median(each, axis=-1) if multioutput == "median" else each.mean(axis=-1)


def r2(residual: np.ndarray, total: np.ndarray) -> np.ndarray:
    """1 − residual/total; where the total is zero, 1 if the residual is zero too, else 0."""
    constant = total <= 0
    ratio = residual / np.where(constant, 1.0, total)
    return np.where(constant, (residual <= 0).astype(float), 1.0 - ratio)
