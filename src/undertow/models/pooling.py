"""Log-linear pools: rates of several models, multiplied with powers chosen on validation spikes."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

MOST_SHARE = 2.0
PRIOR_STD = 0.5
"""Spread of a share about where it starts, for pools that few spikes are there to choose."""
OWN_STD, GAIN_STD = 0.07, 0.05
"""Spread of a neuron's own shares about those of all, and of the logarithm of its gain about 0."""
LEAST_HZ = 1e-3


def choose_shares(
    log_ratios: Sequence[np.ndarray],
    counts: np.ndarray,
    expected: np.ndarray,
    start: np.ndarray,
    stds: float | np.ndarray = PRIOR_STD,
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
        stds: spread of each about that.

    Returns:
        The powers, (models,), each from 0 to 2.
    """
    stds = np.broadcast_to(stds, start.shape)
    return _likeliest(log_ratios, counts, expected, start, stds)


def choose_by_neuron(
    log_ratios: Sequence[np.ndarray], counts: np.ndarray, expected: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Choose each neuron's own powers, near those of all, and its gain.

    Rates of some neurons are too wild where those of others are not. log rate = log mean + log gain
    + Σ_k w_k log(rate_k / mean), with normal priors that are narrow, as one neuron has few spikes.

    Args:
        log_ratios, counts: as in `choose_shares`, the last axis of neurons.
        expected: mean spikes per bin, (neurons,).
        shares: the powers of all neurons together, (models,).

    Returns:
        Powers, (models, neurons), and logarithms of gains, (neurons,). A model whose power is 0 for
        all has none for a neuron; one that was not observed has the powers of all.
    """
    used = [k for k, share in enumerate(shares) if share > 0]
    start = np.append(shares[used], 0.0)
    stds = np.append(np.full(len(used), OWN_STD), GAIN_STD)
    own, gains = np.tile(shares[:, None], counts.shape[-1]), np.zeros(counts.shape[-1])
    constant = np.ones(counts.shape[:-1])
    for n in range(counts.shape[-1]):
        ratios = [*(log_ratios[k][..., n] for k in used), constant]
        found = _likeliest(ratios, counts[..., n], expected[n], start, stds, free=1)
        own[used, n], gains[n] = found[:-1], found[-1]
    return own, gains


def _likeliest(
    log_ratios: Sequence[np.ndarray],
    counts: np.ndarray,
    expected: np.ndarray,
    start: np.ndarray,
    stds: np.ndarray,
    free: int = 0,
) -> np.ndarray:
    """Return the powers of largest likelihood and prior; the last `free` have no bounds."""
    observed = ~np.isnan(counts)
    features = np.stack([each[observed] for each in log_ratios]).astype(np.float64)
    spikes = counts[observed].astype(np.float64)
    means = np.broadcast_to(expected, counts.shape)[observed].astype(np.float64)

    def loss(shares: np.ndarray) -> tuple[float, np.ndarray]:
        logs = shares @ features
        rates = means * np.exp(np.minimum(logs, 50.0))
        apart = (shares - start) / stds**2
        value = rates.sum() - spikes @ logs + 0.5 * apart @ (shares - start)
        return float(value), features @ (rates - spikes) + apart

    bounds = [(0.0, MOST_SHARE)] * (len(features) - free) + [(None, None)] * free
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    shares: np.ndarray = found.x
    return shares


def log_ratio(rates: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return log(rate / mean) of rates in spikes/s, neither below 0.001."""
    ratio: np.ndarray = np.log(np.maximum(rates, LEAST_HZ) / np.maximum(means, LEAST_HZ))
    return ratio
