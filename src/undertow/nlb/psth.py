"""Peri-stimulus time histograms of the benchmark, and which trials belong to their conditions."""

from collections.abc import Mapping, Sequence

import numpy as np

from undertow.data.readers.nlb_sets import NLBSet
from undertow.errors import DataError
from undertow.names import listed
from undertow.nlb.cutting import count_spikes, end_bin, first_bin, gather, sum_groups
from undertow.nlb.session import NS_PER_MS, POPULATIONS, Population, Session
from undertow.nlb.tensors import as_ragged

SHORTEST = 0.8
"""Trials shorter than this share of their condition's mean length are left out."""


def psth_targets(
    session: Session, entry: NLBSet, bin_ms: int, parts: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The targets `psth` and `{part}_cond_idx` of a set.

    `psth` is (conditions, bins, held-in and held-out units) in spikes per bin.

    Spikes are smoothed at 1 ms, then summed to bins; trials of both parts are averaged. A
    condition's indices count the trials within the part.

    Args:
        session: what the files hold.
        entry: the set; it must have conditions.
        bin_ms: 5 or 20.
        parts: 'train' and 'eval', the rows of their trials.
    """
    rows = np.sort(np.concatenate(list(parts.values())))
    kernel = gaussian_kernel(entry.psth_std_ms)
    means = [
        _condition_mean(session, entry, bin_ms, chosen, kernel)
        for chosen in _rows_by_condition(session, entry, rows)
    ]
    at_end = bool(entry.start_column)
    targets = {
        "psth": np.stack([_padded(rates, entry.n_bins(bin_ms), at_end) for _, rates in means])
    }
    for part, part_rows in parts.items():
        name = f"{part}_cond_idx"
        targets[name] = as_ragged(
            name, [np.flatnonzero(np.isin(part_rows, averaged)) for averaged, _ in means]
        )
    return targets


def _rows_by_condition(session: Session, entry: NLBSet, rows: np.ndarray) -> list[np.ndarray]:
    """The rows of each condition, without outliers.

    Conditions come in the order of their values.
    """
    if entry.outlier_column:
        rows = rows[session.trials[entry.outlier_column][rows] != 1]
    values = np.stack([session.trials[name] for name in entry.conditions], axis=1)
    rows = rows[np.isfinite(values[rows]).all(axis=1)]
    if not rows.size:
        raise DataError(
            f"no trial has a condition: {listed(entry.conditions)} are NaN in all trials that are "
            "used."
        )
    conditions, number = np.unique(values[rows], axis=0, return_inverse=True)
    return [rows[number.ravel() == k] for k in range(len(conditions))]


def _condition_mean(
    session: Session, entry: NLBSet, bin_ms: int, rows: np.ndarray, kernel: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The rows averaged, and their mean (bins, units) in spikes per bin.

    The mean is over the bins that all of these trials have.
    """
    first, n_bins = _extents(session, entry, bin_ms, rows)
    # the mean below covers only bins all trials have: one short trial would cut it for all
    long = n_bins >= max(SHORTEST * n_bins.mean(where=n_bins > 0), 1)
    rows, first, n_bins = rows[long], first[long], n_bins[long]
    # bins from the event: trials are averaged at equal times from it, not from their first bins
    place = first - first_bin(session.trials[entry.align][rows], bin_ms)
    extents = list(zip(first, n_bins, place - place.min(), strict=True))
    parts = [
        _mean_rates(session.populations[name], extents, bin_ms, kernel) for name in POPULATIONS
    ]
    mean = np.concatenate(parts, axis=1)
    # sets with a start column share the end of their trials, the event; the others the start
    return rows, mean[-n_bins.min() :] if entry.start_column else mean[: n_bins.min()]


def _extents(
    session: Session, entry: NLBSet, bin_ms: int, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First bin and number of bins of each trial.

    A trial ends at the latest where the next one of the rows starts.
    """
    event_ns = session.trials[entry.align][rows]
    start_ns, stop_ns = (event_ns + edge_ms * NS_PER_MS for edge_ms in entry.window_ms)
    if entry.start_column:
        start_ns = session.trials[entry.start_column][rows]
    following_ns = np.append(session.trials["start_time"][1:], np.nan)[rows]
    # trials of one condition must not overlap: no spike is averaged twice
    stop_ns[:-1] = np.minimum(stop_ns[:-1], np.fmin(following_ns, start_ns)[1:])
    first = first_bin(start_ns, bin_ms)
    return first, np.maximum(end_bin(stop_ns, bin_ms) - first, 0)


def _mean_rates(
    population: Population, extents: Sequence[tuple[int, int, int]], bin_ms: int, kernel: np.ndarray
) -> np.ndarray:
    """Mean over trials of smoothed spikes per bin, (bins, units).

    Each of the extents is a trial's first bin, its number of bins, and the place of its first bin
    in the mean.

    Trials observed alike are summed before they are smoothed, which is linear.
    """
    margin = len(kernel) // 2
    alike: dict[tuple[int, int, bytes], list[int]] = {}
    for first, n_bins, place in extents:
        # half a kernel more on both sides, cut off after smoothing: edges see their neighbours
        start_ms = first * bin_ms - margin
        observed = gather(population.observed, np.array([start_ms]), n_bins * bin_ms + 2 * margin)
        alike.setdefault((n_bins, place, observed.tobytes()), []).append(start_ms)
    total = np.zeros(
        (max(place + n_bins for _, n_bins, place in extents), len(population.unit_ids))
    )
    seen = np.zeros_like(total)
    for (n_bins, place, observed_bytes), starts_ms in alike.items():
        mask = np.frombuffer(observed_bytes, bool)
        counts = count_spikes(population, np.array(starts_ms), mask.size, 1).sum(
            axis=0, dtype=float
        )
        rates = sum_groups(
            smooth_observed(counts, mask, kernel)[margin : mask.size - margin], bin_ms
        )
        total[place : place + n_bins] += np.nan_to_num(rates)
        seen[place : place + n_bins] += len(starts_ms) * np.isfinite(rates)
    return np.where(seen > 0, total / np.maximum(seen, 1), np.nan)


def _padded(rates: np.ndarray, n_bins: int, at_end: bool) -> np.ndarray:
    """Rates cut or filled with NaN to `n_bins`, at the end of the window or at its beginning."""
    padded = np.full((n_bins, rates.shape[1]), np.nan)
    n_kept = min(n_bins, len(rates))
    if at_end:
        padded[n_bins - n_kept :] = rates[len(rates) - n_kept :]
    else:
        padded[:n_kept] = rates[:n_kept]
    return padded


def gaussian_kernel(std_ms: int) -> np.ndarray:
    """A Gaussian kernel at 1 ms over six standard deviations, of sum 1."""
    from scipy.signal.windows import gaussian

    kernel = gaussian(int(6 * std_ms), std_ms, sym=True)
    return np.asarray(kernel / kernel.sum())


def smooth_observed(counts: np.ndarray, observed: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Smooth each stretch of observed samples by itself, (time, units).

    NaN elsewhere.
    """
    from scipy.signal import fftconvolve

    smoothed = np.full(counts.shape, np.nan)
    edges = np.flatnonzero(np.diff(observed, prepend=False, append=False))
    for start, stop in edges.reshape(-1, 2):
        stretch = fftconvolve(counts[start:stop].astype(float), kernel[:, None], "full", axes=0)
        before = (len(kernel) - 1) // 2
        # convolution by Fourier transform leaves tiny negative rates
        smoothed[start:stop] = np.maximum(stretch[before : before + stop - start], 0.0)
    return smoothed
