"""Tables in plain files, `.npy`, `.csv` and `.tsv`: events, clusters."""

import csv
from pathlib import Path

import numpy as np

from undertow.errors import DataError
from undertow.files import existing_file

MISSING = ("", "nan", "na", "n/a", "none", "null")


def read_npy(path: str | Path) -> np.ndarray:
    """One array from a `.npy` file, without pickle.

    Raises:
        DataError: for a file that is not there, is cut short, holds objects or is no `.npy`.
    """
    path = existing_file(path)
    try:
        with path.open("rb") as file:
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise DataError(
            f"{path} cannot be read as .npy (cut short, damaged, or objects): {error}"
        ) from None


def read_text_table(path: str | Path, delimiter: str | None = None) -> dict[str, np.ndarray]:
    """Read a text table whose first line holds the column names.

    Columns of numbers are read as numbers (NaN where empty), others as text.

    Args:
        path: the file.
        delimiter: a tab for .tsv and a comma for the rest by default.

    Raises:
        DataError: for a file that is not there, no column names, or rows of different length.
    """
    path = existing_file(path)
    delimiter = delimiter or ("\t" if path.suffix.lower() == ".tsv" else ",")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a text table: {error}") from None
    names = [name.strip() for name in rows[0]] if rows else []
    if (
        not names
        or len(set(names)) < len(names)
        or all(_number(name) is not None for name in names)
    ):
        raise DataError(f"{path} must begin with a line of column names, all different.")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise DataError(
                f"{path} has {len(row)} entries in row {number}: there are {len(names)} columns."
            )
    return {name: _column([row[k].strip() for row in rows[1:]]) for k, name in enumerate(names)}


def _column(entries: list[str]) -> np.ndarray:
    numbers = [np.nan if entry.lower() in MISSING else _number(entry) for entry in entries]
    if any(number is None for number in numbers) or all(entry == "" for entry in entries):
        return np.array(entries, dtype=str)
    values = np.array(numbers, dtype=float)
    whole = np.isfinite(values).all() and all(entry.lstrip("+-").isdigit() for entry in entries)
    return values.astype(np.int64) if whole else values


def _number(entry: str) -> float | None:
    try:
        return float(entry)
    except ValueError:
        return None
