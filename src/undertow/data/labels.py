"""Rules for what labels trials and neurons: ids, conditions, regions, parts, categories, masks."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from undertow.data.plain import known_labels, named, plain_values
from undertow.data.sharing import frozen
from undertow.data.validation import as_array
from undertow.errors import DataError
from undertow.names import printable, shown

STAND_INS = {"condition": "none", "split": "none", "region": "unknown"}
"""What a label is called where it is missing."""


def check_labels(name: str, value: Any, n: int, unique: bool = False) -> np.ndarray:
    """One label (number or text) per trial or neuron.

    Raises:
        DataError: for another shape, what is neither number nor text, and of ids what is missing
            or stands there twice.
    """
    given = as_array(name, value)
    if given.shape != (n,):
        raise DataError(f"{name} has shape {given.shape}: it must have {n} entries.")
    array = plain_values(given)
    if array is None:
        what = "is an object array" if given.dtype == object else f"has dtype {given.dtype}"
        raise DataError(f"{name} {what}: it must hold plain numbers or strings.")
    if unique:
        _refuse_doubles(name, array)
    return frozen(array)


def check_ids(name: str, given: Any, n: int) -> np.ndarray:
    """A different label for each trial or neuron: 0, 1, … by default."""
    return check_labels(name, np.arange(n) if given is None else given, n, unique=True)


def _refuse_doubles(name: str, ids: np.ndarray) -> None:
    if ids.dtype.kind == "f" and np.isnan(ids).any():
        raise DataError(f"{name} holds NaN: every entry must be an id, and different.")
    values, counts = np.unique(ids, return_counts=True)
    if values.size != ids.size:
        raise DataError(
            f"{name} holds {shown(values[counts > 1][0])} more than once: every entry must be "
            "different."
        )


def check_groups(name: str, value: Any, n: int) -> np.ndarray | None:
    """Labels that group trials or neurons; where one is missing it is 'none' or 'unknown'.

    A warning says how many are missing; where all are, there are no labels.
    """
    if value is None:
        return None
    array = named(name, check_labels(name, value, n), STAND_INS[name])
    return None if array is None else frozen(array)


def check_categories(labels: Any, n_trials: int) -> dict[str, np.ndarray]:
    """Name → one category per trial; whole numbers kept as floats become integers."""
    if labels is not None and not isinstance(labels, Mapping):
        raise DataError(f"labels is {shown(labels)}: it must map names to one category per trial.")
    clean: dict[str, np.ndarray] = {}
    for name, value in (labels or {}).items():
        array = check_labels(f"labels[{printable(repr(name))}]", value, n_trials)
        clean[str(name)] = _whole(array) if array.dtype.kind == "f" else array
    return clean


def _whole(array: np.ndarray) -> np.ndarray:
    """Numbers as integers where all are whole."""
    wide = array.astype(np.float64)  # half precision does not reach as far as the bound
    whole = bool(((wide == np.round(wide)) & (np.abs(wide) < 2**53)).all())
    return frozen(wide.astype(np.int64)) if whole else array


def check_shared(labels: Mapping[str, np.ndarray]) -> None:
    """A label groups trials: some of them share one."""
    for name, values in labels.items():
        there = values[known_labels(values)]
        if there.size > 2 and np.unique(there).size == there.size:
            raise DataError(
                f"labels[{name!r}] is different in each of {there.size} trials: a label is a "
                "category several trials share; bin a measured number first."
            )


def check_heldout(heldout: Any, n_neurons: int) -> np.ndarray:
    """One boolean per neuron, not all of them True; without any, none is held out."""
    array = np.zeros(n_neurons, bool) if heldout is None else as_array("heldout", heldout)
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
