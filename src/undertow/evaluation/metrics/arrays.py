"""Plain arrays as the metrics take them: numbers, shapes that fit, rates of at least zero.

Inputs are read, never edited."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from undertow.errors import DataError
from undertow.memory import blocks

DOUBLE = 8

ZERO_RATE = 1e-9
"""What an expected count of exactly zero is replaced by before its logarithm is taken."""


def as_float(name: str, value: Any, ndim: int | None = None) -> np.ndarray:
    """`value` as a float64 array; a `DataError` unless it is numeric, of `ndim` dimensions."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"{name} is not a plain numeric array: pass numbers of one shape, NaN where missing."
        ) from None
    if ndim is not None and array.ndim != ndim:
        raise DataError(f"{name} has shape {array.shape}: it must have {ndim} dimensions.")
    return array


def as_numbers(name: str, value: Any, ndim: int | None = None) -> np.ndarray:
    """`value` as the floating-point array it is, for work block by block; else as `as_float`.

    A large array of single precision is not copied.
    """
    plain = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    if plain and ndim in (None, value.ndim):
        return value
    return as_float(name, value, ndim)


def row_blocks(values: np.ndarray) -> Iterator[Any]:
    """Blocks along the first axis that stay small in double precision; all of a single number."""
    return iter(((),)) if values.ndim == 0 else blocks(len(values), DOUBLE * values[:1].size)


def check_same_shape(**arrays: np.ndarray) -> None:
    """Check that all arrays have one shape."""
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise DataError(f"the shapes differ ({listed}): they must be equal.")


def check_leading(n_leading: int, **arrays: np.ndarray) -> None:
    """Check that all arrays agree in their first `n_leading` sizes (trials, or trials and bins)."""
    if len({array.shape[:n_leading] for array in arrays.values()}) > 1:
        listed = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(
            f"the shapes differ ({listed}): the first {n_leading} size(s) must be equal."
        )


def check_observed_rates(rates: np.ndarray, spikes: np.ndarray) -> None:
    """Check expected counts as `check_rates` does, wherever `spikes` are not NaN."""
    for part in row_blocks(spikes):
        with np.errstate(invalid="ignore"):
            fine = np.isfinite(rates[part]) & (rates[part] >= 0)
        if not (fine | np.isnan(spikes[part])).all():
            check_rates(rates, ~np.isnan(spikes))


def check_rates(rates: np.ndarray, where: np.ndarray) -> None:
    """Check that expected counts are finite and at least zero wherever `where` is True."""
    rules = (
        ("NaN", np.isnan, "a rate is needed wherever spikes were observed"),
        ("negative", lambda r: r < 0, "expected counts must be zero or more"),
        ("infinite", np.isposinf, "expected counts must be finite"),
    )
    for what, breaks, rule in rules:
        bad = breaks(rates) & where
        if bad.any():
            first = tuple(int(i) for i in np.argwhere(bad)[0])
            raise DataError(
                f"rates holds {int(bad.sum())} {what} value(s), the first at {first}: {rule}."
            )
