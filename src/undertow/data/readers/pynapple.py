"""pynapple objects: spike trains, intervals, events and signals as a `Recording`."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from undertow.data import tables
from undertow.data.recording import Recording
from undertow.errors import DataError, DataWarning
from undertow.names import listed

SIGNALS = ("Tsd", "TsdFrame", "TsdTensor")


def from_pynapple(
    spikes: Any,
    trials: Any = None,
    events: Mapping[str, Any] | None = None,
    signals: Mapping[str, Any] | None = None,
    time_support: bool = True,
) -> Recording:
    """A `Recording` from pynapple objects, all in seconds on one clock.

    Args:
        spikes: a `TsGroup`; its index gives the unit ids, its metadata the unit table ('region' and
            'heldout' are used when they are there).
        trials: an `IntervalSet`: columns start_time and stop_time and its metadata. Or a `Ts` or
            `Tsd` of one event per trial: column event (and value). None where the recording is to
            be cut into windows.
        events: name → `Ts`: within each interval of `trials`, the time of the first one; NaN where
            there is none.
        signals: name → `Tsd` or `TsdFrame`.
        time_support: take the time support of `spikes` as the time that was observed; bins that are
            not wholly inside count as missing.

    Raises:
        DataError: for an object of another kind, or events without intervals.
    """
    index = np.asarray(_checked("spikes", spikes, "TsGroup").index)
    intervals = np.column_stack([spikes.time_support.start, spikes.time_support.end])
    columns = _trial_columns(trials)
    for name, times in (events or {}).items():
        if "start_time" not in columns:
            raise DataError(f"events {name!r} need intervals: pass trials as an IntervalSet.")
        stamps = np.asarray(_checked(f"events {name!r}", times, "Ts", "Tsd").t, float)
        columns[name] = _first_within(stamps, columns["start_time"], columns["stop_time"])
    return Recording(
        spike_times=[np.asarray(spikes[key].t, float) for key in index.tolist()],
        unit_ids=index,
        units=_metadata(spikes),
        trials=columns,
        signals={name: _signal(name, signal) for name, signal in (signals or {}).items()},
        obs_intervals=intervals if time_support else None,
    )


def _is_a(value: Any, *kinds: str) -> bool:
    """Whether `value` is of one of pynapple's classes, known by name.

    So pynapple need not be installed.
    """
    return not {each.__name__ for each in type(value).__mro__}.isdisjoint(kinds)


def _checked(name: str, value: Any, *kinds: str) -> Any:
    if not _is_a(value, *kinds):
        raise DataError(
            f"{name} is a {type(value).__name__}: it must be a pynapple {' or '.join(kinds)}."
        )
    return value


def _trial_columns(trials: Any) -> dict[str, np.ndarray]:
    if trials is None:
        return {}
    if _is_a(trials, "IntervalSet"):
        bounds = {
            "start_time": np.asarray(trials.start, float),
            "stop_time": np.asarray(trials.end, float),
        }
        return {**_metadata(trials), **bounds}
    times = np.asarray(_checked("trials", trials, "IntervalSet", "Ts", "Tsd").t, float)
    return {
        "event": times,
        **({"value": np.asarray(trials.values)} if _is_a(trials, "Tsd") else {}),
    }


def _metadata(group: Any) -> dict[str, np.ndarray]:
    """The metadata columns that hold one number, boolean or string per row; others are named."""
    columns = {str(n): tables.plain(np.asarray(group.get_info(n))) for n in group.metadata_columns}
    plain = {n: c for n, c in columns.items() if c.ndim == 1 and c.dtype.kind in "biufU"}
    if left_out := [name for name in columns if name not in plain]:
        warnings.warn(
            f"metadata {listed(left_out)} is left out: not one number or text per row.",
            DataWarning,
            stacklevel=4,
        )
    return plain


def _first_within(stamps: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """The first time stamp inside each interval, its ends included; NaN where there is none."""
    first = np.append(stamps, np.inf)[np.searchsorted(stamps, starts)]
    return np.where(first <= stops, first, np.nan)


def _signal(name: str, signal: Any) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(_checked(f"signal {name!r}", signal, *SIGNALS).values, float)
    return np.asarray(signal.t, float), values.reshape(len(values), -1)
