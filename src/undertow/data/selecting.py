"""Parts of a `TrialSet`: trials, a stretch of bins, neurons; from its fields by name."""

from collections.abc import Mapping
from types import EllipsisType
from typing import Any

import numpy as np

from undertow.data.binning import sliced_recorded_s
from undertow.data.large import some_trials
from undertow.data.sharing import sealed
from undertow.data.times import sliced_start_s
from undertow.errors import DataError
from undertow.names import printable, shown

PER_BIN = ("spikes", "behavior", "stimulus", "truth", "times")
PER_TRIAL = (*PER_BIN, "lengths", "condition", "trial_ids", "split", "recorded_s")
PER_NEURON = ("region", "neuron_ids", "heldout")
AXES = ("trials", "time", "neurons")

Fields = dict[str, Any]


def selected_fields(
    fields: Mapping[str, Any], rows: Any, time: slice | None, neurons: Any
) -> Fields:
    """What changes in the fields of a `TrialSet` when only a part of it stays.

    Args:
        fields: of the whole set, name → value.
        rows: trials that stay, by index, slice or mask; None for all.
        time: bins that stay; None for all.
        neurons: that stay, by index, slice or mask; None for all.

    Raises:
        DataError: when nothing is left, an index is out of range or bins are not side by side.
    """
    n_trials, n_time, n_neurons = fields["spikes"].shape
    changed: Fields = {}
    if rows is not None:
        changed |= _some_trials(fields, _indices("trials", rows, n_trials))
    if time is not None:
        changed |= _some_bins({**fields, **changed}, time, n_time)
    if neurons is not None:
        index = _indices("neurons", neurons, n_neurons)
        changed |= _some_neurons({**fields, **changed}, index)
    return changed


def _some_trials(fields: Mapping[str, Any], index: Any) -> Fields:
    if (np.diff(index) == 1).all():  # side by side: views, which take no memory
        index = slice(int(index[0]), int(index[-1]) + 1)
    labels = {name: values[index] for name, values in fields["labels"].items()}
    held = {
        name: some_trials(fields[name], index) for name in PER_TRIAL if fields[name] is not None
    }
    return {**held, "labels": labels}


def _some_bins(fields: Mapping[str, Any], time: slice, n_time: int) -> Fields:
    try:
        start, stop, step = time.indices(n_time)
    except (AttributeError, TypeError):
        raise DataError(f"time is {shown(time)}: it must be a slice of bins.") from None
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
    recorded_s = fields["recorded_s"]
    if fields["times"] is None:  # bins at irregular times may lie anywhere in the window
        recorded_s = sliced_recorded_s(recorded_s, start, lengths, fields["bin_s"])
    return {
        **{name: fields[name][:, start:stop] for name in PER_BIN if fields[name] is not None},
        "lengths": lengths,
        "recorded_s": recorded_s,
        "start_s": sliced_start_s(fields["start_s"], fields["bin_s"], fields["times"], start),
        # forward bins stay what they are, but one bin at least is left for the encoder to see
        "forward_bins": min(max(0, stop - first_forward), stop - start - 1),
    }


def _some_neurons(fields: Mapping[str, Any], index: np.ndarray) -> Fields:
    own = {name: fields[name][index] for name in PER_NEURON if fields[name] is not None}
    counts = {
        name: sealed(fields[name][:, :, index])
        for name in ("spikes", "truth")
        if fields[name] is not None
    }
    return own | counts


def _indices(name: str, selection: Any, n: int) -> np.ndarray:
    index = np.arange(n)
    try:
        chosen = np.atleast_1d(index[selection])
    except (IndexError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"{name} cannot be selected: {printable(str(error), 160)} (there are {n})."
        ) from None
    if chosen.ndim != 1:
        raise DataError(f"{name} are chosen by {shown(selection)}: give one list, mask or slice.")
    if chosen.size == 0:
        raise DataError(f"the selection of {name} is empty: at least one must stay.")
    return chosen


# --- the key between square brackets --------------------------------------------------------------


def by_axis(key: Any, n_time: int) -> tuple[Any, slice | None, Any]:
    """Trials, bins and neurons of the key of `trials[key]`, each None where all stay.

    Args:
        key: one index, slice or mask for trials, or a tuple of up to three, for trials, time and
            neurons; an ellipsis stands for all axes that are not named.
        n_time: bins of the set.

    Raises:
        DataError: for more than three, or bins that are not side by side.
    """
    parts = list(key) if isinstance(key, tuple) else [key]
    named = [part for part in parts if not isinstance(part, EllipsisType)]
    if any(part is None for part in parts) or len(named) > 3 or len(parts) - len(named) > 1:
        raise DataError(
            f"cannot select by {shown(key)}: give up to three of index, slice or mask, for "
            f"{', '.join(AXES)}."
        )
    whole = [slice(None)] * (3 - len(named))
    at = next((k for k, part in enumerate(parts) if isinstance(part, EllipsisType)), len(parts))
    parts[at : at + 1] = whole
    rows, time, neurons = (None if _is_all(part) else part for part in parts)
    return rows, None if time is None else _as_slice(time, n_time), neurons


def _is_all(part: Any) -> bool:
    return isinstance(part, slice) and part == slice(None)


def _as_slice(time: Any, n_time: int) -> slice:
    """A slice of bins.

    An index, a list of indices or a mask becomes one where its bins lie side by side.
    """
    if isinstance(time, slice):
        return time
    chosen = _indices("bins", time, n_time)
    if chosen.ndim != 1 or (np.diff(chosen) != 1).any():
        raise DataError(
            f"time is {shown(time)}: the bins of a trial stay side by side; give a slice of them, "
            "such as trials[:, 10:20]."
        )
    return slice(int(chosen[0]), int(chosen[-1]) + 1)
