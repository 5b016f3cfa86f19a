"""Spike times in MATLAB files, with the events, unit columns and signals that go with them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from undertow.data import tables
from undertow.data.readers.mat.values import find_variable, plain_column, prefixes
from undertow.data.readers.mat.variables import Variables
from undertow.data.recording import Recording
from undertow.errors import DataError
from undertow.names import listed

EVENTS = ("trials", "events", "event_times")
UNIT_IDS = ("unit_ids", "neuron_ids", "id")
UNIT_COLUMNS = ("region", "heldout", *UNIT_IDS)
TIMES = ("time", "times", "timestamps", "t")

Columns = dict[str, np.ndarray]


def recording_of(
    path: str | Path,
    variables: Variables,
    spikes: str,
    cells: list[np.ndarray],
    events: str | Sequence[str] | None,
    signals: tuple[str, ...],
    stimuli: tuple[str, ...] = (),
) -> Recording:
    """A `Recording` from lists of spike times in seconds, `cells`.

    Its events, unit columns and signals are what the file holds beside `spikes`.

    `stimuli` that are trial columns are not looked for among the signals.

    Raises:
        DataError: for events or signals that are missing or have the wrong shape.
    """
    trials = trial_columns(path, variables, spikes, events)
    wanted = dict.fromkeys((*signals, *(name for name in stimuli if name not in trials)))
    units = _unit_columns(variables, spikes, len(cells))
    ids = next((units.pop(name) for name in UNIT_IDS if name in units), None)
    return Recording(
        spike_times=[cell.ravel() for cell in cells],
        unit_ids=ids,
        units=units,
        trials=trials,
        signals={name: signal_of(path, variables, spikes, name) for name in wanted},
    )


def _unit_columns(variables: Variables, spikes: str, n_units: int) -> Columns:
    """Columns with one value per unit.

    They are other fields of the struct the spikes are in, or variables of known names at the top.
    """
    struct = spikes.rpartition(".")[0]
    names = (
        [name for name in variables if name.startswith(f"{struct}.")] if struct else UNIT_COLUMNS
    )
    found = {
        name.rpartition(".")[2]: plain_column(variables[name].read())
        for name in names
        if name in variables and name != spikes and max(variables[name].shape, default=0) == n_units
    }
    return {
        name: column
        for name, column in found.items()
        if column is not None and column.size == n_units
    }


def columns_beside(variables: Variables, spikes: str, names: Sequence[str]) -> Columns:
    """The variables of these names beside the spikes that hold plain values."""
    found: Columns = {}
    for name in names:
        full = find_variable(variables, spikes, name)
        if full is not None and full != spikes and variables[full].kind != "object":
            column = plain_column(variables[full].read())
            if column is not None and column.size:
                found[name] = column
    return found


def trial_columns(
    path: str | Path, variables: Variables, spikes: str, events: str | Sequence[str] | None
) -> Columns:
    """Columns with one value per trial: the variables `events`, or the fields of such structs.

    Raises:
        DataError: for a name that is not there or holds something else.
    """
    columns: Columns = {}
    for name in EVENTS if events is None else tables.as_names(events):
        found = _columns_of(path, variables, spikes, name)
        if not found and events is not None:
            raise DataError(
                f"{path} has no variable or struct {name!r} of events: there is "
                f"{listed(variables)}."
            )
        columns |= found
        if found and events is None:
            break
    longest = max((column.size for column in columns.values()), default=0)
    single = 1 if longest > 1 else 0  # a lone value beside columns says something about the session
    return {name: column for name, column in columns.items() if column.size != single}


def _columns_of(path: str | Path, variables: Variables, spikes: str, name: str) -> Columns:
    """A variable as one column, or every field of a struct that holds plain values."""
    whole = find_variable(variables, spikes, name)
    if whole is not None:
        column = plain_column(variables[whole].read())
        if column is None:
            raise DataError(
                f"{whole} in {path} is {variables[whole]}: it must hold one value per trial."
            )
        return {name.rpartition(".")[2]: column}
    fields = _fields(variables, spikes, name)
    columns = {field: plain_column(variables[full].read()) for field, full in fields.items()}
    return {
        field: column for field, column in columns.items() if column is not None and column.size
    }


def _fields(variables: Variables, spikes: str, struct: str) -> dict[str, str]:
    """Field → full name, of a struct beside the spikes or in the structs around them."""
    for prefix in (f"{outer}{struct}." for outer in prefixes(spikes)):
        fields = {name[len(prefix) :]: name for name in variables if name.startswith(prefix)}
        fields = {
            field: full for field, full in fields.items() if "." not in field and full != spikes
        }
        fields = {field: full for field, full in fields.items() if variables[full].kind != "object"}
        if fields:
            return fields
    return {}


def signal_of(
    path: str | Path, variables: Variables, spikes: str, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Timestamps (samples,) and values (samples, channels) of a struct.

    The struct has a time and one other field.
    """
    fields = _fields(variables, spikes, name)
    time = next((field for field in TIMES if field in fields), None)
    values = [
        field for field in fields if field != time and variables[fields[field]].kind == "numbers"
    ]
    if time is None or len(values) != 1:
        there = f"holds {listed(fields)}" if fields else f"is not there, only {listed(variables)}"
        raise DataError(
            f"signal {name!r} in {path} {there}: make it a struct of a `time` in seconds and one "
            "array, samples × channels."
        )
    timestamps, array = (variables[fields[field]].read() for field in (time, values[0]))
    flat = timestamps.ravel()
    return flat, array.T if array.shape[0] != flat.size and array.shape[-1] == flat.size else array
