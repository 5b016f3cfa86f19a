"""Reading NWB files of the benchmark, each once: small tables first, spikes and behaviour after all
checks."""

from contextlib import ExitStack
from typing import Any

import numpy as np

from undertow.data.nlb.checking import check_files
from undertow.data.nlb.opening import OpenFile, Paths, find_series, nwb_paths, open_file
from undertow.data.nlb.session import Population, Session, join_sessions
from undertow.data.nlb.sets import NLBSet
from undertow.data.nlb.tensors import Phase
from undertow.errors import DataError

PER_S = 1000.0
GRID_MS = 5e-4
"""How far from a whole millisecond a sample of behaviour may lie."""


def read_session(paths: Paths, entry: NLBSet, phase: Phase) -> Session:
    """Read the files of a set and join them in the order of their names.

    Raises:
        DataError: for files that are not of the set, or have no trials for the phase; before spikes
            are read.
    """
    with ExitStack() as stack:
        files = [open_file(stack, path, entry) for path in nwb_paths(paths)]
        check_files(files, entry, phase)
        return join_sessions([_read(file, entry) for file in files])


def _read(file: OpenFile, entry: NLBSet) -> Session:
    intervals = [_intervals(file, row) for row in range(len(file.unit_ids))]
    n_ms = round(max((float(each[-1, 1]) for each in intervals if len(each)), default=0.0) * PER_S)
    rows = {"heldin": np.flatnonzero(~file.heldout), "heldout": np.flatnonzero(file.heldout)}
    return Session(
        n_ms,
        {name: _population(file, chosen, intervals, n_ms) for name, chosen in rows.items()},
        file.trials,
        _behavior(file, entry.behavior_series, n_ms) if entry.behavior_series else None,
    )


def _intervals(file: OpenFile, row: int) -> np.ndarray:
    """When a unit was observed, (n, 2) start and stop in seconds."""
    return np.asarray(file.nwb.units.get_unit_obs_intervals(row), float).reshape(-1, 2)


def _population(
    file: OpenFile, rows: np.ndarray, intervals: list[np.ndarray], n_ms: int
) -> Population:
    """Units observed while the first of them was."""
    observed = _observed(intervals[rows[0]], n_ms) if rows.size else np.zeros(n_ms, bool)
    trains = [_spikes_ms(file.nwb.units.get_unit_spike_times(int(row)), observed) for row in rows]
    spikes_ms = np.concatenate([np.zeros(0, np.int32), *trains])
    units = np.repeat(np.arange(len(trains), dtype=np.int32), [train.size for train in trains])
    order = np.argsort(spikes_ms, kind="stable")
    return Population(file.unit_ids[rows], spikes_ms[order], units[order], observed)


def _observed(intervals: np.ndarray, n_ms: int) -> np.ndarray:
    """Whether each millisecond lies wholly within one of the intervals, (n_ms,)."""
    observed = np.zeros(n_ms, bool)
    edges_ms = np.round(intervals * PER_S, 6)
    for start, stop in zip(np.ceil(edges_ms[:, 0]), np.floor(edges_ms[:, 1]), strict=True):
        observed[int(start) : int(stop)] = True
    return observed


def _spikes_ms(times_s: Any, observed: np.ndarray) -> np.ndarray:
    """The observed milliseconds that spikes fall into; a time is cut, not rounded, to its
    millisecond."""
    spikes_ms = np.round(np.asarray(times_s, float) * PER_S, 6).astype(np.int32)
    spikes_ms = spikes_ms[(spikes_ms >= 0) & (spikes_ms < observed.size)]
    return np.asarray(spikes_ms[observed[spikes_ms]])


def _behavior(file: OpenFile, name: str, n_ms: int) -> np.ndarray | None:
    """The series on the clock of 1 ms, (n_ms, channels), as stored; None where the file has none.

    Raises:
        DataError: when its samples do not lie on whole milliseconds.
    """
    series = find_series(file.nwb, name)
    if series is None:
        return None
    data = np.asarray(series.data[:])
    data = data.reshape(len(data), -1)
    times_ms = _timestamps(series) * PER_S
    index = np.rint(times_ms).astype(int)
    if np.abs(times_ms - index).max(initial=0) > GRID_MS:
        raise DataError(
            f"{name!r} in {file.path} has samples between milliseconds: the benchmark's files are "
            "sampled at 1 kHz."
        )
    values = np.full((n_ms, data.shape[1]), np.nan, np.result_type(data.dtype, np.float32))
    inside = (index >= 0) & (index < n_ms)
    values[index[inside]] = data[inside]
    return values


def _timestamps(series: Any) -> np.ndarray:
    """Sample times in seconds."""
    if series.timestamps is not None:
        return np.asarray(series.timestamps[:], float)
    return float(series.starting_time) + np.arange(len(series.data)) / float(series.rate)
