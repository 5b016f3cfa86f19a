"""Rules for the fields of a `TrialSet` and a `Recording`.

Each check returns the value it has seen, or says what was found, where, and what to do.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from undertow.checks import number
from undertow.data.sharing import frozen, sealed, totals
from undertow.errors import DataError, DataWarning
from undertow.memory import blocks


def as_numeric(name: str, value: Any, ndim: int, dtype: type = np.float32) -> np.ndarray:
    """Return `value` as a read-only array of `ndim` dimensions, or raise `DataError`.

    It is a fresh one, unless nobody can write to `value`.
    """
    array = as_array(name, value)
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{name} has dtype {array.dtype}: it must be a plain numeric array. Ragged lists "
            "become object arrays; pad the trials with NaN and pass `lengths` instead."
        )
    if array.ndim != ndim:
        raise DataError(
            f"{name} has {array.ndim} dimensions (shape {array.shape}): it must have {ndim}."
        )
    # a value too large becomes infinite, which the caller refuses by name
    with np.errstate(over="ignore"):
        converted: np.ndarray = array.astype(dtype, copy=False)
    return frozen(array) if converted is array else sealed(converted)


def as_array(name: str, value: Any) -> np.ndarray:
    """Return `value` as an array, or raise `DataError` where its parts differ in length."""
    try:
        return np.asarray(value)
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
    return number("bin_s", scalar(bin_s), 0, above=True, unit="seconds", error=DataError)


def check_counts(spikes: np.ndarray) -> None:
    """Counts are finite or NaN, at least zero and whole."""
    if 0 in spikes.shape:
        raise DataError(
            f"spikes has shape {spikes.shape}: there must be at least one trial, bin and neuron."
        )
    if all(_all_counts(spikes[part]) for part in blocks(len(spikes), spikes[:1].nbytes)):
        return
    rules = (
        ("infinite", np.isinf, "counts must be finite, or NaN where not observed"),
        ("negative", lambda x: x < 0, "counts must be zero or more"),
        (
            "fractional",
            lambda x: np.isfinite(x) & (x != np.round(x)),
            "counts must be whole; pass counts per bin, not rates",
        ),
    )
    for what, breaks, rule in rules:
        bad = breaks(spikes)
        if bad.any():
            trial, time, neuron = np.argwhere(bad)[0]
            raise DataError(
                f"spikes holds {int(bad.sum())} {what} value(s), the first "
                f"({spikes[trial, time, neuron]:g}) "
                f"at trial {trial}, bin {time}, neuron {neuron}: {rule}."
            )


def _all_counts(values: np.ndarray) -> bool:
    """Whether every value is NaN, or a whole number that is at least zero."""
    whole = (values >= 0) & (values == np.round(values)) & ~np.isinf(values)
    return bool((whole | np.isnan(values)).all())


def check_any_spikes(spikes: np.ndarray) -> None:
    """There is at least one spike to learn from."""
    if not totals(spikes)[0].sum() > 0:
        raise DataError(
            "spikes holds no spike at all: check the window, the alignment and the unit filter."
        )


def warn_silent(spikes: np.ndarray, neuron_ids: np.ndarray) -> None:
    """Name the neurons that never spike; scores leave them out."""
    silent = neuron_ids[~(totals(spikes)[0] > 0)]
    if silent.size:
        shown = ", ".join(map(str, silent[:10])) + (", …" if silent.size > 10 else "")
        warnings.warn(
            f"{silent.size} of {neuron_ids.size} neurons never spike and are left out of scores: "
            f"{shown}.",
            DataWarning,
            stacklevel=4,
        )


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


def check_heldout(heldout: Any, n_neurons: int) -> np.ndarray:
    """One boolean per neuron, not all of them True; without any, none is held out."""
    array = np.zeros(n_neurons, bool) if heldout is None else np.asarray(heldout)
    if array.shape != (n_neurons,) or array.dtype != bool:
        raise DataError(
            f"heldout has shape {array.shape}, dtype {array.dtype}: it must be {n_neurons} "
            "booleans."
        )
    if array.all():
        raise DataError(
            f"all {n_neurons} neurons are held out: at least one must be given to the encoder."
        )
    return frozen(array)


def check_names(signal: str, names: Any, values: np.ndarray | None) -> tuple[str, ...]:
    """One name per channel of a signal; 'behavior_0', 'behavior_1', … by default."""
    n_channels = 0 if values is None else values.shape[2]
    found = tuple(names) or tuple(f"{signal}_{k}" for k in range(n_channels))
    if len(found) != n_channels:
        raise DataError(
            f"{signal}_names has {len(found)} entries: {signal} has {n_channels} channels."
        )
    return found


def check_labels(name: str, value: Any, n: int, unique: bool = False) -> np.ndarray:
    """One label (number or string) per trial or neuron."""
    array = as_array(name, value)
    if array.dtype == object:
        raise DataError(f"{name} is an object array: it must hold plain numbers or strings.")
    if array.shape != (n,):
        raise DataError(f"{name} has shape {array.shape}: it must have {n} entries.")
    if unique and np.unique(array).size != n:
        values, counts = np.unique(array, return_counts=True)
        raise DataError(
            f"{name} holds {values[counts > 1][0]!r} more than once: every entry must be different."
        )
    return frozen(array)


def check_categories(labels: Any, n_trials: int) -> dict[str, np.ndarray]:
    """Name → one category per trial; whole numbers kept as floats become integers."""
    clean: dict[str, np.ndarray] = {}
    for name, value in ({} if labels is None else labels).items():
        array = check_labels(f"labels[{name!r}]", value, n_trials)
        if array.dtype.kind not in "biufU":
            raise DataError(
                f"labels[{name!r}] has dtype {array.dtype}: it must hold numbers or strings."
            )
        whole = array.dtype.kind == "f" and bool((array == np.round(array)).all())
        clean[str(name)] = frozen(array.astype(np.int64)) if whole else array
    return clean


def check_shared(labels: Mapping[str, np.ndarray]) -> None:
    """A label groups trials: some of them share one."""
    for name, values in labels.items():
        there = values[known_labels(values)]
        if there.size > 2 and np.unique(there).size == there.size:
            raise DataError(
                f"labels[{name!r}] is different in each of {there.size} trials: a label is a "
                "category several trials share; bin a measured number first."
            )


def known_labels(labels: np.ndarray) -> np.ndarray:
    """True where a trial's label is there: neither NaN nor ''; (trials,)."""
    if labels.dtype.kind == "U":
        return labels != ""
    return np.isfinite(labels.astype(float))


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


def check_truth(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """True rates in spikes/s, shaped like spikes, never negative or infinite."""
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
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iuf"):
        raise DataError(
            f"spike times of unit {unit} have shape {array.shape}, dtype {array.dtype}: "
            "they must be one list of seconds."
        )
    array = array.astype(float)
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
    arrays = [
        as_array("obs_intervals", i).astype(float)
        for i in ([intervals] * n_units if shared else intervals)
    ]
    if len(arrays) != n_units:
        raise DataError(f"obs_intervals has {len(arrays)} entries: there are {n_units} units.")
    for unit, array in enumerate(arrays):
        if array.ndim != 2 or array.shape[1] != 2 or not (array[:, 1] >= array[:, 0]).all():
            raise DataError(
                f"obs_intervals of unit {unit} has shape {array.shape}: "
                "rows must be (start, stop) in seconds."
            )
    return arrays
