"""Tables of units and trials as plain columns: cleaning them, selecting rows, joining labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from undertow.data import validation
from undertow.data.rules import mentioned, rows_of
from undertow.errors import DataError
from undertow.names import listed, shown

Columns = Mapping[str, np.ndarray]


def plain(value: Any) -> np.ndarray:
    """An array of numbers, booleans or strings; strings kept as objects become plain strings."""
    array = validation.as_array("a column or selection", value)
    if array.dtype == object and all(isinstance(v, str | bytes) for v in array.ravel()):
        array = np.array(
            [v.decode() if isinstance(v, bytes) else v for v in array.ravel()]
        ).reshape(array.shape)
    return np.char.decode(array) if array.dtype.kind == "S" else array


def as_columns(
    table: str, columns: Mapping[str, Any], n_rows: int | None = None
) -> dict[str, np.ndarray]:
    """Check that every column is a plain array with one entry per row, and return them by name."""
    clean: dict[str, np.ndarray] = {}
    for name, value in columns.items():
        column = plain(value)
        if column.dtype == object or column.ndim != 1:
            raise DataError(
                f"column {name!r} of the {table} has shape {column.shape}, dtype {column.dtype}: "
                "one plain value a row."
            )
        n_rows = column.size if n_rows is None else n_rows
        if column.size != n_rows:
            raise DataError(
                f"column {name!r} of the {table} has {column.size} entries: there are {n_rows} "
                "rows."
            )
        clean[str(name)] = column
    return clean


def column(table: str, columns: Columns, name: str) -> np.ndarray:
    """The column `name`, or a `DataError` that lists the columns there are."""
    if name not in columns:
        raise DataError(f"the {table} have no column {name!r}: there is {listed(columns)}.")
    return columns[name]


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
        rows = _rows_by_mask_or_ids(table, np.atleast_1d(plain(selection)), ids)
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
    positions = {key: row for row, key in enumerate(ids.tolist())}
    unknown = [key for key in selection.tolist() if key not in positions]
    if unknown:
        raise DataError(
            f"the {table} have no id {listed(unknown[:5])}: the ids run {ids[0]} … {ids[-1]}."
        )
    return np.array([positions[key] for key in selection.tolist()], dtype=int)


def as_names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def join_labels(columns: Sequence[np.ndarray]) -> np.ndarray:
    """One label per row: a single column as it is, several joined as 'a/b'."""
    if len(columns) == 1:
        return columns[0]
    return np.array(
        ["/".join(map(str, row)) for row in zip(*(c.tolist() for c in columns), strict=True)]
    )
