"""`Session`: what NWB files of the benchmark hold, each read once and joined on a clock of 1 ms."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.data.readers.nlb_sets import NLBSet
from undertow.data.readers.schema import Declared, check_kind, check_sizes
from undertow.errors import DataError
from undertow.memory import check_memory
from undertow.nlb.opening import (
    TIME_SUFFIX,
    OpenFile,
    Paths,
    check_files,
    find_series,
    nwb_paths,
    open_file,
)
from undertow.nlb.tensors import Phase

POPULATIONS = ("heldin", "heldout")
GAP_S = 0.05
NS_PER_MS = 1_000_000
PER_S = 1000.0
BYTES_A_MS = 100.0
"""What a millisecond takes: two populations, and behaviour while it is filtered."""
GRID_MS = 5e-4
"""How far from a whole millisecond a sample of behaviour may lie."""


@dataclass(frozen=True, eq=False)
class Population:
    """The held-in or the held-out units.

    Attributes:
        unit_ids: labels, in file order, (units,).
        spikes_ms: the milliseconds that observed spikes of all units fall into, sorted, (spikes,).
        spike_units: the position of each spike's unit, (spikes,).
        observed: whether the population was recorded in each millisecond, (n_ms,).
    """

    unit_ids: np.ndarray
    spikes_ms: np.ndarray
    spike_units: np.ndarray
    observed: np.ndarray


@dataclass(frozen=True, eq=False)
class Session:
    """Spikes, trial table and behaviour on one clock of 1 ms that starts at 0.

    Attributes:
        n_ms: length.
        populations: 'heldin' and 'heldout'.
        trials: column → one value a trial; 'split' and numbers, times (`*_time`) in whole
            nanoseconds.
        behavior: the series decoded, (n_ms, channels), NaN where there is none; None where no file
            has it.
    """

    n_ms: int
    populations: Mapping[str, Population]
    trials: Mapping[str, np.ndarray]
    behavior: np.ndarray | None


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
    check_memory(
        BYTES_A_MS * float(n_ms),
        f"the session of {n_ms / PER_S:g} s in {file.path} (by its units.obs_intervals)",
        "check that its times are in seconds.",
    )
    rows = {"heldin": np.flatnonzero(~file.heldout), "heldout": np.flatnonzero(file.heldout)}
    return Session(
        n_ms,
        {name: _population(file, chosen, intervals, n_ms) for name, chosen in rows.items()},
        file.trials,
        _behavior(file, entry.behavior_series, n_ms) if entry.behavior_series else None,
    )


def _intervals(file: OpenFile, row: int) -> np.ndarray:
    """When a unit was observed, (n, 2) start and stop in seconds.

    Raises:
        DataError: for a stretch that ends before it starts, or at no time.
    """
    what = f"units.obs_intervals of row {row}"
    intervals = _numbers(file, what, file.nwb.units.get_unit_obs_intervals(row))
    if intervals.size % 2 or (np.diff(intervals.reshape(-1, 2)) < 0).any():
        raise DataError(f"{what} in {file.path} are no pairs of a start and a later stop.")
    return intervals.reshape(-1, 2)


def _numbers(file: OpenFile, what: str, values: Any) -> np.ndarray:
    """Finite numbers of a file, as float64.

    Raises:
        DataError: for anything else.
    """
    array = np.asarray(values)
    if array.size:
        check_kind(file.path, what, array.dtype)
    if not np.isfinite(array).all():
        raise DataError(f"{what} in {file.path} hold NaN or infinity: they must be seconds.")
    return array.astype(float)


def _population(
    file: OpenFile, rows: np.ndarray, intervals: list[np.ndarray], n_ms: int
) -> Population:
    """Units observed while the first of them was."""
    observed = _observed(intervals[rows[0]], n_ms) if rows.size else np.zeros(n_ms, bool)
    trains = [
        _spikes_ms(
            _numbers(file, f"spike times of row {row}", file.nwb.units.get_unit_spike_times(row)),
            observed,
        )
        for row in rows.tolist()
    ]
    spikes_ms = np.concatenate([np.zeros(0, np.int32), *trains])
    units = np.repeat(np.arange(len(trains), dtype=np.int32), [train.size for train in trains])
    # sorted over all units, so that a window of all of them is one slice
    order = np.argsort(spikes_ms, kind="stable")
    return Population(file.unit_ids[rows], spikes_ms[order], units[order], observed)


def _observed(intervals: np.ndarray, n_ms: int) -> np.ndarray:
    """Whether each millisecond lies wholly within one of the intervals, (n_ms,)."""
    observed = np.zeros(n_ms, bool)
    # six decimals first, against rounding errors; then inwards, to whole milliseconds
    edges_ms = np.round(intervals * PER_S, 6)
    for start, stop in zip(np.ceil(edges_ms[:, 0]), np.floor(edges_ms[:, 1]), strict=True):
        observed[max(int(start), 0) : max(int(stop), 0)] = True
    return observed


def _spikes_ms(times_s: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """The observed milliseconds that spikes fall into.

    A time is cut, not rounded, to its millisecond.
    """
    # six decimals first: 0.003 s must not become 2.999… and fall into the millisecond before
    whole_ms = np.trunc(np.round(times_s * PER_S, 6))
    spikes_ms = whole_ms[(whole_ms >= 0) & (whole_ms < observed.size)].astype(np.int32)
    return np.asarray(spikes_ms[observed[spikes_ms]])


def _behavior(file: OpenFile, name: str, n_ms: int) -> np.ndarray | None:
    """The series on the clock of 1 ms, (n_ms, channels), as stored.

    None where the file has none.

    Raises:
        DataError: when its samples do not lie on whole milliseconds.
    """
    series = find_series(file.nwb, name)
    if series is None:
        return None
    what = f"time series {name!r}"
    check_sizes(file.path, [Declared(what, series.data.shape, series.data.dtype)])
    check_kind(file.path, what, series.data.dtype)
    data = np.asarray(series.data[:])
    data = data.reshape(len(data), -1 if data.size else 1)
    times_ms = _numbers(file, f"times of {what}", _timestamps(series)) * PER_S
    if len(times_ms) != len(data):
        raise DataError(
            f"{what} in {file.path} has {len(data)} samples and {len(times_ms)} timestamps."
        )
    whole_ms = np.rint(times_ms)
    if np.abs(times_ms - whole_ms).max(initial=0) > GRID_MS:
        raise DataError(
            f"{name!r} in {file.path} has samples between milliseconds: the benchmark's files are "
            "sampled at 1 kHz."
        )
    values = np.full((n_ms, data.shape[1]), np.nan, np.result_type(data.dtype, np.float32))
    inside = (whole_ms >= 0) & (whole_ms < n_ms)
    values[whole_ms[inside].astype(int)] = data[inside]
    return values


def _timestamps(series: Any) -> np.ndarray:
    """Sample times in seconds."""
    if series.timestamps is not None:
        return np.asarray(series.timestamps[:], float)
    if not float(series.rate or 0) > 0:
        raise DataError(f"time series {series.name!r} has no sampling rate above 0.")
    return float(series.starting_time) + np.arange(len(series.data)) / float(series.rate)


def join_sessions(sessions: Sequence[Session]) -> Session:
    """One session after the other on one clock.

    Each starts at the next tenth of a second at least 50 ms after the one before.
    """
    starts_ms = [0]
    for session in sessions[:-1]:
        last_s = (starts_ms[-1] + session.n_ms - 1) / 1000
        starts_ms.append(int(np.ceil((last_s + GAP_S) * 10)) * 100)
    n_ms = starts_ms[-1] + sessions[-1].n_ms
    return Session(
        n_ms,
        {
            name: _join_population([s.populations[name] for s in sessions], starts_ms)
            for name in POPULATIONS
        },
        join_trials([session.trials for session in sessions], starts_ms),
        _join_behavior(sessions, starts_ms, n_ms),
    )


def join_trials(
    tables: Sequence[Mapping[str, np.ndarray]], starts_ms: Sequence[int]
) -> dict[str, np.ndarray]:
    """Trial tables one after the other, times moved with their file.

    NaN in columns that a file lacks.
    """
    joined = {}
    for name in dict.fromkeys(name for table in tables for name in table):
        shift = NS_PER_MS if name.endswith(TIME_SUFFIX) else 0
        missing = [np.full(len(table["split"]), np.nan) for table in tables]
        columns = [table.get(name, nan) for table, nan in zip(tables, missing, strict=True)]
        moved = [
            c + shift * start if shift else c for c, start in zip(columns, starts_ms, strict=True)
        ]
        joined[name] = np.concatenate(moved)
    return joined


def _join_population(parts: Sequence[Population], starts_ms: Sequence[int]) -> Population:
    """Populations one after the other; units of the same id become one.

    A file without units of the population leaves a gap.
    """
    unit_ids = list(dict.fromkeys(unit for part in parts for unit in part.unit_ids.tolist()))
    place = {unit: position for position, unit in enumerate(unit_ids)}
    observed = np.zeros(starts_ms[-1] + parts[-1].observed.size, bool)
    spikes_ms, spike_units = [], []
    for part, start_ms in zip(parts, starts_ms, strict=True):
        observed[start_ms : start_ms + part.observed.size] = part.observed
        spikes_ms.append(part.spikes_ms + np.int32(start_ms))
        places = np.array([place[unit] for unit in part.unit_ids.tolist()], np.int32)
        spike_units.append(places[part.spike_units])
    return Population(
        np.array(unit_ids), np.concatenate(spikes_ms), np.concatenate(spike_units), observed
    )


def _join_behavior(
    sessions: Sequence[Session], starts_ms: Sequence[int], n_ms: int
) -> np.ndarray | None:
    there = [
        (s.behavior, start)
        for s, start in zip(sessions, starts_ms, strict=True)
        if s.behavior is not None
    ]
    if not there:
        return None
    dtype = np.result_type(*(values.dtype for values, _ in there))
    joined = np.full((n_ms, there[0][0].shape[1]), np.nan, dtype)
    for values, start_ms in there:
        joined[start_ms : start_ms + len(values)] = values
    return joined
