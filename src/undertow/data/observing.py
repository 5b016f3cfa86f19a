"""Where the recording is: spikes counted where there is one, and missing where there is none."""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from undertow.data.aligning import ENDLESS
from undertow.data.binning import TIME_TOLERANCE_S, ObservedBins, count_spikes
from undertow.data.large import counts_by_unit
from undertow.data.overlaps import percent
from undertow.data.tables import Columns
from undertow.errors import DataWarning
from undertow.names import listed

FEWEST_SPIKES = 20
"""Fewer, of all units together, do not tell where a recording starts and stops."""
SILENCES = 2.0
"""A recording goes on for so many of its longest silences before and after its spikes."""
CELLS = 2**20
"""Into which a recording is divided to find its longest silence."""

Span = tuple[float, float]


def recorded_span_s(
    spike_times: Sequence[np.ndarray], obs_intervals: Sequence[np.ndarray] | None, trials: Columns
) -> Span:
    """Start and stop of the recording in seconds.

    With observed intervals they are the first start and the last stop of any. Without, the
    recording runs from the first to the last spike of the population, and on for twice the longest
    silence inside it, so that slow populations keep their zeros at the edges; and to the start and
    stop times of the trials that reach into that. With fewer than 20 spikes it has no bounds.

    Args:
        spike_times: sorted times of each unit's spikes, in seconds.
        obs_intervals: (n, 2) of each unit, or None.
        trials: the trial table.
    """
    if obs_intervals is not None:
        return _extent(obs_intervals)
    if sum(times.size for times in spike_times) < FEWEST_SPIKES:
        return -np.inf, np.inf
    first, last = _extent(spike_times)
    margin = SILENCES * longest_silence_s(spike_times, (first, last))
    return _with_trials((first - margin, last + margin), trials)


def longest_silence_s(spike_times: Sequence[np.ndarray], span_s: Span) -> float:
    """The longest time without any unit's spike inside the span, to 1 part in 10⁶ of it."""
    first, last = span_s
    occupied = np.zeros(CELLS + 1, bool)
    for times in spike_times:
        if last > first:
            occupied[((times - first) / (last - first) * CELLS).astype(int)] = True
    return float(np.diff(np.flatnonzero(occupied)).max(initial=0)) * (last - first) / CELLS


def _extent(arrays: Sequence[np.ndarray]) -> Span:
    held = [array for array in arrays if array.size]
    if not held:
        return -np.inf, np.inf
    return min(float(a.min()) for a in held), max(float(a.max()) for a in held)


def _with_trials(span_s: Span, trials: Columns) -> Span:
    """The span, longer where a trial that begins or ends in it reaches out of it."""
    if not {"start_time", "stop_time"} <= set(trials):
        return span_s
    columns = [trials[name] for name in ("start_time", "stop_time")]
    if any(column.dtype.kind not in "iuf" for column in columns):
        return span_s
    start, stop = (column.astype(float) for column in columns)
    known = np.isfinite(start) & np.isfinite(stop) & (stop > start)
    length = np.where(known, stop - start, np.nan)
    usual = known & (length <= ENDLESS * np.median(length[known])) if known.any() else known
    into = usual & (stop > span_s[0]) & (start < span_s[1])
    return (
        float(min(span_s[0], start[into].min(initial=np.inf))),
        float(max(span_s[1], stop[into].max(initial=-np.inf))),
    )


def observed_counts(
    spike_times: Sequence[np.ndarray],
    obs_intervals: list[np.ndarray] | None,
    trials: Columns,
    edges: np.ndarray,
    lengths: np.ndarray,
    trial_ids: np.ndarray,
) -> Any:
    """Spikes per bin, (trials, time, units); NaN outside the recording, and past a trial's end.

    They are an array, or of a large recording `undertow.data.large.LazyCounts`.

    A warning counts the trials that reach out of the recording.

    Args:
        spike_times, obs_intervals, trials: of the recording.
        edges: of the bins, (trials, time + 1) in seconds.
        lengths: bins of each trial, (trials,).
        trial_ids: of the trials, for the warning.
    """
    within = np.arange(edges.shape[1] - 1) < lengths[:, None]
    first, last = _extent(obs_intervals or spike_times)
    missing = ~within
    if edges[:, 0].min() < first or edges[:, -1].max() > last:
        span_s = recorded_span_s(spike_times, obs_intervals, trials)
        outside = within & ~_inside(edges, span_s)
        missing |= outside
        _warn_outside(outside, within, span_s, trial_ids)
    observed = ObservedBins(obs_intervals, edges)
    most = partial(_most_entries, spike_times, edges, missing, observed)
    held = counts_by_unit(missing.shape, len(spike_times), most)
    for unit, times in enumerate(spike_times):
        held.add(unit, count_spikes(times, edges), missing | ~observed[unit])
    return held.finished()


def _most_entries(
    spike_times: Sequence[np.ndarray],
    edges: np.ndarray,
    missing: np.ndarray,
    observed: ObservedBins,
) -> np.ndarray:
    """Spikes of each trial, and bins in which units were not observed, (trials,)."""
    window = edges[:, [0, -1]]
    found = np.zeros(len(edges), np.int64)
    for unit, times in enumerate(spike_times):
        found += count_spikes(times, window)[:, 0]
        found += (missing | ~observed[unit]).sum(1)
    return found


def _inside(edges: np.ndarray, span_s: Span) -> np.ndarray:
    """True where a bin lies wholly in the span, (trials, time)."""
    after = edges[:, :-1] >= span_s[0] - TIME_TOLERANCE_S
    return after & (edges[:, 1:] <= span_s[1] + TIME_TOLERANCE_S)


def _warn_outside(
    outside: np.ndarray, within: np.ndarray, span_s: Span, trial_ids: np.ndarray
) -> None:
    reach = outside.any(axis=1)
    if not reach.any():
        return
    wholly = trial_ids[(outside == within).all(axis=1)]
    share = percent(outside.sum() / within.sum())
    more = (
        f" {wholly.size} of them lie wholly outside: leave out {listed(wholly.tolist(), 5)}."
        if wholly.size
        else ""
    )
    warnings.warn(
        f"{reach.sum()} of {reach.size} trials reach out of the recording, which runs from "
        f"{span_s[0]:g} to {span_s[1]:g} s: {share} of the bins lie "
        f"outside, and are missing (NaN).{more}",
        DataWarning,
        stacklevel=5,
    )
