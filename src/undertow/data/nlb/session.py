"""`Session`: what one NWB file of the benchmark holds, or several joined, on a clock of 1 ms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

POPULATIONS = ("heldin", "heldout")
GAP_S = 0.05
NS_PER_MS = 1_000_000
TIME_SUFFIX = "_time"


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


def join_sessions(sessions: Sequence[Session]) -> Session:
    """One session after the other, each starting at the next tenth of a second 50 ms after the one
    before."""
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
    """Trial tables one after the other, times moved with their file; NaN in columns that a file
    lacks."""
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
    """Units of the same id become one; a file without units of the population leaves a gap."""
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
