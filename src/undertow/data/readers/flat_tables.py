"""Flat tables of spikes as arrays, in `.npz` and MATLAB files.

They are `neuron_ids`, `spiketimes` and maybe `trial_ids`, each with one entry a spike.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from undertow.data.readers.named_arrays import CONDITIONS
from undertow.data.readers.schema import NUMBERS, check_kind
from undertow.data.readers.spike_files import NEURONS, TIMES, TRIALS
from undertow.data.readers.spike_tables import Clock, constant_columns, recording_from_table
from undertow.data.readers.text_tables import column_named
from undertow.data.recording import Recording
from undertow.errors import DataError
from undertow.names import listed

OF_UNITS = ("region", "heldout")
Read = Callable[[str], np.ndarray | None]


class FlatNames(NamedTuple):
    """The arrays of a table: neuron and time of each spike, and its trial where there is one."""

    neurons: str
    times: str
    trials: str | None


def flat_names(sizes: Mapping[str, int]) -> FlatNames | None:
    """The arrays that make a table of spikes, None where there is none.

    Args:
        sizes: name → entries of each array of one axis.
    """
    for times in TIMES:
        name = column_named(dict.fromkeys(sizes, np.zeros(0)), (times,))
        n = sizes[name] if name is not None else 0
        same = {each: np.zeros(0) for each, size in sizes.items() if size == n and each != name}
        neurons = column_named(same, NEURONS) if n > 1 else None
        if name is not None and neurons is not None:
            return FlatNames(neurons, name, column_named(same, TRIALS))
    return None


def flat_recording(
    path: str | Path,
    names: FlatNames,
    sizes: Mapping[str, int],
    read: Read,
    first: int,
    events: Sequence[str] = (),
    clock: Clock | None = None,
) -> Recording:
    """A `Recording` from the arrays of a table.

    A further array with one value a spike that is the same for all spikes of a neuron, or of a
    trial, describes those; so does one with a value per neuron or per trial.

    Args:
        path: of the file, for errors.
        names: of the table.
        sizes: name → entries of each array of one axis.
        read: the array of a name; None for one that holds no plain values.
        first: what ids count from where some have no spike, 0 or 1.
        events: arrays of event times, for a table without trials.
        clock: what times count from; see `recording_from_table`.

    Raises:
        DataError: for arrays that are missing or hold something else.
    """
    if missing := [name for name in events if name not in sizes]:
        raise DataError(f"{path} has no array {listed(missing)}: there is {listed(sizes)}.")
    neurons, times = (_plain(path, name, read) for name in names[:2])
    check_kind(path, names.times, times.dtype, NUMBERS)
    seconds = next(
        unit for end, unit in TIMES.items() if column_named({names.times: times}, (end,))
    )
    trials = None if names.trials is None else _plain(path, names.trials, read)
    others = [name for name in sizes if name not in names]
    all_neurons = _all_ids(neurons, [sizes[name] for name in others if name in OF_UNITS], first)
    per_trial = [sizes[name] for name in others if name in (*CONDITIONS, *events)]
    all_trials = None if trials is None else _all_ids(trials, per_trial, first)
    n_units = np.unique(neurons).size if all_neurons is None else all_neurons.size
    columns = {name: column for name in others if (column := read(name)) is not None}
    of_spikes = {name: column for name, column in columns.items() if column.size == times.size}
    of_units = constant_columns(of_spikes, neurons)
    of_trials: dict[str, np.ndarray] = {}
    n_trials = -1
    if trials is not None:
        rest = {name: column for name, column in of_spikes.items() if name not in of_units}
        of_trials = constant_columns(rest, trials) if all_trials is None else {}
        n_trials = np.unique(trials).size if all_trials is None else all_trials.size
    for name, column in columns.items():
        if name in of_spikes:
            continue
        if column.size == n_units and (name in OF_UNITS or n_units != n_trials):
            of_units[name] = column
        elif column.size == n_trials or name in events:
            of_trials[name] = column
    return recording_from_table(
        neurons,
        times if seconds == 1.0 else times.astype(float) * seconds,
        trials,
        clock=clock,
        trials=of_trials,
        units={name: column for name, column in of_units.items() if column.size == n_units},
        all_neuron_ids=all_neurons,
        all_trial_ids=all_trials,
    )


def usual_condition(
    recording: Recording, wanted: str | Sequence[str] | None
) -> str | Sequence[str] | None:
    """The columns that tell conditions apart: those wanted, or the first of the usual name."""
    if wanted is not None:
        return wanted
    return next((name for name in CONDITIONS if name in recording.trials), None)


def _plain(path: str | Path, name: str, read: Read) -> np.ndarray:
    column = read(name)
    if column is None:
        raise DataError(f"{name} in {path} holds no plain values: it must have one per spike.")
    return column


def _all_ids(ids: np.ndarray, sizes: Sequence[int], first: int) -> np.ndarray | None:
    """All ids, counted from `first`, where an array with a value for each says there are more."""
    n = max(sizes, default=0)
    if ids.dtype.kind not in NUMBERS or not np.isfinite(ids).all() or n <= np.unique(ids).size:
        return None
    return np.arange(n) + first if first <= ids.min() and ids.max() < first + n else None
