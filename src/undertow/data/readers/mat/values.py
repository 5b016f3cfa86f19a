"""Variables of MATLAB files, read as columns and as lists of arrays."""

from pathlib import Path
from typing import Any

import numpy as np

from undertow.data.readers.mat.variables import Variable, Variables, opened_mat
from undertow.errors import DataError

LARGEST = 2**53
"""Up to here every whole number has a double, and fits in 64 bits."""


def prefixes(name: str) -> list[str]:
    """Where to look for what belongs to a variable: 'a.b.spikes' → 'a.b.', 'a.', ''."""
    structs = name.split(".")[:-1]
    return [".".join(structs[:k]) + "." for k in range(len(structs), 0, -1)] + [""]


def find_variable(variables: Variables, beside: str, name: str) -> str | None:
    """The full name of a variable beside another one, else in the structs around it.

    None where there is none.
    """
    return next((prefix + name for prefix in prefixes(beside) if prefix + name in variables), None)


def plain_column(value: Any) -> np.ndarray | None:
    """One plain value per row, whole numbers as integers; None for anything else."""
    if isinstance(value, str):
        return np.array([value])
    if value.dtype == object:
        cells = [
            plain_column(item) if not isinstance(item, dict) else None for item in value.ravel()
        ]
        if any(cell is None or cell.size > 1 for cell in cells):
            return None
        plain = [cell[0] if cell is not None and cell.size else np.nan for cell in cells]
        value = np.array(plain)
        if value.dtype.kind == "U" and not all(isinstance(item, str) for item in plain):
            return None
    if value.size != max(value.shape, default=0) or value.dtype.kind not in "biufU":
        return None
    flat = value.ravel()
    whole = flat.dtype.kind == "f" and bool((flat == np.round(flat)).all())
    exact = flat.dtype.kind in "biuf" and bool((np.abs(flat.astype(float)) <= LARGEST).all())
    return flat.astype(np.int64) if exact and (whole or flat.dtype.kind in "biu") else flat


def cell_list(name: str, variable: Variable) -> list[np.ndarray]:
    """The entries, numbers all, of a one-dimensional cell or struct array."""
    if sum(n != 1 for n in variable.shape) > 1:
        raise DataError(
            f"{name} is a cell array of shape {variable.shape}: give one cell per unit with all "
            "its spike times in seconds, or one matrix of counts per trial."
        )
    cells = list(variable.read().ravel())
    for k, cell in enumerate(cells):
        if not isinstance(cell, np.ndarray) or cell.dtype.kind not in "biuf" or cell.ndim > 2:
            found = f"shape {cell.shape}" if isinstance(cell, np.ndarray) else type(cell).__name__
            raise DataError(
                f"{name} holds {found} in cell {k + 1}: every cell must hold a list of numbers."
            )
    return cells


def columns_of_size(path: str | Path, names: str, n: int) -> dict[str, np.ndarray]:
    """Variables of `n` plain values whose last name stands in the text `names`."""
    with opened_mat(path) as variables:
        there = {full.rpartition(".")[2]: each for full, each in variables.items()}
        columns = {
            name: plain_column(each.read())
            for name, each in there.items()
            if name in names and each.kind != "object" and max(each.shape, default=0) == n
        }
    return {name: each for name, each in columns.items() if each is not None and each.size == n}
