"""Cutting trials out of a session in bins that lie on its clock."""

import numpy as np

from undertow.data.nlb.session import NS_PER_MS, Population

EXCLUSIVE_NS = 1000
"""A trial ends this long before the end of its window."""


def first_bin(times_ns: np.ndarray, bin_ms: int) -> np.ndarray:
    """The first bin that starts at a time or later."""
    return np.ceil(times_ns / (bin_ms * NS_PER_MS)).astype(int)


def end_bin(times_ns: np.ndarray, bin_ms: int) -> np.ndarray:
    """The bin after the last one that starts before a time."""
    return np.floor((times_ns - EXCLUSIVE_NS) / (bin_ms * NS_PER_MS)).astype(int) + 1


def count_spikes(
    population: Population, starts_ms: np.ndarray, n_bins: int, bin_ms: int
) -> np.ndarray:
    """Spikes per bin, (trials, bins, units) uint8, of trials that start at `starts_ms`; they may
    overlap."""
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
    """Stretches of `n_time` samples that start at `first`, (trials, n_time, …); NaN (False) before
    and after the samples."""
    index = first[:, None] + np.arange(n_time)
    inside = (index >= 0) & (index < len(samples))
    missing = False if samples.dtype == bool else np.nan
    stretches = np.full((*index.shape, *samples.shape[1:]), missing, samples.dtype)
    stretches[inside] = samples[index[inside]]
    return stretches


def cut_spikes(population: Population, first: np.ndarray, n_bins: int, bin_ms: int) -> np.ndarray:
    """Spikes per bin, (trials, bins, units) float32; NaN in a bin whose first millisecond was not
    observed."""
    spikes = count_spikes(population, first * bin_ms, n_bins, bin_ms).astype(np.float32)
    spikes[~gather(population.observed[::bin_ms], first, n_bins)] = np.nan
    return spikes
