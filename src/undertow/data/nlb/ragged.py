"""Lists of trials of different length, such as the trials of each condition: `*_cond_idx`."""

from typing import Any

import numpy as np

from undertow.errors import DataError

RAGGED = "_cond_idx"


def is_ragged(name: str, values: Any) -> bool:
    """Whether an array is one of lists: by its name, or by what it holds."""
    return name.endswith(RAGGED) or _holds_objects(values)


def _holds_objects(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind == "O"


def as_ragged(name: str, values: Any) -> np.ndarray:
    """Lists of integers as an array of arrays, (lists,) of dtype object; rows of a matrix are lists
    as well.

    Raises:
        DataError: when an entry is not a flat list of integers.
    """
    ragged = np.empty(len(values), dtype=object)
    for k, entry in enumerate(values):
        row = np.asarray(entry.tolist() if _holds_objects(entry) else entry)
        row = row.astype(np.int64) if row.size == 0 and row.dtype.kind == "f" else row
        if row.ndim != 1 or row.dtype.kind not in "iu":
            raise DataError(f"{name}[{k}] is no list of integers: give the indices of its trials.")
        ragged[k] = row
    return ragged
