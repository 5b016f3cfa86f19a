"""Read-only arrays: large counts are held once, by all sets that are made of them."""

from typing import Any

import numpy as np


def frozen(array: np.ndarray) -> np.ndarray:
    """A read-only array: callers cannot change what was validated.

    It is a copy, unless nobody can write to `array`: large counts are held once.
    """
    return array if unwritable(array) else sealed(np.array(array))


def sealed(array: np.ndarray) -> np.ndarray:
    """An array nobody else holds, made read-only with all that it is a view of."""
    part: Any = array
    while isinstance(part, np.ndarray):
        part.flags.writeable = False
        part = part.base
    return array


def unwritable(array: np.ndarray) -> bool:
    """Whether the array and all that it is a view of are read-only arrays."""
    part: Any = array
    while isinstance(part, np.ndarray) and not part.flags.writeable:
        part = part.base
    return part is None
