"""Trials from named arrays, as `.npz` and MATLAB files hold them."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from undertow.checks import number
from undertow.data import tables
from undertow.data.plain import as_mask
from undertow.data.readers.schema import NUMBERS, PLAIN, check_kind, single, unfit
from undertow.data.signals import channel_names, held_constant
from undertow.data.trialset import TrialSet
from undertow.errors import DataError, DataWarning
from undertow.names import listed, printable

CONDITIONS = ("condition", "target", "cue")
FIELDS = ("region", "truth", "lengths", "split", "neuron_ids", "trial_ids", "recorded_s")
SCALARS = ("start_s", "event", "forward_bins")
WIDTHS = ("bin_ms", "bin_s")
KNOWN = ("spikes", "heldout", "stimulus", "times", *WIDTHS, *SCALARS, *FIELDS, *CONDITIONS)
NUMERIC = ("spikes", "truth", "times", "lengths", "stimulus", "heldout", "recorded_s", *WIDTHS)
FIRST = ("hand_vel", "hand_pos")
"""Signals that come first among the behaviour."""

Arrays = Mapping[str, np.ndarray]
Shapes = Mapping[str, tuple[int, ...]]


class Wanted(NamedTuple):
    """Names of the arrays to take as conditions, behaviour, stimulus and labels."""

    condition: str | Sequence[str] | None = None
    behavior: str | Sequence[str] | None = None
    stimulus: str | Sequence[str] | None = None
    label: str | Sequence[str] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """All names, each once."""
        return tuple(dict.fromkeys(name for names in self for name in tables.as_names(names)))


# --- before anything is read --------------------------------------------------------------------


def used_names(shapes: Shapes, dtypes: Mapping[str, np.dtype], wanted: Wanted) -> list[str]:
    """The arrays of a file that trials are made of; the others need not be read."""
    names = ["spikes", "heldout", "times", *WIDTHS, *SCALARS, *FIELDS, *wanted.named]
    if not tables.as_names(wanted.condition):
        names += [name for name in CONDITIONS if name in shapes][:1]
    if not tables.as_names(wanted.stimulus):
        names.append("stimulus")
    if wanted.behavior is None:
        kept = [name for name in shapes if dtypes[name].kind in NUMBERS or name == "spikes"]
        names += signals({name: shapes[name] for name in kept})
    return [name for name in dict.fromkeys(names) if name in shapes]


def check_arrays(
    path: str | Path, shapes: Shapes, dtypes: Mapping[str, np.dtype], used: Sequence[str]
) -> None:
    """See that the arrays used hold what they stand for: numbers, or numbers or text.

    Object arrays are left to the reader of the file.

    Raises:
        DataError: naming the first that does not.
    """
    for name in used:
        if dtypes[name].kind != "O":
            check_kind(path, name, dtypes[name], NUMBERS if name in NUMERIC else PLAIN)
    if len(shapes["spikes"]) != 3:
        raise DataError(
            f"spikes has {len(shapes['spikes'])} dimensions (shape {shapes['spikes']}) in {path}: "
            "it must have 3, trials, time and neurons."
        )


def warn_unfit(path: str | Path, shapes: Shapes, wanted: Wanted) -> None:
    """Name the signals that are left out since they do not fit the spikes.

    They are arrays of a known name, or of three axes of which trials or bins agree.
    """
    if wanted.behavior is not None:
        return
    spikes = shapes["spikes"]
    left_out = [
        f"{name} {shape}"
        for name, shape in shapes.items()
        if name not in KNOWN
        and name not in wanted.named
        and (name in FIRST or _nearly_signal(shape, spikes))
        and (len(shape) != 3 or shape[:2] != spikes[:2])
    ]
    if left_out:
        warnings.warn(unfit(path, left_out, spikes), DataWarning, stacklevel=4)


def _nearly_signal(shape: tuple[int, ...], spikes: tuple[int, ...]) -> bool:
    return len(shape) == 3 and (shape[0] == spikes[0] or shape[1] == spikes[1])


def signals(shapes: Shapes) -> list[str]:
    """Names of the arrays (trials, time, channels) without a meaning of their own.

    Hand signals come first.
    """
    others = sorted(name for name in shapes if name not in KNOWN and name not in FIRST)
    named = [name for name in FIRST if name in shapes] + others
    first = shapes["spikes"][:2]
    return [name for name in named if len(shapes[name]) == 3 and shapes[name][:2] == first]


# --- from arrays to trials ----------------------------------------------------------------------


def trials_of_arrays(
    path: str | Path,
    arrays: Arrays,
    bin_s: float | None,
    file_bin_s: float | None,
    wanted: Wanted,
) -> TrialSet:
    """Trials from named arrays, by the rules of `read_npz`; `path` names them in errors.

    Raises:
        DataError: for arrays that are missing, hold something else or have the wrong shape.
    """
    shapes = {name: array.shape for name, array in arrays.items()}
    check_arrays(path, shapes, {name: a.dtype for name, a in arrays.items()}, list(arrays))
    inputs = tables.as_names(wanted.stimulus)
    inputs = inputs or tuple(name for name in ("stimulus",) if name in arrays)
    names, values = _behavior(path, arrays, wanted.behavior, inputs)
    input_names, input_values = _stimulus(path, arrays, inputs)
    fields: dict[str, Any] = {name: arrays[name] for name in FIELDS if name in arrays}
    fields |= {name: single(path, name, arrays[name]) for name in SCALARS if name in arrays}
    if "event" in fields:
        fields["event"] = str(fields["event"])
    if "heldout" in arrays:
        fields["heldout"] = as_mask(f"heldout in {path}", arrays["heldout"])
    trials = TrialSet(
        spikes=arrays["spikes"],
        bin_s=_bin_width(path, arrays, file_bin_s),
        condition=_condition(path, arrays, wanted.condition),
        behavior=values,
        behavior_names=names,
        stimulus=input_values,
        stimulus_names=input_names,
        labels={name: _take(path, arrays, name) for name in tables.as_names(wanted.label)},
        times=_times(arrays),
        **fields,
    )
    return trials if bin_s is None else trials.rebin(bin_s)


def _take(path: str | Path, arrays: Arrays, name: str) -> np.ndarray:
    if name not in arrays:
        raise DataError(f"{path} has no array '{printable(name)}': there is {listed(arrays)}.")
    return arrays[name]


def _bin_width(path: str | Path, arrays: Arrays, file_bin_s: float | None) -> float:
    for name in WIDTHS:
        if name in arrays:
            width = single(path, name, arrays[name])
            number(f"{name} in {path}", width, 0, above=True, error=DataError)
            return float(width) / 1e3 if name == "bin_ms" else float(width)
    if file_bin_s is None:
        raise DataError(
            f"{path} holds no bin width: save bin_ms (or bin_s) with the spikes, or pass "
            "file_bin_s."
        )
    return file_bin_s


def _condition(path: str | Path, arrays: Arrays, names: str | Sequence[str] | None) -> Any:
    wanted = tables.as_names(names) or tuple(name for name in CONDITIONS if name in arrays)[:1]
    return tables.join_labels([_take(path, arrays, name) for name in wanted]) if wanted else None


def _times(arrays: Arrays) -> np.ndarray | None:
    """Irregular times, (trials, time); None for none.

    A vector of times, which all trials share, is not irregular.
    """
    times = arrays.get("times")
    if times is None or times.ndim < 2:
        return None
    return times[..., 0] if times.ndim == 3 and times.shape[2] == 1 else times


def _behavior(
    path: str | Path, arrays: Arrays, wanted: str | Sequence[str] | None, inputs: tuple[str, ...]
) -> tuple[list[str], np.ndarray | None]:
    shapes = {name: array.shape for name, array in arrays.items()}
    own = [name for name in signals(shapes) if name not in inputs] if wanted is None else wanted
    return _channels(
        [(name, _per_bin(path, arrays, name, "behaviour")) for name in tables.as_names(own)]
    )


def _stimulus(
    path: str | Path, arrays: Arrays, wanted: tuple[str, ...]
) -> tuple[list[str], np.ndarray | None]:
    shape = _take(path, arrays, "spikes").shape
    parts = []
    for name in wanted:
        array = _take(path, arrays, name)
        per_trial = array.shape == shape[:1]
        values = (
            held_constant(name, array, shape[1])
            if per_trial
            else _per_bin(path, arrays, name, "a stimulus")
        )
        parts.append((name, values))
    return _channels(parts)


def _per_bin(path: str | Path, arrays: Arrays, name: str, what: str) -> np.ndarray:
    """An array (trials, time) or (trials, time, channels) as the latter."""
    shape = _take(path, arrays, "spikes").shape[:2]
    array = _take(path, arrays, name)
    array = array[:, :, None] if array.ndim == 2 else array
    if array.shape[:2] != shape or array.ndim != 3:
        raise DataError(
            f"{name} in {path} has shape {array.shape}: {what} must be {shape} by channels, as "
            "spikes."
        )
    return array


def _channels(parts: Sequence[tuple[str, np.ndarray]]) -> tuple[list[str], np.ndarray | None]:
    """Channel names and all channels side by side; None for no array."""
    names = [channel for name, array in parts for channel in channel_names(name, array.shape[2])]
    return names, np.concatenate([array for _, array in parts], axis=2) if parts else None
