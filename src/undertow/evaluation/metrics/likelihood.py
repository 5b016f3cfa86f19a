"""Poisson likelihood scores: bits per spike, co-smoothing, forward prediction.

They are those of the Neural Latents Benchmark.
"""

import numpy as np
from numpy.typing import ArrayLike

from undertow.errors import DataError
from undertow.evaluation.metrics.arrays import (
    ZERO_RATE,
    as_numbers,
    check_leading,
    check_observed_rates,
    check_same_shape,
    row_blocks,
)


def negative_log_likelihood(rates: ArrayLike, spikes: ArrayLike) -> float:
    """Poisson negative log-likelihood in nats, summed: Σ (r − n ln r + ln n!).

    Args:
        rates: r, expected spikes **per bin** (not spikes/s), any shape; zeros count as 1e-9.
        spikes: n, counts per bin, the same shape; where NaN, the entry is dropped from both.

    Raises:
        DataError: when shapes differ, or a rate is NaN, negative or infinite where spikes were
            observed.
    """
    from scipy.special import gammaln

    r, n = as_numbers("rates", rates), as_numbers("spikes", spikes)
    check_same_shape(rates=r, spikes=n)
    check_observed_rates(r, n)
    total = 0.0
    for part in row_blocks(n):
        mean, count = _observed_entries(r[part], n[part])
        total += float(np.sum(mean - count * np.log(mean) + gammaln(count + 1.0)))
    return total


def _observed_entries(rates: np.ndarray, spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The expected counts and spikes of all observed entries, flat."""
    observed = ~np.isnan(spikes)
    r, n = rates[observed].astype(np.float64), spikes[observed].astype(np.float64)
    # a rate of exactly 0 would make one spike cost infinitely much
    return np.where(r == 0, ZERO_RATE, r), n


def bits_per_spike(rates: ArrayLike, spikes: ArrayLike) -> float:
    """Information the rates carry beyond each neuron's mean, in bits per spike.

    (NLL_null − NLL_model) / (Σ n · ln 2), one number pooled over all trials, bins and neurons; the
    null model is each neuron's mean count over the same spikes (Neural Latents Benchmark; Pei et
    al. 2021).

    Args:
        rates: expected spikes **per bin** (not spikes/s), (..., neurons).
        spikes: counts per bin, the same shape; NaN where not observed.

    Raises:
        DataError: as `negative_log_likelihood`, or when there is no spike at all.
    """
    n = as_numbers("spikes", spikes)
    total = sum(float(np.nansum(n[part], dtype=np.float64)) for part in row_blocks(n))
    if n.ndim == 0 or not total > 0:
        raise DataError(
            "bits per spike cannot be computed: spikes holds no spike. Pass (..., neurons) with "
            "spikes."
        )
    # the null model knows the means of the scored spikes themselves, as the benchmark's does
    gain = negative_log_likelihood(mean_counts(n), n) - negative_log_likelihood(rates, n)
    return float(gain / total / np.log(2))


def mean_counts(spikes: np.ndarray) -> np.ndarray:
    """Each neuron's mean count per observed bin, repeated to the shape of `spikes`."""
    axes = tuple(range(spikes.ndim - 1))
    if not axes:
        return np.array(spikes, np.float64)
    bins, total = np.zeros(spikes.shape[-1]), np.zeros(spikes.shape[-1])
    for part in row_blocks(spikes):
        bins += np.sum(~np.isnan(spikes[part]), axis=axes)
        total += np.nansum(spikes[part], axis=axes, dtype=np.float64)
    return np.broadcast_to(total / np.maximum(bins, 1), spikes.shape)


def co_smoothing_bps(rates_heldout: ArrayLike, spikes_heldout: ArrayLike) -> float:
    """Co-smoothing: bits per spike of neurons the model was not shown.

    Args:
        rates_heldout: expected spikes **per bin**, (trials, time, held-out neurons).
        spikes_heldout: counts per bin, the same shape.

    Raises:
        DataError: as `bits_per_spike`.
    """
    return bits_per_spike(
        as_numbers("rates_heldout", rates_heldout, 3),
        as_numbers("spikes_heldout", spikes_heldout, 3),
    )


def forward_bps(
    rates_heldin: ArrayLike,
    spikes_heldin: ArrayLike,
    rates_heldout: ArrayLike,
    spikes_heldout: ArrayLike,
) -> float:
    """Forward prediction: bits per spike in bins after the window, all neurons.

    Args:
        rates_heldin: expected spikes **per bin** of held-in neurons in the forward bins, (trials,
            bins, neurons).
        spikes_heldin: their counts per bin.
        rates_heldout: the same of held-out neurons, joined after the held-in ones.
        spikes_heldout: their counts per bin.

    Raises:
        DataError: as `bits_per_spike`, or when the two parts differ in trials or bins.
    """
    parts = {
        name: as_numbers(name, value, 3)
        for name, value in {
            "rates_heldin": rates_heldin,
            "rates_heldout": rates_heldout,
            "spikes_heldin": spikes_heldin,
            "spikes_heldout": spikes_heldout,
        }.items()
    }
    check_leading(2, **parts)
    rates_in, rates_out, spikes_in, spikes_out = parts.values()
    return bits_per_spike(
        np.concatenate([rates_in, rates_out], axis=2),
        np.concatenate([spikes_in, spikes_out], axis=2),
    )
