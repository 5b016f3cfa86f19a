"""Tables in plain files, `.npy`, `.csv` and `.tsv`: events, clusters, spikes."""

import csv
import tokenize
from collections.abc import Iterator, Sequence
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from undertow.errors import DataError
from undertow.files import existing_file
from undertow.memory import check_memory
from undertow.names import listed, printable

MISSING = ("", "nan", "na", "n/a", "none", "null")
DELIMITERS = (",", "\t", ";", "|")
CHUNK_ROWS = 20_000
MOST_COLUMNS, MOST_CELL = 10_000, 2000
"""Of one table, and characters of one cell."""


def read_npy(path: str | Path) -> np.ndarray:
    """One array from a `.npy` file, without pickle; its header is checked before it is loaded.

    Raises:
        DataError: for a file that is not there, is cut short, holds objects or is no `.npy`, or an
            array that needs more memory than there is.
    """
    path = existing_file(path)
    try:
        with path.open("rb") as file:
            shape, dtype = npy_header(file)
            _check_size(path, shape, dtype, path.stat().st_size - file.tell())
            file.seek(0)
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except (OSError, ValueError, EOFError, TypeError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise _no_npy(path, str(error)) from None


def npy_header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype that an open `.npy` file declares.

    Raises:
        ValueError: where it declares none, or objects, which only pickle could read.
    """
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    read = read if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, _, dtype = read(file)
    except (SyntaxError, tokenize.TokenError, RecursionError, MemoryError, UnicodeError):
        raise ValueError("its header cannot be read") from None
    if any(isinstance(n, bool) or n < 0 for n in shape):
        raise ValueError(f"its header declares the shape {printable(str(shape))}")
    if dtype.hasobject:
        raise ValueError("Object arrays, which only pickle could read")
    return shape, dtype


def _check_size(path: Path, shape: tuple[int, ...], dtype: np.dtype, there: int) -> None:
    needed = prod(shape) * dtype.itemsize
    if needed > there:
        raise _no_npy(path, f"shape {printable(str(shape))} of {dtype} needs {needed} bytes")
    check_memory(needed, f"{path}, {shape} of {dtype},", "read a part of it.")


def _no_npy(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} cannot be read as .npy (cut short, damaged, or objects): {printable(why, 200)}."
    )


def read_text_table(path: str | Path, delimiter: str | None = None) -> dict[str, np.ndarray]:
    """Read a text table whose first line holds the column names.

    Columns of numbers are read as numbers (NaN where empty), others as text.

    Args:
        path: the file, in UTF-8 (or UTF-16 with its mark).
        delimiter: by default the one of comma, tab, semicolon and bar that the first line holds
            most of.

    Raises:
        DataError: for a file that is not there or no text, no column names, or rows of different
            length.
    """
    path = existing_file(path)
    # text of numbers takes a few times its own size while it is read
    check_memory(6 * path.stat().st_size, f"reading the table {path}", "split the file.")
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            return _read_columns(path, file, delimiter)
    except (OSError, UnicodeError, csv.Error) as error:
        why = printable(str(error), 120)
        raise DataError(f"{path} cannot be read as a text table in UTF-8: {why}.") from None


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(2)
    return "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _read_columns(path: Path, file: Any, delimiter: str | None) -> dict[str, np.ndarray]:
    first = file.readline(1_000_000)
    file.seek(0)
    if delimiter is None:
        tabs = path.suffix.lower() == ".tsv" and "\t" in first
        delimiter = "\t" if tabs else max(DELIMITERS, key=first.count)
    lines = csv.reader(file, delimiter=delimiter)
    rows = (row for row in lines if len(row) > 1 or (row and row[0].strip()))
    names = _names(path, next(rows, []))
    chunks: list[list[np.ndarray]] = [[] for _ in names]
    size = 0
    for part in _in_parts(path, rows, len(names)):
        for column, entries in zip(chunks, zip(*part, strict=True), strict=True):
            column.append(_entries(path, entries))
            size += column[-1].nbytes
        check_memory(2 * size, f"the table {path}", "leave out its longest column of text.")
    return {name: _column(parts) for name, parts in zip(names, chunks, strict=True)}


def _names(path: Path, row: list[str]) -> list[str]:
    names = [name.strip() for name in row]
    numbers = all(name and is_number(name) for name in names)
    if not names or len(set(names)) < len(names) or numbers:
        raise DataError(f"{path} must begin with a line of column names, all different.")
    if len(names) > MOST_COLUMNS:
        raise DataError(f"{path} has {len(names)} columns: {MOST_COLUMNS} are the most.")
    return names


def _in_parts(
    path: Path, rows: Iterator[list[str]], n_columns: int
) -> Iterator[Sequence[list[str]]]:
    """Rows in parts of `CHUNK_ROWS`, each row of the right length."""
    number = 2
    while part := list(islice(rows, CHUNK_ROWS)):
        for row in part:
            if len(row) != n_columns:
                raise DataError(
                    f"{path} has {len(row)} entries in row {number}: there are {n_columns} columns."
                )
            number += 1
        yield part


def _entries(path: Path, entries: Sequence[str]) -> np.ndarray:
    """The entries of a part of a column as text."""
    longest = max(entries, key=len)
    if len(longest) > MOST_CELL:
        raise DataError(
            f"{path} holds a cell of {len(longest)} characters: {MOST_CELL} are the most."
        )
    return np.array([entry.strip() for entry in entries], dtype=str)


def _column(parts: list[np.ndarray]) -> np.ndarray:
    """Numbers where all entries are numbers or missing, booleans for true and false; else text."""
    if not parts:
        return np.array([], dtype=str)
    if all(_are_truths(entries) for entries in parts):
        return np.char.lower(np.concatenate(parts)) == "true"
    numbers = []
    for entries in parts:
        if (found := _numbers(entries)) is None:
            return np.concatenate(parts)
        numbers.append(found)
    if all((entries == "").all() for entries in parts):
        return np.concatenate(parts)
    values = np.concatenate(numbers)
    return values.astype(np.int64) if _whole(values, parts) else values


def _are_truths(entries: np.ndarray) -> bool:
    truths = ("true", "false")
    return entries[0].lower() in truths and bool(np.isin(np.char.lower(entries), truths).all())


def _numbers(entries: np.ndarray) -> np.ndarray | None:
    try:
        return entries.astype(float)
    except ValueError:  # empty cells and words for them, or text
        missing = np.isin(np.char.lower(entries), MISSING)
    try:
        return np.where(missing, "nan", entries).astype(float)
    except ValueError:
        return None


def _whole(values: np.ndarray, parts: list[np.ndarray]) -> bool:
    if not (np.isfinite(values).all() and (np.abs(values) < 2**53).all()):
        return False
    # numbers already: what is neither a sign nor a digit is a point or an exponent
    texts = ("".join(entries.tolist()) for entries in parts)
    return all(text.replace("+", "").replace("-", "").isdigit() for text in texts)


def is_number(entry: Any) -> bool:
    """Whether the text of a cell is a number, or stands for a missing one."""
    text = str(entry).strip()
    try:
        float(text)
    except ValueError:
        return text.lower() in MISSING
    return True


def column_named(table: dict[str, np.ndarray], usual: Sequence[str]) -> str | None:
    """The column of a table with one of these names, the first of them first; in any case."""
    plain = {name.lower().strip().replace(" ", "_").replace(".", "_"): name for name in table}
    return next((plain[name] for name in usual if name in plain), None)


def need_column(path: str | Path, table: dict[str, np.ndarray], what: str, usual: Any) -> str:
    """As `column_named`, refused where there is none.

    Raises:
        DataError: with the columns there are.
    """
    name = column_named(table, usual)
    if name is None:
        raise DataError(
            f"{path} has no column of {what}, named {listed(usual, 4)}: there is {listed(table)}."
        )
    return name
