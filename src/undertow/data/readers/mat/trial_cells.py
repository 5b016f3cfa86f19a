"""Cell arrays of trials × neurons, spike times in each cell: the commonest layout in MATLAB."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data.readers.mat.recording import (
    UNIT_COLUMNS,
    UNIT_IDS,
    columns_beside,
    signal_of,
    trial_columns,
)
from undertow.data.readers.mat.variable import Variable, Variables
from undertow.data.readers.named_arrays import CONDITIONS
from undertow.data.readers.schema import check_kind
from undertow.data.readers.spike_tables import Clock, recording_from_table
from undertow.data.recording import Recording
from undertow.errors import DataError
from undertow.names import printable

AXES = ("trials", "neurons")
PER_TRIAL = (*CONDITIONS, "trial_ids", "split")


def is_trial_cells(variable: Variable) -> bool:
    """Whether a variable is a cell array of two axes."""
    return variable.kind == "cell" and sum(n > 1 for n in variable.shape) > 1


def recording_of_cells(
    path: str | Path,
    variables: Variables,
    name: str,
    axes: str | None,
    events: str | Sequence[str] | None,
    wanted: Sequence[str] = (),
    clock: Clock | None = None,
    signals: Sequence[str] = (),
) -> Recording:
    """A `Recording` from the cell array `name`, spike times in seconds in each cell.

    Args:
        path: of the file, for errors.
        variables: of the file.
        name: of the cell array.
        axes: 'trials,neurons' or 'neurons,trials'; by default as the sizes of the variables tell
            that hold one value per trial or per unit.
        events: variables of one value per trial, or structs of them, as in `read_mat`.
        wanted: further variables of one value per trial.
        clock: what times count from; see `recording_from_table`.
        signals: structs of a time and an array, where times are of the whole recording.

    Raises:
        DataError: for cells that hold no lists of numbers, or where nothing tells trials from
            units.
    """
    shape = variables[name].shape
    trials = trial_columns(path, variables, name, events)
    trials |= columns_beside(variables, name, (*PER_TRIAL, *wanted))
    units = columns_beside(variables, name, UNIT_COLUMNS)
    if len(shape) != 2:
        raise DataError(f"{name} in {path} is a cell array of {len(shape)} axes: {_rule()}.")
    across = _trials_across(path, name, shape, axes, _sizes(trials), _sizes(units))
    cells = variables[name].read()
    cells = cells.T if across else cells
    n_trials, n_units = cells.shape
    lists = [_list(path, name, cell) for cell in cells.ravel()]
    counts = np.array([each.size for each in lists])
    of_units = {key: column for key, column in units.items() if column.size == n_units}
    ids = next((of_units.pop(key) for key in UNIT_IDS if key in of_units), None)
    recording = recording_from_table(
        np.tile(np.arange(n_units), n_trials).repeat(counts),
        np.concatenate(lists) if lists else np.zeros(0),
        np.repeat(np.arange(n_trials), n_units).repeat(counts),
        clock=clock,
        trials={key: column for key, column in trials.items() if column.size == n_trials},
        units=of_units,
        all_neuron_ids=np.arange(n_units),
        all_trial_ids=np.arange(n_trials),
    )
    if signals and recording.obs_intervals is not None:
        raise DataError(
            f"spike times of {name} in {path} count from the start of each trial, so that signals "
            "cannot be placed: leave out behavior, or pass clock='recording'."
        )
    own = {signal: signal_of(path, variables, name, signal) for signal in signals}
    return replace(recording, unit_ids=recording.unit_ids if ids is None else ids, signals=own)


def _sizes(columns: dict[str, np.ndarray]) -> set[int]:
    return {column.size for column in columns.values()}


def _trials_across(
    path: str | Path,
    name: str,
    shape: tuple[int, ...],
    axes: str | None,
    of_trials: set[int],
    of_units: set[int],
) -> bool:
    """Whether trials are the second axis."""
    if axes is not None:
        words = [word.strip() for word in axes.replace("×", ",").split(",")]
        words = ["neurons" if word == "units" else word for word in words]
        if sorted(words) != sorted(AXES):
            raise DataError(f"axes is '{printable(axes)}': {_rule()}.")
        return words[0] == "neurons"
    rows, columns = shape
    down = rows in of_trials or columns in of_units
    across = columns in of_trials or rows in of_units
    if down == across:
        raise DataError(
            f"{name} in {path} is a cell array of {rows} × {columns} lists of spike times, and "
            f"nothing beside it tells trials from neurons: {_rule()}."
        )
    return across


def _rule() -> str:
    return (
        "for cells of trials and neurons pass axes='trials,neurons' or axes='neurons,trials', as "
        "the file has them"
    )


def _list(path: str | Path, name: str, cell: Any) -> np.ndarray:
    """The spike times of a cell; an empty one may be of any kind."""
    if not isinstance(cell, np.ndarray) or cell.dtype.kind == "O" or max(cell.shape) < cell.size:
        if isinstance(cell, str | np.ndarray) and not len(cell):
            return np.zeros(0)
        found = f"shape {cell.shape}" if isinstance(cell, np.ndarray) else type(cell).__name__
        raise DataError(
            f"{name} in {path} holds {found} in a cell: each must hold one list of spike times in "
            "seconds, of one neuron in one trial."
        )
    check_kind(path, f"a cell of {name}", cell.dtype)
    return cell.ravel().astype(float)
