"""Spike tables in `.csv` and `.tsv` files: columns of neurons, times and maybe trials."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from undertow.data.readers.events import AroundEvents, bin_or_cut, event_columns
from undertow.data.readers.spike_tables import Clock, constant_columns, recording_from_table
from undertow.data.readers.text_tables import (
    column_named,
    is_number,
    need_column,
    read_text_table,
)
from undertow.data.recording import Recording
from undertow.data.tables import select_rows
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.names import listed, shown

NEURONS = (
    *(f"{stem}{end}" for end in ("_id", "_ids", "", "s") for stem in ("neuron", "unit", "cluster")),
    *("spike_clusters", "cell_id", "cell", "id"),
)
TRIALS = ("trial_id", "trial_ids", "trial", "trials", "trial_number", "trial_index", "trial_nr")
UNITS_OF_TIME = {"": 1.0, "_s": 1.0, "_sec": 1.0, "_seconds": 1.0, "_ms": 1e-3, "_us": 1e-6}
STEMS = (
    *("spike_time", "spike_times", "spiketime", "spiketimes"),
    *("time", "times", "timestamp", "timestamps", "t"),
)
TIMES = {f"{stem}{end}": unit for end, unit in UNITS_OF_TIME.items() for stem in STEMS}
"""Usual names of a column of times → seconds in one unit of it."""


def read_spike_table(
    path: str | Path,
    bin_s: float | None = None,
    units: Any = None,
    events: Any = None,
    cut_s: float = 1.0,
    clock: Clock | None = None,
    **options: Unpack[AroundEvents],
) -> TrialSet:
    """Read a text table of spikes, one row a spike, as binned trials.

    The first line names the columns: one of neurons (`neuron_id`, `unit`, `cluster`, …), one of
    times (`time`, `spike_time`, … in seconds; with `_ms` or `_us` at its end in those), and maybe
    `trial`. A further column that is the same for all spikes of a neuron describes neurons, one
    that is the same for all spikes of a trial describes trials.

    Args:
        path: the .csv or .tsv file, its columns separated by commas, tabs, semicolons or bars.
        bin_s: bin width in seconds, 20 ms by default.
        units: which neurons: a mask, ids, or a rule such as ``"region==M1"``.
        events: for a table without trials, event times in seconds: an array or table, or the path
            of a .npy, .csv or .tsv file. For one with trials, a table with one row per trial.
        cut_s: window length in seconds, for a table without trials and events.
        clock: what the times of a table with trials count from, 'trial' or 'recording'; see
            `recording_from_table`.
        options: of `Recording.bin`, those of `AroundEvents`.

    Raises:
        DataError: for a file that is no such table, or as in `Recording.bin`.
    """
    recording = read_recording(path, units, events, clock)
    return bin_or_cut(path, recording, bin_s, cut_s, **options)


def read_recording(
    path: str | Path, units: Any = None, events: Any = None, clock: Clock | None = None
) -> Recording:
    """Read a text table of spikes as a `Recording`; arguments are those of `read_spike_table`.

    Raises:
        DataError: as `read_spike_table`.
    """
    table = read_text_table(path)
    if not next(iter(table.values())).size:
        raise DataError(f"{path} has no rows below its column names: there is no spike.")
    neurons = table.pop(need_column(path, table, "neurons", NEURONS))
    name = need_column(path, table, "spike times", tuple(TIMES))
    trial_name = column_named(table, TRIALS)
    times = _seconds(path, name, table.pop(name))
    trials = None if trial_name is None else table.pop(trial_name)
    of_neurons = constant_columns(table, neurons)
    of_trials = {} if trials is None else constant_columns(table, trials)
    given = {} if events is None else event_columns(events)
    if trials is not None and given:
        given = _joined(path, given, np.unique(trials))
    columns = {**of_trials, **given}
    recording = recording_from_table(
        neurons, times, trials, clock=clock, trials=columns, units=of_neurons
    )
    return recording if units is None else recording.select_units(units)


def list_spike_table(path: str | Path) -> dict[str, list[str]]:
    """What a table offers: 'trial_columns' to align to and 'unit_columns' to select by."""
    recording = read_recording(path, clock="trial")
    return {"trial_columns": list(recording.trials), "unit_columns": list(recording.units)}


def _seconds(path: str | Path, name: str, times: np.ndarray) -> np.ndarray:
    if times.dtype.kind not in "iuf":
        raise DataError(
            f"{path}: the column {name} must hold numbers, and {shown(_first_text(times))} is none."
        )
    unit = next(TIMES[usual] for usual in TIMES if column_named({name: times}, (usual,)))
    return times if unit == 1.0 else times.astype(float) * unit


def _joined(path: str | Path, events: Mapping[str, Any], ids: np.ndarray) -> dict[str, Any]:
    """An event table in the order of the trial ids, by its own column of them where it has one."""
    columns = {name: np.asarray(values) for name, values in events.items()}
    key = column_named(columns, TRIALS)
    if key is None:
        return columns
    own = columns.pop(key)
    if missing := sorted(set(ids.tolist()) - set(own.tolist())):
        raise DataError(
            f"{path}: the events have no trial {listed(missing)}, which the spikes name."
        )
    rows = select_rows("events", ids.tolist(), own, columns)
    return {name: values[rows] for name, values in columns.items()}


def _first_text(column: np.ndarray) -> Any:
    """The first entry of a column of text that is no number."""
    return next((entry for entry in column.tolist() if not is_number(entry)), column[0].item())
