"""MATLAB files: arrays of counts, and spike times in cell or struct arrays."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import tables
from undertow.data.aligning import Window
from undertow.data.readers import named_arrays
from undertow.data.readers.choosing import chosen
from undertow.data.readers.events import bin_or_cut
from undertow.data.readers.flat_tables import FlatNames, flat_names, flat_recording, usual_condition
from undertow.data.readers.mat.counts import arrays_of
from undertow.data.readers.mat.recording import recording_of
from undertow.data.readers.mat.trial_cells import is_trial_cells, recording_of_cells
from undertow.data.readers.mat.values import cell_list, columns_of_size, plain_column
from undertow.data.readers.mat.variables import Variable, Variables, opened_mat
from undertow.data.readers.spike_tables import Clock, with_event
from undertow.data.recording import Recording
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.names import listed

COUNTS_AXES = "trials,time,neurons"
SPIKES = ("spikes", "spike_times", "spike_counts", "counts")


def read_mat(
    path: str | Path,
    bin_s: float | None = None,
    spikes: str | None = None,
    axes: str | None = None,
    condition: str | Sequence[str] | None = None,
    behavior: str | Sequence[str] | None = None,
    stimulus: str | Sequence[str] | None = None,
    label: str | Sequence[str] = (),
    file_bin_s: float | None = None,
    events: str | Sequence[str] | None = None,
    align: str | None = None,
    window_s: Window | None = None,
    units: Any = None,
    trials: Any = None,
    min_rate_hz: float = 0.0,
    forward_bins: int = 0,
    cut_s: float = 1.0,
    clock: Clock | None = None,
) -> TrialSet:
    """Read a MATLAB file of version 4, 5, 7 or 7.3, without MATLAB.

    What `spikes` names decides how the file is read; fields of structs are named with dots,
    'data.spikes'. What belongs to it is looked for beside it (`data.region`), then in the structs
    around it and at the top.

    - An array of counts, trials × time × neurons, or a cell or struct array with one matrix per
      trial (trials of different length): with it go the arrays `read_npz` knows, by the same names
      and rules.
    - A cell or struct array of spike times in seconds, one entry per unit: binned around `events`
      as in `Recording.bin`, or cut into windows of `cut_s` seconds where there are none.
    - A cell array of trials × neurons with the spike times of one neuron in one trial in each cell.
    - Vectors of one entry a spike: `neuron_ids`, `spiketimes` and maybe `trial_ids` (or other usual
      names, as in `read_spike_table`).

    Args:
        path: the file.
        bin_s: bin width in seconds; for counts a whole multiple of the file's own, 20 ms for spike
            times.
        spikes: the variable; by default the one whose name ends in spikes, spike_times,
            spike_counts or counts.
        axes: the order of the axes of counts and of signals (channels for neurons), such as
            'neurons,time,trials'; 'trials,time,neurons' by default. Of a cell array of trials and
            neurons 'trials,neurons' or 'neurons,trials'; by default as the sizes of what is beside
            it tell.
        condition: with counts, variables of one label per trial; with spike times, trial columns.
        behavior: with counts, arrays of signals (default as in `read_npz`); with spike times,
            structs of a `time` in seconds and samples × channels.
        stimulus: with counts, arrays of external input; with spike times, structs as for `behavior`
            or trial columns.
        label: variables or trial columns of one category per trial.
        file_bin_s: the bin width of counts, for a file that holds no bin_ms or bin_s.
        events: variables of one value per trial, or structs of them; by default trials, events or
            event_times.
        align, window_s, min_rate_hz, forward_bins, cut_s: of spike times; see `Recording`.
        units, trials: which units and trials, by a mask, ids or a rule.
        clock: what spike times in cells of trials × neurons count from, 'trial' or 'recording'; see
            `recording_from_table`.

    Raises:
        DataError: for a file that is not there or no MATLAB file, a variable that is missing or has
            the wrong shape, or options that the kind of spikes has no use for.
    """
    useless: dict[str, Any] = {"events": events, "align": align, "window_s": window_s}
    useless |= {"min_rate_hz": min_rate_hz, "forward_bins": forward_bins, "clock": clock}
    wanted = named_arrays.Wanted(condition, behavior, stimulus, label)
    signals, stimuli = tables.as_names(behavior), tables.as_names(stimulus)
    recording: Recording | None = None
    per_unit = False
    with opened_mat(path) as variables:
        if spikes is None and (table := _flat_table(variables)) is not None:
            prefix, names, sizes = table
            read = partial(_plain_values, variables, prefix)
            recording = flat_recording(path, names, sizes, read, 1, tables.as_names(events), clock)
        elif is_trial_cells(variables[name := _spikes_name(path, variables, spikes)]):
            of_trials = [each for each in wanted.named if each not in signals]
            recording = recording_of_cells(
                path, variables, name, axes, events, of_trials, clock, signals
            )
        elif (times := _spike_times(name, variables[name])) is not None:
            recording = recording_of(path, variables, name, times, events, signals, stimuli)
            per_unit = True
        else:
            given = [each for each, value in useless.items() if value is not None and value != 0]
            if given:
                raise DataError(f"{name} in {path} holds counts: leave out {listed(given)}.")
            arrays = arrays_of(path, variables, name, axes or COUNTS_AXES, wanted)
    if recording is None:
        counted = _counted(path, name, axes or COUNTS_AXES, arrays, bin_s, file_bin_s, wanted)
        return chosen(counted, units, trials, partial(columns_of_size, path))
    return bin_or_cut(
        path,
        with_event(recording.select_units(units), align),
        bin_s,
        cut_s,
        align=align,
        window_s=window_s,
        trials=trials,
        condition=condition if per_unit else usual_condition(recording, condition),
        behavior=signals,
        stimulus=stimuli,
        label=label,
        min_rate_hz=min_rate_hz,
        forward_bins=forward_bins,
    )


def read_recording(
    path: str | Path,
    spikes: str | None = None,
    events: str | Sequence[str] | None = None,
    signals: str | Sequence[str] = (),
    axes: str | None = None,
) -> Recording:
    """Read spike times, events and the signals named as a `Recording`.

    The arguments are those of `read_mat`.

    Raises:
        DataError: as `read_mat`, and where the spikes are counts.
    """
    with opened_mat(path) as variables:
        name = _spikes_name(path, variables, spikes)
        if is_trial_cells(variables[name]):
            return recording_of_cells(
                path, variables, name, axes, events, signals=tables.as_names(signals)
            )
        times = _spike_times(name, variables[name])
        if times is None:
            raise DataError(
                f"{name} in {path} holds counts, not spike times: read it with read_mat."
            )
        return recording_of(path, variables, name, times, events, tables.as_names(signals))


def _flat_table(variables: Variables) -> tuple[str, FlatNames, dict[str, int]] | None:
    """The struct that holds a flat table of spikes ('' at the top), its arrays and all sizes."""
    groups: dict[str, dict[str, int]] = {}
    for name, variable in variables.items():
        struct, dot, last = name.rpartition(".")
        if variable.kind != "object" and math.prod(variable.shape) == max(
            variable.shape, default=0
        ):
            groups.setdefault(struct + dot, {})[last] = max(variable.shape, default=0)
    found = [(prefix, flat_names(sizes), sizes) for prefix, sizes in groups.items()]
    return next(
        (
            (prefix, names, sizes)
            for prefix, names, sizes in found
            if names is not None and variables[prefix + names.times].kind == "numbers"
        ),
        None,
    )


def _plain_values(variables: Variables, prefix: str, name: str) -> np.ndarray | None:
    return plain_column(variables[prefix + name].read())


def _counted(
    path: str | Path,
    name: str,
    axes: str,
    arrays: named_arrays.Arrays,
    bin_s: float | None,
    file_bin_s: float | None,
    wanted: named_arrays.Wanted,
) -> TrialSet:
    """Trials from counts; errors say how their axes were read."""
    try:
        return named_arrays.trials_of_arrays(path, arrays, bin_s, file_bin_s, wanted)
    except DataError as error:
        trials, bins, neurons = np.asarray(arrays["spikes"]).shape
        raise DataError(
            f"{error} ({name} was read as {trials} trials × {bins} bins × {neurons} neurons: "
            f"axes={axes!r}.)"
        ) from None


def _spikes_name(path: str | Path, variables: Variables, wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in variables:
            raise DataError(f"{path} has no variable {wanted!r}: there is {listed(variables)}.")
        return wanted
    for last in SPIKES:
        found = [name for name in variables if name.rpartition(".")[2] == last]
        if len(found) > 1:
            raise DataError(f"{path} holds {listed(found)}: choose one with spikes=….")
        if found:
            return found[0]
    raise DataError(
        f"{path} has no variable named {listed(SPIKES)}: name it with spikes=…; there is "
        f"{listed(variables)}."
    )


def _spike_times(name: str, variable: Variable) -> list[np.ndarray] | None:
    """The spike times of each unit; None where the file holds counts.

    Counts are an array of three axes, or one matrix per trial.
    """
    vector = variable.kind == "numbers" and len(variable.shape) == 2 and 1 in variable.shape
    if variable.kind != "cell" and not vector:
        return None
    cells = (
        [variable.read()] if vector else cell_list(name, variable)
    )  # a single unit is no cell array
    return None if any(min(cell.shape) > 1 for cell in cells) else cells
