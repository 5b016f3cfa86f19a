"""Gaussian smoothing over time that knows missing bins and window edges."""

import numpy as np


def gaussian_smooth(
    values: np.ndarray, std_s: float, bin_s: float, centre: bool = True
) -> np.ndarray:
    """Weighted mean over the observed bins of each trial, weights falling off as a Gaussian.

    Bins beyond the window and NaN bins have no weight, so edges and gaps are not biased towards
    zero.

    Args:
        values: (trials, time, neurons); NaN where not observed.
        std_s: standard deviation of the kernel in seconds, above zero.
        bin_s: bin width in seconds.
        centre: whether a bin takes part in its own mean; without, each bin is predicted from the
            others.

    Returns:
        An array of the same shape; NaN only where no observed bin has weight.
    """
    lag_s = np.subtract.outer(np.arange(values.shape[1]), np.arange(values.shape[1])) * bin_s
    kernel = np.exp(-0.5 * (lag_s / std_s) ** 2)
    if not centre:
        np.fill_diagonal(kernel, 0.0)
    observed = ~np.isnan(values)
    weighted = np.matmul(kernel, np.where(observed, values, 0.0))
    mass = np.matmul(kernel, observed.astype(np.float64))
    return np.where(mass > 0, weighted / np.where(mass > 0, mass, 1.0), np.nan)
