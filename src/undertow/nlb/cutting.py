"""Cutting trials out of a session in bins that lie on its clock.

Spikes are counted, behaviour is filtered and decimated, and DMFC_RSG's trials are shifted at
random.
"""

import numpy as np

from undertow.nlb.session import NS_PER_MS, Population

EXCLUSIVE_NS = 1000
"""A trial ends this long before the end of its window."""
FILTER_ORDER = 500
LONGEST_MS, LARGEST_MS, JITTER_SEED = 1500.0, 300.0, 0


def first_bin(times_ns: np.ndarray, bin_ms: int) -> np.ndarray:
    """The first bin that starts at a time or later."""
    return np.ceil(times_ns / (bin_ms * NS_PER_MS)).astype(int)


def end_bin(times_ns: np.ndarray, bin_ms: int) -> np.ndarray:
    """The bin after the last one that starts before a time."""
    return np.floor((times_ns - EXCLUSIVE_NS) / (bin_ms * NS_PER_MS)).astype(int) + 1


def count_spikes(
    population: Population, starts_ms: np.ndarray, n_bins: int, bin_ms: int
) -> np.ndarray:
    """Spikes per bin, (trials, bins, units) uint8, of trials that start at `starts_ms`.

    Trials may overlap.
    """
    counts = np.zeros((len(starts_ms), n_bins, len(population.unit_ids)), np.uint8)
    low, high = (
        np.searchsorted(population.spikes_ms, starts_ms + edge) for edge in (0, n_bins * bin_ms)
    )
    n_spikes = high - low
    trial = np.repeat(np.arange(len(starts_ms)), n_spikes)
    spike = np.arange(n_spikes.sum()) + np.repeat(low - np.cumsum(n_spikes) + n_spikes, n_spikes)
    bins = (population.spikes_ms[spike] - starts_ms[trial]) // bin_ms
    entry = np.ravel_multi_index((trial, bins, population.spike_units[spike]), counts.shape)
    np.add.at(counts.reshape(-1), entry, np.uint8(1))
    return counts


def gather(samples: np.ndarray, first: np.ndarray, n_time: int) -> np.ndarray:
    """Stretches of `n_time` samples that start at `first`, (trials, n_time, …).

    NaN (False for booleans) before and after the samples.
    """
    index = first[:, None] + np.arange(n_time)
    inside = (index >= 0) & (index < len(samples))
    missing = False if samples.dtype == bool else np.nan
    stretches = np.full((*index.shape, *samples.shape[1:]), missing, samples.dtype)
    stretches[inside] = samples[index[inside]]
    return stretches


def cut_spikes(population: Population, first: np.ndarray, n_bins: int, bin_ms: int) -> np.ndarray:
    """Spikes per bin, (trials, bins, units) float32.

    NaN in a bin whose first millisecond was not observed.
    """
    spikes = count_spikes(population, first * bin_ms, n_bins, bin_ms).astype(np.float32)
    # the benchmark's rule: the first millisecond stands for the whole bin
    spikes[~gather(population.observed[::bin_ms], first, n_bins)] = np.nan
    return spikes


def resample_signal(values: np.ndarray, bin_ms: int) -> np.ndarray:
    """Every `bin_ms`-th sample of a signal, (bins, channels), low-pass filtered.

    The filter has zero phase; NaN stays NaN.

    Gaps are filled linearly before the filter, ends with the nearest value.
    """
    from scipy.signal import decimate

    if np.isnan(values).all():
        return values[::bin_ms]
    filled = np.stack([_filled(channel) for channel in values.T], axis=1)
    decimated = decimate(filled, bin_ms, n=FILTER_ORDER, ftype="fir", axis=0, zero_phase=True)
    missing = np.isnan(values[::bin_ms])
    return np.asarray(np.where(missing, values.dtype.type(np.nan), decimated))


def _filled(channel: np.ndarray) -> np.ndarray:
    there = np.flatnonzero(np.isfinite(channel))
    if there.size in (0, channel.size):
        return channel
    return np.asarray(np.interp(np.arange(channel.size), there, channel[there]), channel.dtype)


def sum_groups(values: np.ndarray, size: int) -> np.ndarray:
    """Sums of `size` rows at a time, (groups, columns).

    NaN is taken as 0; a group is NaN where its first row is.
    """
    groups = values.reshape(-1, size, values.shape[1])
    return np.where(np.isnan(groups[:, 0]), np.nan, np.nansum(groups, axis=1))


def jitter_bins(produced_ms: np.ndarray, shifted: np.ndarray, bin_ms: int) -> np.ndarray:
    """How many bins later than its event each trial of DMFC_RSG is aligned, (trials,) integers.

    Uniform from 0 to what the produced time leaves of 1500 ms, at most 300 ms; 0 where not
    `shifted`. Drawn by the legacy generator from a fixed seed, because the published targets were;
    one number a trial, shifted or not.
    """
    room_ms = np.where(shifted, np.clip(LONGEST_MS - produced_ms, 0.0, LARGEST_MS), 0.0)
    # rounded first: a rounding error must not cost a whole bin
    high = np.floor(np.round(room_ms / bin_ms, 4))
    return np.round(np.random.RandomState(JITTER_SEED).random_sample(len(high)) * high).astype(int)
