"""Log-linear pools: rates of several models, multiplied with powers chosen on validation spikes."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

MOST_SHARE = 2.0
PRIOR_STD = 0.5
"""Spread of a share about where it starts, for pools that few spikes are there to choose."""
LEAST_HZ = 1e-3


def choose_shares(
    log_ratios: Sequence[np.ndarray], counts: np.ndarray, expected: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Choose the powers w of a pool: log rate = log mean + Σ_k w_k log(rate_k / mean).

    They make the Poisson likelihood of the counts, with a normal prior about `start`, largest; both
    are concave in w. They need not add up to 1: rates that are too wild are drawn to the mean.

    Args:
        log_ratios: of each model, the logarithm of its rates over the neurons' mean rates, all of
            one shape.
        counts: spikes of that shape; NaN where they are not observed.
        expected: mean spikes per bin, broadcastable to it.
        start: the powers without any spikes.

    Returns:
        The powers, (models,), each from 0 to 2.
    """
    observed = ~np.isnan(counts)
    features = np.stack([each[observed] for each in log_ratios]).astype(np.float64)
    spikes = counts[observed].astype(np.float64)
    means = np.broadcast_to(expected, counts.shape)[observed].astype(np.float64)

    def loss(shares: np.ndarray) -> tuple[float, np.ndarray]:
        logs = shares @ features
        rates = means * np.exp(np.minimum(logs, 50.0))
        apart = (shares - start) / PRIOR_STD**2
        value = rates.sum() - spikes @ logs + 0.5 * apart @ (shares - start)
        return float(value), features @ (rates - spikes) + apart

    bounds = [(0.0, MOST_SHARE)] * len(features)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    shares: np.ndarray = found.x
    return shares


def log_ratio(rates: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return log(rate / mean) of rates in spikes/s, neither below 0.001."""
    ratio: np.ndarray = np.log(np.maximum(rates, LEAST_HZ) / np.maximum(means, LEAST_HZ))
    return ratio
