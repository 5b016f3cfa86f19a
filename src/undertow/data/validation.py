"""Rules for the fields of a `TrialSet` and a `Recording`.

Each check returns the value it has seen, or says what was found, where, and what to do.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from undertow.checks import number
from undertow.data.plain import known_labels as known_labels
from undertow.data.plain import plain_values
from undertow.data.sharing import frozen, sealed, unwritable
from undertow.errors import DataError
from undertow.memory import check_memory
from undertow.names import shown


def as_numeric(name: str, value: Any, ndim: int, dtype: type = np.float32) -> np.ndarray:
    """Return `value` as a read-only array of `ndim` dimensions, or raise `DataError`.

    It is a fresh one, unless nobody can write to `value`.
    """
    array = as_array(name, value)
    if array.dtype == object and (found := plain_values(array)) is not None:
        array = found
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{name} has dtype {array.dtype}: it must be a plain numeric array. Ragged lists "
            "become object arrays; pad the trials with NaN and pass `lengths` instead."
        )
    if array.dtype == dtype and array.ndim == ndim and unwritable(array):
        return array
    if array.ndim != ndim:
        raise DataError(
            f"{name} has {array.ndim} dimensions (shape {array.shape}): it must have {ndim}."
        )
    check_memory(
        array.size * (3 * np.dtype(dtype).itemsize),  # a copy, and what checking it takes
        f"{name} of shape {array.shape}",
        "give fewer trials, bins or neurons.",
    )
    # a value too large becomes infinite, which the caller refuses by name
    with np.errstate(over="ignore"):
        converted: np.ndarray = array.astype(dtype, copy=False)
    return frozen(array) if converted is array else sealed(converted)


def as_array(name: str, value: Any) -> np.ndarray:
    """Return `value` as an array, or raise `DataError` where its parts differ in length."""
    try:
        return np.asarray(value)
    except (OverflowError, MemoryError):
        raise DataError(f"{name} holds numbers too large, or too many of them.") from None
    except ValueError:
        raise DataError(
            f"{name} is ragged (its parts differ in length): make it one rectangular array; pad "
            "trials of different length with NaN and pass `lengths`."
        ) from None


def scalar(value: Any) -> Any:
    """A number as it is, also out of an array of a single value, as files hold it."""
    return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value


def bin_width(bin_s: Any) -> float:
    """A bin width: a number of seconds above zero."""
    return seconds("bin_s", bin_s)


def seconds(name: str, value: Any) -> float:
    """A number of seconds above zero."""
    return number(name, scalar(value), 0, above=True, unit="seconds", error=DataError)


def as_list(name: str, value: Any, rule: str) -> list[Any]:
    """The entries of a list, or of what can be gone through like one."""
    several = isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)
    if not several or (isinstance(value, np.ndarray) and value.ndim == 0):
        raise DataError(f"{name} is {shown(value)}: {rule}.")
    check_memory(8.0 * getattr(value, "size", 0), name, "give fewer.")
    return list(value)


def check_lengths(lengths: Any, n_trials: int, n_time: int) -> np.ndarray:
    """Bins per trial: whole numbers from 1 to the number of bins."""
    array = np.full(n_trials, n_time) if lengths is None else as_array("lengths", lengths)
    if array.shape != (n_trials,) or not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            f"lengths has shape {array.shape} and dtype {array.dtype}: "
            f"it must be {n_trials} whole numbers, bins per trial."
        )
    if (array < 1).any() or (array > n_time).any():
        trial = int(np.flatnonzero((array < 1) | (array > n_time))[0])
        raise DataError(
            f"lengths[{trial}] is {array[trial]}: it must lie between 1 and {n_time}, the number "
            "of bins."
        )
    return frozen(array.astype(np.int64))


def blank_past_end(array: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`array` (trials, time, …), NaN past the end of each trial, whatever was there."""
    if (lengths == array.shape[1]).all():
        return array
    inside = np.arange(array.shape[1])[None] < lengths[:, None]
    if np.isnan(array[~inside]).all():  # a part of a set that was blanked before
        return array
    return sealed(np.where(inside[..., None], array, np.float32(np.nan)))


def check_names(signal: str, names: Any, values: np.ndarray | None) -> tuple[str, ...]:
    """One name per channel of a signal; 'behavior_0', 'behavior_1', … by default."""
    n_channels = 0 if values is None else values.shape[2]
    rule = "it must be a list of names"
    given = [names] if isinstance(names, str) else as_list(f"{signal}_names", names, rule)
    if not all(isinstance(name, str) for name in given):
        raise DataError(f"{signal}_names is {shown(names)}: {rule}.")
    found = _different(tuple(map(str, given))) or tuple(f"{signal}_{k}" for k in range(n_channels))
    if len(found) != n_channels:
        raise DataError(
            f"{signal}_names has {len(found)} entries: {signal} has {n_channels} channels."
        )
    return found


def _different(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, a second of the same name as 'name (2)': channels are told apart by name."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    if len(seen) == len(names):
        return names
    places = (names[: k + 1].count(name) for k, name in enumerate(names))
    return tuple(f"{name} ({k})" if k > 1 else name for name, k in zip(names, places, strict=True))


def check_text(name: str, value: Any) -> str:
    """Text, also as files hold it."""
    value = scalar(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if not isinstance(value, str):
        raise DataError(f"{name} is {shown(value)}: it must be text.")
    return str(value)


def check_signal(name: str, value: Any, n_trials: int, n_time: int) -> np.ndarray:
    """A continuous signal per bin, (trials, time, channels); NaN where missing, never infinite."""
    array = as_numeric(name, value, 3)
    if array.shape[:2] != (n_trials, n_time):
        raise DataError(
            f"{name} has shape {array.shape}: its first two sizes must be {(n_trials, n_time)}, as "
            "in spikes."
        )
    if np.isinf(array).any():
        trial, time, channel = np.argwhere(np.isinf(array))[0]
        raise DataError(
            f"{name} is infinite at trial {trial}, bin {time}, channel {channel}: "
            "use NaN where it is missing."
        )
    return array


def check_truth(value: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """True rates in spikes/s, shaped like spikes, never negative or infinite; or none."""
    if value is None:
        return None
    array = as_numeric("truth", value, 3)
    if array.shape != shape:
        raise DataError(
            f"truth has shape {array.shape}: it must have the shape of spikes, {shape}."
        )
    if np.isinf(array).any() or (array < 0).any():
        raise DataError("truth holds negative or infinite values: it must be rates in spikes/s.")
    return array


def check_spike_times(unit: Any, times: Any) -> np.ndarray:
    """One unit's spike times in seconds, sorted."""
    array = as_array(f"the list of spike times of unit {unit}", times)
    if array.shape == (0,):
        return np.zeros(0)
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise DataError(
            f"spike times of unit {unit} have shape {array.shape}, dtype {array.dtype}: "
            "they must be one list of seconds."
        )
    array = frozen(array) if array.dtype == float else array.astype(float)
    if bad := int((~np.isfinite(array)).sum()):
        raise DataError(
            f"spike times of unit {unit} hold {bad} NaN or infinite value(s): remove them."
        )
    return array if (np.diff(array) >= 0).all() else np.sort(array)


def check_intervals(intervals: Any, n_units: int) -> list[np.ndarray] | None:
    """Observed intervals (n, 2) in seconds for each unit; one array is shared by all."""
    if intervals is None:
        return None
    shared = isinstance(intervals, np.ndarray) and intervals.ndim == 2
    rule = "it must be rows (start, stop), for all units or one array for each"
    each = [intervals] * n_units if shared else as_list("obs_intervals", intervals, rule)
    if len(each) != n_units:
        raise DataError(f"obs_intervals has {len(each)} entries: there are {n_units} units.")
    arrays = [_as_intervals(unit, value) for unit, value in enumerate(each)]
    for unit, array in enumerate(arrays):
        if array.ndim != 2 or array.shape[1] != 2 or not (array[:, 1] >= array[:, 0]).all():
            raise DataError(
                f"obs_intervals of unit {unit} has shape {array.shape}: "
                "rows must be (start, stop) in seconds."
            )
    return arrays


def _as_intervals(unit: int, value: Any) -> np.ndarray:
    array = as_array("obs_intervals", value)
    if array.size and (array.dtype.kind not in "iuf" or array.shape[1:] != (2,)):
        raise DataError(
            f"obs_intervals of unit {unit} has shape {array.shape}, dtype {array.dtype}: rows must "
            "be (start, stop) in seconds."
        )
    return array.astype(float) if array.size else np.zeros((0, 2))
