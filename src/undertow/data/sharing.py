"""Read-only arrays: large counts are held once, by all sets that are made of them."""

from typing import Any

import numpy as np

from undertow.memory import blocks


def frozen(array: np.ndarray) -> np.ndarray:
    """A read-only array: callers cannot change what was validated.

    It is a copy, unless nobody can write to `array`: large counts are held once.
    """
    return array if _unwritable(array) else sealed(np.array(array))


def sealed(array: np.ndarray) -> np.ndarray:
    """An array nobody else holds, made read-only with all that it is a view of."""
    part: Any = array
    while isinstance(part, np.ndarray):
        part.flags.writeable = False
        part = part.base
    return array


def _unwritable(array: np.ndarray) -> bool:
    """Whether the array and all that it is a view of are read-only arrays."""
    part: Any = array
    while isinstance(part, np.ndarray) and not part.flags.writeable:
        part = part.base
    return part is None


def totals(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of what is observed and number of observed bins, both (neurons,).

    Values are (trials, time, neurons), NaN where not observed.
    """
    total, observed = np.zeros(values.shape[2]), np.zeros(values.shape[2], int)
    for part in blocks(len(values), values[:1].nbytes):
        total += np.nansum(values[part], axis=(0, 1), dtype=np.float64)
        observed += np.isfinite(values[part]).sum(axis=(0, 1))
    return total, observed
