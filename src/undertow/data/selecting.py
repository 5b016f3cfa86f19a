"""Parts of a TrialSet: trials, a stretch of bins, neurons."""

from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.data.times import sliced_start_s
from undertow.errors import DataError

if TYPE_CHECKING:
    from undertow.data.trialset import TrialSet

PER_BIN = ("spikes", "behavior", "stimulus", "truth", "times")
PER_TRIAL = (*PER_BIN, "lengths", "condition", "trial_ids", "split")
PER_NEURON = ("region", "neuron_ids", "heldout")
CLOCK = ("bin_s", "start_s", "forward_bins")

Fields = dict[str, Any]


def select(trials: "TrialSet", rows: Any, time: slice | None, neurons: Any) -> "TrialSet":
    """The part of `TrialSet.select`; `rows` choose trials. What is None is left whole."""
    fields: Fields = {
        name: getattr(trials, name) for name in (*PER_TRIAL, *PER_NEURON, *CLOCK, "labels")
    }
    if rows is not None:
        fields |= _some_trials(fields, _indices("trials", rows, trials.n_trials))
    if time is not None:
        fields |= _some_bins(fields, time, trials.n_time)
    if neurons is not None:
        fields |= _some_neurons(fields, _indices("neurons", neurons, trials.n_neurons))
    return trials.replace(**fields)


def _some_trials(fields: Fields, index: np.ndarray) -> Fields:
    labels = {name: values[index] for name, values in fields["labels"].items()}
    return {name: fields[name][index] for name in PER_TRIAL if fields[name] is not None} | {
        "labels": labels
    }


def _some_bins(fields: Fields, time: slice, n_time: int) -> Fields:
    start, stop, step = time.indices(n_time)
    if step != 1 or stop <= start:
        raise DataError(
            f"time is {time}: it must be a slice of at least one bin, step 1, of {n_time} bins."
        )
    lengths = np.minimum(fields["lengths"], stop) - start
    if (lengths < 1).any():
        raise DataError(
            f"trial {int(np.argmin(lengths))} ends before bin {start}, the start of the slice: "
            "leave it out first."
        )
    first_forward = n_time - fields["forward_bins"]
    return {
        **{name: fields[name][:, start:stop] for name in PER_BIN if fields[name] is not None},
        "lengths": lengths,
        "start_s": sliced_start_s(fields["start_s"], fields["bin_s"], fields["times"], start),
        "forward_bins": min(max(0, stop - first_forward), stop - start - 1),
    }


def _some_neurons(fields: Fields, index: np.ndarray) -> Fields:
    own = {name: fields[name][index] for name in PER_NEURON if fields[name] is not None}
    counts = {
        name: fields[name][:, :, index] for name in ("spikes", "truth") if fields[name] is not None
    }
    return own | counts


def _indices(name: str, selection: Any, n: int) -> np.ndarray:
    index = np.arange(n)
    try:
        chosen = np.atleast_1d(index[selection])
    except IndexError as error:
        raise DataError(f"{name} cannot be selected: {error} (there are {n}).") from None
    if chosen.size == 0:
        raise DataError(f"the selection of {name} is empty: at least one must stay.")
    return chosen
