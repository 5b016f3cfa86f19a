"""Tables of units and trials as plain columns: cleaning them, selecting rows, joining labels."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from undertow.data import validation
from undertow.data.plain import named, plain_values, warn_left_out
from undertow.data.rules import mentioned, rows_of
from undertow.errors import DataError
from undertow.memory import check_memory
from undertow.names import listed, shown

Columns = Mapping[str, np.ndarray]


def plain(value: Any) -> np.ndarray:
    """An array of numbers, booleans or strings, also out of Python objects.

    Missing text is '', a missing number or truth value NaN; what holds none of these stays as it
    is.
    """
    array = validation.as_array("a column or selection", value)
    found = plain_values(array)
    return array if found is None else found


def as_columns(
    table: str, columns: Mapping[str, Any], n_rows: int | None = None
) -> dict[str, np.ndarray]:
    """The columns of numbers or text with one entry per row, by name.

    Columns of anything else (lists, objects) are left out, and named in one warning.

    Raises:
        DataError: for a column of another number of rows, or when no column is left.
    """
    clean: dict[str, np.ndarray] = {}
    left_out: list[str] = []
    for name, value in _items(table, columns):
        column = _one_value_a_row(value)
        if column is None:
            left_out.append(str(name))
            continue
        n_rows = column.size if n_rows is None else n_rows
        if column.size != n_rows:
            raise DataError(
                f"column {name!r} of the {table} has {column.size} entries: there are {n_rows} "
                "rows."
            )
        clean[str(name)] = column
    if left_out and not clean and n_rows is None:
        raise DataError(
            f"no column of the {table} holds a single number or text a row: there is "
            f"{listed(left_out)}."
        )
    warn_left_out(table, left_out)
    return clean


def _items(table: str, columns: Any) -> list[tuple[Any, Any]]:
    if not hasattr(columns, "items"):
        raise DataError(
            f"the {table} are {shown(columns)}: give a table, a mapping of column names to one "
            "value a row."
        )
    return list(columns.items())


def _one_value_a_row(value: Any) -> np.ndarray | None:
    """A column as a plain array (rows,); None for lists of different length and all else."""
    try:
        column = plain_values(validation.as_array("a column", value))
    except DataError:
        return None
    return column if column is not None and column.ndim == 1 else None


def column(table: str, columns: Columns, name: str) -> np.ndarray:
    """The column `name`, or a `DataError` that lists the columns there are."""
    if not isinstance(name, str) or name not in columns:
        raise DataError(f"the {table} have no column {shown(name)}: there is {listed(columns)}.")
    return columns[name]


def chosen(trials: Columns, names: Sequence[str], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Some rows of the trial columns named, by name."""
    return {name: column("trials", trials, name)[rows] for name in names}


def select_rows(table: str, selection: Any, ids: np.ndarray, columns: Columns) -> np.ndarray:
    """Row positions chosen by a mask, by ids or by a rule such as ``"region==M1"``.

    Ids keep the order in which they are given.

    A rule is an expression over the columns, ``"side in (left, right) and rt<0.8"``; see
    `undertow.data.rules`.

    Raises:
        DataError: for a rule that cannot be read, an unknown column or id, or when no row is left.
    """
    if selection is None:
        return np.arange(ids.size)
    if isinstance(selection, str):
        rows = np.flatnonzero(rows_of(table, selection, columns))
    else:
        chosen_rows = np.atleast_1d(plain(selection))
        if chosen_rows.ndim != 1 or chosen_rows.dtype.kind not in "biufU":
            raise DataError(
                f"cannot choose {table} by {shown(selection)}: give a mask, ids or a rule."
            )
        rows = _rows_by_mask_or_ids(table, chosen_rows, ids)
    if rows.size == 0:
        raise DataError(
            f"no row of the {table} is left after selecting {shown(selection)}: at least one must "
            f"stay{_held(selection, columns)}."
        )
    return rows


def _held(selection: Any, columns: Columns) -> str:
    held = mentioned(selection, columns) if isinstance(selection, str) else ""
    return f" ({held})" if held else ""


def _rows_by_mask_or_ids(table: str, selection: np.ndarray, ids: np.ndarray) -> np.ndarray:
    if selection.dtype == bool:
        if selection.shape != ids.shape:
            raise DataError(
                f"the mask for the {table} has shape {selection.shape}: there are {ids.size} rows."
            )
        return np.flatnonzero(selection)
    check_memory(64.0 * selection.size, f"{selection.size:,} ids", "give the rows wanted.")
    positions = {key: row for row, key in enumerate(ids.tolist())}
    unknown = [key for key in selection.tolist() if key not in positions]
    if unknown:
        raise DataError(
            f"the {table} have no id {listed(unknown[:5])}: the ids run {ids[0]} … {ids[-1]}."
        )
    return np.array([positions[key] for key in selection.tolist()], dtype=int)


def as_names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """One name or several, as a tuple.

    Raises:
        DataError: for anything but text or a list of it.
    """
    if names is None or isinstance(names, str):
        return () if names is None else (names,)
    several = names.ndim == 1 if isinstance(names, np.ndarray) else isinstance(names, Collection)
    if not several or not all(isinstance(name, str) for name in names):
        raise DataError(f"{shown(names)} is no name, nor a list of names.")
    return tuple(map(str, names))


def join_labels(columns: Sequence[np.ndarray]) -> np.ndarray:
    """One label per row: a single column as it is, several joined as 'a/b'.

    Where one of several is missing it is 'none', which a warning says.
    """
    if len(columns) == 1:
        return columns[0]
    whole = [named("condition", plain(each), "none") for each in columns]
    parts = [["none"] * len(columns[0]) if each is None else each.tolist() for each in whole]
    return np.array(["/".join(map(str, row)) for row in zip(*parts, strict=True)])
