"""Reading `.npz` files of binned trials."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from undertow.data import tables
from undertow.data.sharing import sealed
from undertow.data.signals import channel_names, held_constant
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.files import existing_file
from undertow.names import listed

CONDITIONS = ("condition", "target", "cue")
FIELDS = ("region", "truth", "lengths", "split", "neuron_ids", "trial_ids")
SCALARS = ("start_s", "event", "forward_bins")
KNOWN = {
    "spikes",
    "heldout",
    "stimulus",
    "times",
    "bin_ms",
    "bin_s",
    *SCALARS,
    *FIELDS,
    *CONDITIONS,
}

Arrays = dict[str, np.ndarray | None]  # None: an object array, which only pickle could read


class Wanted(NamedTuple):
    """Names of the arrays to take as conditions, behaviour, stimulus and labels."""

    condition: str | Sequence[str] | None = None
    behavior: str | Sequence[str] | None = None
    stimulus: str | Sequence[str] | None = None
    label: str | Sequence[str] = ()


def read_npz(
    path: str | Path,
    bin_s: float | None = None,
    condition: str | Sequence[str] | None = None,
    behavior: str | Sequence[str] | None = None,
    file_bin_s: float | None = None,
    stimulus: str | Sequence[str] | None = None,
    label: str | Sequence[str] = (),
) -> TrialSet:
    """Read binned trials from a `.npz` file, without pickle.

    The file holds `spikes` (trials, time, neurons) and `bin_ms` or `bin_s`; and, where there are
    any, `condition`, signals (trials, time, channels) such as `hand_vel`, `stimulus`, `region`,
    `heldout`, `truth`, `lengths`, `start_s`, `event`, `forward_bins`, `split`, `neuron_ids`,
    `trial_ids`; for bins at irregular times `times`, (trials, time).

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

    Raises:
        DataError: for a file that is not there, cut short or no `.npz`, a missing array, or arrays
            that break a rule.
    """
    arrays = _read_arrays(existing_file(path))
    wanted = Wanted(condition, behavior, stimulus, label)
    return trials_of_arrays(path, arrays, bin_s, file_bin_s, wanted)


def trials_of_arrays(
    path: str | Path,
    arrays: Arrays,
    bin_s: float | None,
    file_bin_s: float | None,
    wanted: Wanted,
) -> TrialSet:
    """Trials from named arrays, by the rules of `read_npz`; `path` names them in errors."""
    spikes = _take(path, arrays, "spikes")
    inputs = tables.as_names(wanted.stimulus)
    inputs = inputs or tuple(name for name in ("stimulus",) if name in arrays)
    names, values = _behavior(path, arrays, wanted.behavior, inputs)
    input_names, input_values = _stimulus(path, arrays, inputs)
    fields: dict[str, Any] = {name: _take(path, arrays, name) for name in FIELDS if name in arrays}
    fields |= {name: _scalar(path, arrays, name) for name in SCALARS if name in arrays}
    if "heldout" in arrays:
        fields["heldout"] = _take(path, arrays, "heldout").astype(bool)
    trials = TrialSet(
        spikes=spikes,
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


def _read_arrays(path: Path) -> Arrays:
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(f"{path} holds a single array: save named arrays with numpy.savez.")
            return {name: _read_one(archive, name) for name in archive.files}
    except DataError:
        raise
    except (
        OSError,
        ValueError,
        EOFError,
        KeyError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(
            f"{path} cannot be read as .npz (cut short, damaged, or another kind of file): {error}"
        ) from None


def _read_one(archive: Any, name: str) -> np.ndarray | None:
    try:
        # nobody else holds it: read-only, it is not copied again when it is checked
        return sealed(np.asarray(archive[name]))
    except ValueError as error:
        if "Object arrays" in str(error):
            return None
        raise


def list_arrays(path: str | Path) -> list[str]:
    """Names and shapes of the arrays of a file, such as 'spikes (129, 100, 162)'.

    Object arrays are named as such.
    """
    arrays = _read_arrays(existing_file(path))
    return [f"{name} {'(object array)' if a is None else a.shape}" for name, a in arrays.items()]


def _take(path: str | Path, arrays: Arrays, name: str) -> np.ndarray:
    if name not in arrays:
        raise DataError(f"{path} has no array {name!r}: there is {listed(arrays)}.")
    array = arrays[name]
    if array is None:
        raise DataError(
            f"{name} in {path} is an object array, which only pickle could read: save a plain "
            "numeric or string array (pad trials of different length with NaN and save `lengths`)."
        )
    return array


def _scalar(path: str | Path, arrays: Arrays, name: str) -> Any:
    array = _take(path, arrays, name)
    if array.size != 1:
        raise DataError(f"{name} in {path} has shape {array.shape}: it must be a single value.")
    return array.reshape(-1)[0].item()


def _bin_width(path: str | Path, arrays: Arrays, file_bin_s: float | None) -> float:
    if "bin_ms" in arrays:
        return float(_scalar(path, arrays, "bin_ms")) / 1e3
    if "bin_s" in arrays:
        return float(_scalar(path, arrays, "bin_s"))
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
    own = [name for name in _signals(arrays) if name not in inputs] if wanted is None else wanted
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


def _signals(arrays: Arrays) -> list[str]:
    """Names of the arrays (trials, time, channels) without a meaning of their own.

    Hand signals come first.
    """
    first = ("hand_vel", "hand_pos")
    others = sorted(name for name in arrays if name not in KNOWN and name not in first)
    named = [name for name in first if name in arrays] + others
    shapes = {
        name: array.shape for name, array in arrays.items() if array is not None and array.ndim == 3
    }
    return [name for name in named if name in shapes and shapes[name][:2] == shapes["spikes"][:2]]
