"""Flat tables of spikes, one row a spike: neuron, time and, where there are any, trial."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from undertow.checks import one_of
from undertow.data import tables
from undertow.data.recording import Recording
from undertow.errors import DataError, DataWarning
from undertow.memory import check_memory
from undertow.names import listed, printable, shown

Clock = Literal["trial", "recording"]
CLOCKS = ("trial", "recording")
GAP_S = 10.0
"""Least time between trials that are put side by side on one clock, in seconds."""


def recording_from_table(
    neuron_ids: Any,
    spike_times_s: Any,
    trial_ids: Any = None,
    *,
    clock: Clock | None = None,
    trials: Mapping[str, Any] | None = None,
    units: Mapping[str, Any] | None = None,
    all_neuron_ids: Any = None,
    all_trial_ids: Any = None,
) -> Recording:
    """A `Recording` from a table with one row a spike.

    Without trials, times run on through the recording, to be aligned with `trials` or cut into
    windows. With trials they count either from the start of each trial or through the recording:

    - ``clock="trial"``: time 0 is the start of each trial. Trials are put side by side on a clock
      of their own, with a gap that is marked as not observed; `start_time` is time 0 of each. They
      reach from the earliest spike (or 0) to the latest of all trials, rounded outwards.
    - ``clock="recording"``: `start_time` and `stop_time` are the first and last spike of each
      trial, unless `trials` says better.

    Args:
        neuron_ids: which neuron fired, (spikes,): whole numbers or text.
        spike_times_s: when, (spikes,) in seconds.
        trial_ids: in which trial, (spikes,); None for a recording without.
        clock: what times count from; by default 'recording' where the trials follow each other
            without overlap and no time is negative, else 'trial'.
        trials: trial table: with `trial_ids` one row for each of their sorted values, else event
            times in seconds on the clock of the spikes.
        units: unit table, one row for each of the sorted neuron ids.
        all_neuron_ids, all_trial_ids: all there are, sorted, where some have no spike.

    Raises:
        DataError: for columns of different length, ids or times that are no plain values, or tables
            of another number of rows.
    """
    neurons, times = _ids("neuron ids", neuron_ids), _times(spike_times_s)
    n_ids = None if trial_ids is None else np.shape(trial_ids)[:1]
    if neurons.shape != times.shape or n_ids not in (None, times.shape):
        raise DataError(
            f"a spike table has {neurons.size} neuron ids, {times.size} times"
            f"{'' if n_ids is None else f' and {n_ids[0]} trial ids'}: one of each per spike."
        )
    if times.size == 0:
        raise DataError("the spike table has no rows: there is no spike.")
    check_memory(6 * times.nbytes, f"sorting {times.size} spikes", "read fewer spikes at once.")
    fields: dict[str, Any] = {"trials": dict(trials or {})}
    if trial_ids is not None:
        ids, trial = _numbered(_ids("trial ids", trial_ids), all_trial_ids)
        times, fields = _timed(ids, trial, times, _checked_clock(clock), dict(trials or {}))
    unit_ids, unit = _numbered(neurons, all_neuron_ids)
    order = np.lexsort((times, unit))
    ends = np.cumsum(np.bincount(unit, minlength=unit_ids.size))
    return Recording(
        spike_times=np.split(times[order], ends[:-1]),
        unit_ids=unit_ids,
        units=units or {},
        **fields,
    )


def constant_columns(columns: tables.Columns, ids: np.ndarray) -> dict[str, np.ndarray]:
    """The columns, one value a spike, that say the same for all spikes of each id.

    Returns:
        one value for each of the sorted distinct ids.
    """
    _, first, group = np.unique(ids, return_index=True, return_inverse=True)
    found: dict[str, np.ndarray] = {}
    for name, values in columns.items():
        one = values[first]
        same = one[group] == values
        if values.dtype.kind == "f":
            same |= np.isnan(values) & np.isnan(one[group])
        if same.all():
            found[name] = one
    return found


def with_event(recording: Recording, align: str | None) -> Recording:
    """The recording with the event to align to on its own clock.

    Where trials were put side by side (``clock="trial"``), events count from the start of each, as
    its spikes do.

    Raises:
        DataError: for events outside of the trials.
    """
    name = None if align in ("start_time", "stop_time") else align
    given = None if name is None else recording.trials.get(name)
    if (
        name is None
        or given is None
        or recording.obs_intervals is None
        or given.dtype.kind not in "iuf"
    ):
        return recording
    start_s = recording.trials["start_time"]
    first, last = recording.obs_intervals[0][0] - start_s[0]
    event_s = given.astype(float)
    outside = (event_s < first) | (event_s > last)
    if outside.any():
        raise DataError(
            f"{align} is {event_s[outside][0]:g} s in a trial whose spikes count from "
            f"{first:g} to {last:g} s: give events on the clock of the spikes, or pass "
            "clock='recording' where that is of the whole recording."
        )
    return replace(recording, trials={**recording.trials, name: event_s + start_s})


# --- columns ----------------------------------------------------------------------------------


def _ids(what: str, values: Any) -> np.ndarray:
    """Ids as whole numbers or text; numbers that are whole lose their decimal point."""
    array = tables.plain(values).ravel()
    if array.dtype.kind == "f":
        wrong = ~np.isfinite(array) | (np.trunc(array) != array) | (np.abs(array) > 2e15)
        if wrong.any():
            bad = array[wrong][0]
            raise DataError(f"{what} hold {bad:g}: they must be whole numbers or text.")
        return array.astype(np.int64)
    if array.dtype.kind not in "biuU":
        raise DataError(f"{what} have dtype {array.dtype}: they must be whole numbers or text.")
    if array.dtype.kind == "U" and (array == "").any():
        raise DataError(f"{what} are empty in {int((array == '').sum())} rows: fill them in.")
    return array


def _numbered(ids: np.ndarray, every: Any) -> tuple[np.ndarray, np.ndarray]:
    """The sorted distinct ids, or all there are, and the position of each entry among them."""
    if every is None:
        return np.unique(ids, return_inverse=True)
    known = np.asarray(every)
    return known, np.searchsorted(known, ids)


def _times(values: Any) -> np.ndarray:
    array = tables.plain(values).ravel()
    if array.dtype.kind not in "iuf":
        raise DataError(f"spike times have dtype {array.dtype}: they must be numbers of seconds.")
    times = array.astype(float)
    if bad := int((~np.isfinite(times)).sum()):
        raise DataError(f"spike times hold {bad} NaN or infinite value(s): remove those rows.")
    return times


def _checked_clock(clock: Any) -> Clock | None:
    return None if clock is None else one_of("clock", clock, CLOCKS, DataError)


# --- trials -----------------------------------------------------------------------------------


def _timed(
    ids: np.ndarray,
    trial: np.ndarray,
    times: np.ndarray,
    clock: Clock | None,
    table: dict[str, Any],
) -> tuple[np.ndarray, dict[str, Any]]:
    """Times on one clock, and the trial fields of a `Recording`."""
    rows = {len(column) for column in table.values()}
    if rows - {ids.size}:
        raise DataError(
            f"the trial table has {listed(sorted(rows))} rows: the spikes are of {ids.size} trials "
            f"({printable(str(ids[0]))} … {printable(str(ids[-1]))}), one row each."
        )
    first, last = np.full(ids.size, np.inf), np.full(ids.size, -np.inf)
    np.minimum.at(first, trial, times)
    np.maximum.at(last, trial, times)
    if (clock or _likely_clock(first, last)) == "recording":
        return times, {"trials": _bounds(first, last, table), "trial_ids": ids}
    return _side_by_side(ids, trial, times, table)


def _likely_clock(first: np.ndarray, last: np.ndarray) -> Clock:
    """'recording' where several trials follow each other, in any order of their ids."""
    first, last = first[np.isfinite(first)], last[np.isfinite(first)]  # a trial may have no spike
    order = np.argsort(first)
    apart = (first[order][1:] >= last[order][:-1]).all()
    return "recording" if first.size > 1 and apart and first.min() >= 0 else "trial"


def _bounds(first: np.ndarray, last: np.ndarray, table: dict[str, Any]) -> dict[str, Any]:
    if "start_time" not in table:
        warnings.warn(
            f"the spike table gives the trial of each spike but not when trials start: each of "
            f"{first.size} trials is taken to start at its first spike; give start_time, or "
            "clock='trial' (on the command line --clock trial) where times count from it.",
            DataWarning,
            stacklevel=5,
        )
    empty = ~np.isfinite(first)
    first, last = np.where(empty, np.nan, first), np.where(empty, np.nan, last)
    return {"start_time": first, "stop_time": last, **table}


def _side_by_side(
    ids: np.ndarray, trial: np.ndarray, times: np.ndarray, table: dict[str, Any]
) -> tuple[np.ndarray, dict[str, Any]]:
    start, stop = _round_outwards(min(0.0, float(times.min())), max(0.0, float(times.max())))
    spacing = np.ceil(2 * (stop - start) + GAP_S)
    zeros = np.arange(ids.size) * spacing
    intervals = np.column_stack([zeros + start, zeros + stop])
    own = {"start_time": zeros, "stop_time": zeros + stop}
    clash = [name for name in own if name in table]
    columns = own | {name: column for name, column in table.items() if name not in clash}
    return times + zeros[trial], {
        "trials": columns,
        "trial_ids": ids,
        "obs_intervals": intervals,
    }


def _round_outwards(start: float, stop: float) -> tuple[float, float]:
    """Bounds on whole steps of a tenth to a hundredth of their distance."""
    if not stop > start:
        raise DataError(f"all spikes are at {shown(stop)} s: times of trials must differ.")
    step = 10.0 ** (np.floor(np.log10(stop - start)) - 1)
    # beyond the last spike: a bin that ends on it would leave it out
    return float(np.floor(start / step) * step), float((np.floor(stop / step + 1e-9) + 1) * step)
