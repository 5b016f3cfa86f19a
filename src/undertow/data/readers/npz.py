"""Reading `.npz` files of binned trials."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from undertow.data import tables
from undertow.data.aligning import Window
from undertow.data.readers.events import bin_or_cut
from undertow.data.readers.flat_tables import flat_names, flat_recording, usual_condition
from undertow.data.readers.named_arrays import (
    Wanted,
    check_arrays,
    trials_of_arrays,
    used_names,
    warn_unfit,
)
from undertow.data.readers.npz_file import check_readable, declared_arrays, read_arrays
from undertow.data.readers.schema import PLAIN, Declared
from undertow.data.readers.spike_tables import Clock, with_event
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.names import listed, printable


def read_npz(
    path: str | Path,
    bin_s: float | None = None,
    condition: str | Sequence[str] | None = None,
    behavior: str | Sequence[str] | None = None,
    file_bin_s: float | None = None,
    stimulus: str | Sequence[str] | None = None,
    label: str | Sequence[str] = (),
    events: str | Sequence[str] = (),
    align: str | None = None,
    window_s: Window | None = None,
    cut_s: float | None = None,
    clock: Clock | None = None,
) -> TrialSet:
    """Read binned trials, or a flat table of spikes, from a `.npz` file, without pickle.

    The file holds `spikes` (trials, time, neurons) and `bin_ms` or `bin_s`; and, where there are
    any, `condition`, signals (trials, time, channels) such as `hand_vel`, `stimulus`, `region`,
    `heldout`, `truth`, `lengths`, `start_s`, `event`, `forward_bins`, `split`, `neuron_ids`,
    `trial_ids`; for bins at irregular times `times`, (trials, time).

    A file without `spikes` may hold a table of spikes: `neuron_ids`, `spiketimes` (or another usual
    name, as in `read_spike_table`) and maybe `trial_ids`, one entry a spike.

    Args:
        path: the file.
        bin_s: bin width wanted, a whole multiple of the file's own; the file's own by default.
        condition: array(s) of one label per trial, several joined; by default the first there is of
            condition, target and cue.
        behavior: arrays of signals to use as behaviour; by default hand_vel, hand_pos and every
            other array (trials, time, channels) that is not a stimulus.
        file_bin_s: the file's bin width in seconds, for a file that does not hold it.
        stimulus: arrays of external input, (trials, time, inputs), (trials, time) or (trials,),
            which is constant over the trial; the array `stimulus` by default.
        label: arrays of one category per trial, a choice or an outcome, to decode from each trial.
        events: of a table of spikes without trials, arrays of event times in seconds.
        align, window_s, cut_s, clock: of a table of spikes; see `read_spike_table`.

    Raises:
        DataError: for a file that is not there, cut short or no `.npz`, a missing array, or arrays
            that break a rule.
    """
    there, wanted = declared_arrays(path), Wanted(condition, behavior, stimulus, label)
    sizes = {name: each.size for name, each in there.items() if len(each.shape) == 1}
    if "spikes" not in there and (table := flat_names(sizes)) is not None:
        read = partial(_plain_values, path, there)
        recording = flat_recording(path, table, sizes, read, 0, tables.as_names(events), clock)
        return bin_or_cut(
            path,
            with_event(recording, align),
            bin_s,
            1.0 if cut_s is None else cut_s,
            align=align,
            window_s=window_s,
            condition=usual_condition(recording, condition),
            stimulus=tables.as_names(stimulus),
            label=tables.as_names(label),
            behavior=tables.as_names(behavior),
        )
    useless: dict[str, object] = {
        "events": events,
        "align": align,
        "window_s": window_s,
        "clock": clock,
    }
    useless |= {"cut_s": cut_s}
    if given := [name for name, value in useless.items() if value is not None and value != ()]:
        raise DataError(f"spikes in {path} are counts: leave out {listed(given)}.")
    check_readable(path, there, ("spikes", *wanted.named))
    shapes = {name: each.shape for name, each in there.items()}
    dtypes = {name: each.dtype for name, each in there.items()}
    used = used_names(shapes, dtypes, wanted)
    check_readable(path, there, used)
    check_arrays(path, shapes, dtypes, used)
    warn_unfit(path, shapes, wanted)
    return trials_of_arrays(path, read_arrays(path, used), bin_s, file_bin_s, wanted)


def _plain_values(path: str | Path, there: Mapping[str, Declared], name: str) -> np.ndarray | None:
    """An array of numbers or text; None for any other."""
    return read_arrays(path, [name])[name] if there[name].dtype.kind in PLAIN else None


def list_arrays(path: str | Path) -> list[str]:
    """Names and shapes of the arrays of a file, such as 'spikes (129, 100, 162)'.

    Object arrays are named as such.
    """
    return [
        f"{printable(name)} {'(object array)' if each.dtype.hasobject else each.shape}"
        for name, each in declared_arrays(path).items()
    ]
