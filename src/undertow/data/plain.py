"""Plain columns: numbers, truth values or text of what tables hold, and what is missing there.

Missing text is '', a missing number or truth value NaN.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from undertow.errors import DataError, DataWarning
from undertow.names import listed, shown

MISSING_TYPES = ("NAType", "NaTType")
"""Types of pandas' values that stand for nothing; their names, for pandas need not be there."""
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


def plain_values(array: np.ndarray) -> np.ndarray | None:
    """An array of numbers, truth values or text; None where there is no such array of it.

    Python objects become the narrowest of these that holds them all, dates and mixtures of numbers
    and text become text.
    """
    if array.dtype.kind in "biufU":
        return array
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind == "M":
        return np.where(np.isnat(array), "", array.astype(str))
    if array.dtype != object:
        return None
    found = _of_objects(array.ravel().tolist())
    return None if found is None else found.reshape(array.shape)


def _of_objects(values: list[Any]) -> np.ndarray | None:
    missing = [_is_missing(value) for value in values]
    there = [value for value, gone in zip(values, missing, strict=True) if not gone]
    if not all(isinstance(v, str | bytes | bool | int | float | np.generic) for v in there):
        return None
    if any(isinstance(value, str | bytes) for value in there):
        return np.array(["" if gone else _text(v) for v, gone in zip(values, missing, strict=True)])
    try:
        plain = np.array(there) if there else np.zeros(0)
        if plain.dtype.kind not in "biuf" or plain.ndim != 1:
            return None
        if len(there) == len(values):
            return plain
        full = np.full(len(values), np.nan)
        full[~np.array(missing)] = plain
    except (OverflowError, ValueError):  # whole numbers beyond every type of number
        return None
    return full


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in MISSING_TYPES:
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def known_labels(labels: np.ndarray) -> np.ndarray:
    """True where a label is there: neither NaN nor ''; (trials,) or (neurons,)."""
    return labels != "" if labels.dtype.kind == "U" else np.isfinite(labels.astype(float))


def named(what: str, labels: np.ndarray, stand_in: str) -> np.ndarray | None:
    """Labels with `stand_in` where one is missing, which is said; None where all are.

    Args:
        what: is labelled by them ('condition'), for the warning.
        labels: numbers or text, (trials,) or (neurons,).
        stand_in: the label of those without one; with it numbers become text.
    """
    gone = labels == "" if labels.dtype.kind == "U" else np.isnan(labels.astype(float))
    if not gone.any():
        return labels
    n, of = int(gone.sum()), gone.size
    so = "there is none" if n == of else f"{'it is' if n == 1 else 'they are'} {stand_in!r}"
    warnings.warn(f"{what} is missing in {n} of {of} places: {so}.", DataWarning, stacklevel=5)
    if n == of:
        return None
    return np.array([stand_in if g else as_text(v) for v, g in zip(labels, gone, strict=True)])


def as_text(value: Any) -> str:
    """A label as text; a whole number kept as a float loses its '.0'."""
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)


def as_mask(what: str, values: Any) -> np.ndarray:
    """A column of yes and no as truth values; a missing one is no, which is said.

    Raises:
        DataError: for text that says neither.
    """
    array = np.asarray(values)
    if array.dtype == bool:
        return array
    plain = plain_values(array)
    if plain is None:
        raise DataError(f"{what} holds {array.dtype}: it must hold true and false.")
    if plain.dtype.kind == "U":
        return _read_truths(what, plain)
    missing = np.isnan(plain.astype(float))
    if (wrong := plain[~missing & ~np.isin(plain, (0, 1))]).size:
        raise DataError(f"{what} holds {wrong[0]:g}: it must hold true and false, or 1 and 0.")
    if missing.any():
        warnings.warn(
            f"{what} is missing in {missing.sum()} of {missing.size} places: it counts as false "
            "there.",
            DataWarning,
            stacklevel=3,
        )
    return np.where(missing, 0, plain).astype(bool)


def _read_truths(what: str, text: np.ndarray) -> np.ndarray:
    unknown = sorted({value for value in text.ravel().tolist() if value.lower() not in TRUTHS})
    if unknown:
        raise DataError(f"{what} holds {shown(unknown[0])}: it must hold true and false.")
    truths = [TRUTHS[value.lower()] for value in text.ravel().tolist()]
    return np.array(truths, bool).reshape(text.shape)


def warn_left_out(table: str, columns: Sequence[str]) -> None:
    """Name, once, the columns of a table that hold no plain value a row."""
    if columns:
        warnings.warn(
            f"{len(columns)} column(s) of the {table} hold no single number or text a row and are "
            f"left out: {listed(columns)}.",
            DataWarning,
            stacklevel=4,
        )
