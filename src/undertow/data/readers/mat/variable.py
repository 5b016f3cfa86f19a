"""`Variable`: one variable of a MATLAB file, read when asked for."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from undertow.errors import DataError
from undertow.memory import check_memory
from undertow.names import printable

DEEPEST = 40
"""Cells and structs in each other."""

Kind = Literal["numbers", "text", "cell", "object"]


@dataclass(frozen=True)
class Variable:
    """One MATLAB variable, read when asked for.

    Attributes:
        kind: 'numbers', 'text', 'cell' (also a field of a struct array), or 'object': what only
            MATLAB reads.
        shape: as MATLAB shows it.
        read: gives numbers as an array of that shape, text as a string (an array of them for
            several rows), a cell as an object array of values, a struct inside a cell as a
            dictionary.
    """

    kind: Kind
    shape: tuple[int, ...]
    read: Callable[[], Any]

    def __str__(self) -> str:
        return f"{self.shape}" if self.kind == "numbers" else f"{self.kind} {self.shape}"


Variables = dict[str, Variable]


def unreadable(name: str) -> Any:
    """Refuse what only MATLAB can read."""
    raise DataError(
        f"{printable(name)} is a MATLAB object (a table, string, datetime, function or class), "
        "which only MATLAB can read: save it as numbers, a cell array of char, or a struct."
    )


def as_cells(values: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Values of any kind as an object array of this shape."""
    cells = np.empty(len(values), object)
    for k, value in enumerate(values):  # one by one: NumPy would stack arrays of equal length
        cells[k] = value
    return cells.reshape(shape)


def as_text(rows: list[str]) -> str | np.ndarray:
    """One row as a string; several as an array, without the blanks MATLAB pads them with."""
    rows = [row.encode("utf-8", "replace").decode("utf-8") for row in rows]  # halves of characters
    return "".join(rows) if len(rows) < 2 else np.array([row.rstrip() for row in rows])


def full_matrix(
    name: str, data: np.ndarray, rows: np.ndarray, ends: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """A sparse matrix made full, from its values column by column.

    Args:
        name: for errors.
        data, rows: values and the row of each.
        ends: where the values of each column start, and the end of the last.
        shape: of the matrix.

    Raises:
        DataError: for indices outside of it, or a matrix larger than memory.
    """
    check_memory(
        16 * math.prod(shape),
        f"the sparse matrix {printable(name)} of shape {shape}, made full,",
        "save the part that is needed.",
    )
    n = int(ends[-1]) if ends.size else -1
    fits = (
        ends.size == shape[1] + 1
        and ends[0] == 0
        and bool((np.diff(ends.astype(float)) >= 0).all())
    )
    fits = fits and 0 <= n <= min(rows.size, data.size)
    if not fits or (n and not 0 <= rows[:n].min() <= rows[:n].max() < shape[0]):
        raise DataError(
            f"the sparse matrix {printable(name)} of shape {shape} has indices outside of it: the "
            "file is damaged, save it again."
        )
    full = np.zeros(shape, complex if data.dtype.kind == "c" else float)
    lengths: np.ndarray = ends[1:].astype(np.int64) - ends[:-1].astype(np.int64)
    columns = np.repeat(np.arange(shape[1]), lengths)
    np.add.at(full, (rows[:n].astype(np.int64), columns), data[:n])
    return full
