"""Tables of NWB files: columns of one plain value a row, ragged columns, regions of units."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data.readers.nwb_file import (
    Objects,
    attribute,
    by_short_name,
    read_column,
    read_numbers,
)
from undertow.data.sharing import sealed
from undertow.errors import DataError, DataWarning
from undertow.names import listed, nearest, printable

REGIONS = ("region", "brain_region", "brain_area", "location")
UNKNOWN = "unknown"
"""The region of a unit without electrodes."""
TRIALS = "trials"
RAGGED = ("spike_times", "obs_intervals", "waveforms", "electrodes")
"""Columns of units that never hold one value a row."""

Columns = dict[str, np.ndarray]


def interval_tables(objects: Objects) -> dict[str, Any]:
    """Tables of intervals anywhere in the file, by name: 'trials', 'epochs', …"""
    found = {
        full: item
        for full, item in objects.items()
        if hasattr(item, "keys") and {"start_time", "stop_time", "id"} <= set(item)
    }
    return by_short_name(found)


def interval_table(path: str | Path, objects: Objects, name: str | None) -> Any:
    """The table `name`, else that of trials; None where nothing is named and there is none.

    Raises:
        DataError: for a name that no table has.
    """
    there = interval_tables(objects)
    if name is not None and name not in there:
        raise DataError(
            f"{path} has no table of intervals {printable(str(name))!r}: "
            f"{nearest(str(name), there) if there else 'there is none.'}"
        )
    return there.get(TRIALS if name is None else name)


def row_ids(path: str | Path, table: Any) -> np.ndarray:
    """The ids of a table's rows.

    Raises:
        DataError: for a table without them.
    """
    # in a dataset, `in` would look through all its values
    there = hasattr(table, "keys") and "id" in table
    ids = read_column(path, table["id"]) if there else None
    if ids is None:
        raise DataError(f"{path}: the table {printable(str(table.name))} has no ids of its rows.")
    return ids


def plain_columns(path: str | Path, table: Any) -> Columns:
    """The columns with one number, boolean or string per row, in the table's order.

    Ragged columns, references and arrays are left out; so are, with a warning, columns of another
    length.
    """
    if table is None:
        return {}
    n_rows, found, wrong = row_ids(path, table).size, {}, []
    for name in _column_names(table):
        dataset = table.get(name)
        if f"{name}_index" in table or name in RAGGED or _is_region(dataset):
            continue
        column = read_column(path, dataset)
        if column is not None and column.size == n_rows:
            found[name] = _of_elements(path, table, dataset, column)
        elif column is not None:
            wrong.append(name)
    if wrong:
        warnings.warn(
            f"{path}: {listed(wrong)} of {printable(str(table.name))} are left out: not one entry "
            f"for each of its {n_rows} rows.",
            DataWarning,
            stacklevel=4,
        )
    return found


def _column_names(table: Any) -> list[str]:
    named = attribute(table, "colnames")
    names = [] if named is None else np.atleast_1d(named).tolist()
    plain = [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names]
    return [n for n in plain if n in table] or [n for n in table if n != "id"]


def _is_region(dataset: Any) -> bool:
    return dataset is None or attribute(dataset, "neurodata_type") == "DynamicTableRegion"


def _of_elements(path: str | Path, table: Any, dataset: Any, column: np.ndarray) -> np.ndarray:
    """A column of choices as the text they stand for."""
    elements = dataset.attrs.get("elements")
    names = None if elements is None else read_column(path, table.file[elements])
    if names is None or column.dtype.kind not in "iu" or not column.size:
        return column
    return names[column] if column.min() >= 0 and column.max() < names.size else column


# --- ragged columns ---------------------------------------------------------------------------


def bounds(path: str | Path, table: Any, name: str, n_rows: int) -> np.ndarray:
    """Where each row of a ragged column begins and ends, (rows, 2).

    Raises:
        DataError: for an index that is missing or does not fit its column.
    """
    index = table.get(f"{name}_index")
    if index is None:
        raise DataError(
            f"{path}: {name} of the units has no {name}_index, which says whose each entry is."
        )
    ends = read_column(path, index)
    size = table[name].shape[0] if getattr(table[name], "shape", None) else 0
    if ends is None or ends.dtype.kind not in "iu" or ends.size != n_rows:
        raise DataError(
            f"{path}: {name}_index must hold one whole number for each of {n_rows} rows."
        )
    ends = ends.astype(np.uint64).astype(np.int64)
    starts = np.append(0, ends[:-1])
    if (ends < starts).any() or (ends.size and ends[-1] > size):
        raise DataError(
            f"{path}: {name}_index must grow from row to row and end by {size}, the entries of "
            f"{name}; it runs to {ends.max(initial=0)}."
        )
    return np.column_stack([starts, ends])


def spike_times(path: str | Path, table: Any, rows: np.ndarray, n_rows: int) -> list[np.ndarray]:
    """Spike times in seconds of the units in these rows; no other unit's are read."""
    where = bounds(path, table, "spike_times", n_rows)
    dataset = table["spike_times"]
    # sealed, so that a recording holds them without a copy
    return [
        sealed(read_numbers(path, dataset, slice(*where[row].tolist())).ravel()) for row in rows
    ]


def observed_intervals(
    path: str | Path, table: Any, rows: np.ndarray, times: Sequence[np.ndarray], n_rows: int
) -> list[np.ndarray] | None:
    """When each unit was observed, (n, 2) seconds; None where the file does not say.

    A unit without intervals counts as observed whenever another one is, and from its first spike to
    its last one where they lie outside.
    """
    if "obs_intervals" not in table:
        return None
    where = bounds(path, table, "obs_intervals", n_rows)
    dataset = table["obs_intervals"]
    if len(dataset.shape) != 2 or dataset.shape[1] != 2:
        raise DataError(f"{path}: obs_intervals of the units must hold start and stop times.")
    found = [read_numbers(path, dataset, slice(*where[row].tolist())) for row in rows]
    empty = [k for k, intervals in enumerate(found) if not len(intervals)]
    if len(empty) == len(found):
        return None
    if empty:
        known = np.unique(np.concatenate(found), axis=0)
        for k in empty:
            found[k] = _around(known, times[k])
        warnings.warn(
            f"{path}: {len(empty)} of {len(found)} units do not say when they were observed "
            "(obs_intervals): they count as observed whenever another unit is.",
            DataWarning,
            stacklevel=4,
        )
    return found


def _around(known: np.ndarray, times: np.ndarray) -> np.ndarray:
    if not times.size:
        return known
    first, last = float(times.min()), float(times.max())
    inside = known[:, 0].min() <= first and last <= known[:, 1].max()
    return known if inside else np.concatenate([known, [[first, last]]])


# --- regions ----------------------------------------------------------------------------------


def region(path: str | Path, table: Any, columns: Columns) -> Columns:
    """A 'region' column: from the unit table, else the location of each unit's first electrode.

    It is 'unknown' for a unit without electrodes.

    Raises:
        DataError: for a unit of an electrode that is not there.
    """
    for name in REGIONS:
        if name in columns:
            return {"region": columns[name].astype(str)}
    locations = _locations(path, table)
    if locations is None:
        return {}
    links, n_rows = read_column(path, table["electrodes"]), row_ids(path, table).size
    if links is None or links.dtype.kind not in "iu":
        raise DataError(f"{path}: electrodes of the units must be rows of the electrode table.")
    if "electrodes_index" in table:
        where = bounds(path, table, "electrodes", n_rows)
    else:
        where = np.column_stack([np.arange(n_rows), np.arange(1, n_rows + 1)])
    if links.size and (links.min() < 0 or links.max() >= locations.size):
        raise DataError(
            f"{path}: a unit names electrode {links.max()}: there are {locations.size}."
        )
    has_one = (where[:, 1] > where[:, 0]) & (where[:, 0] < links.size)
    first = np.append(links, 0)[np.minimum(where[:, 0], links.size)]
    return {"region": np.where(has_one, np.append(locations, "")[first], UNKNOWN)}


def _locations(path: str | Path, table: Any) -> np.ndarray | None:
    """The location of each electrode, from the table that the units' electrodes refer to."""
    if "electrodes" not in table:
        return None
    target = table["electrodes"].attrs.get("table")
    electrodes = table.file[target] if target else None
    if electrodes is None or "location" not in electrodes:
        return None
    found = read_column(path, electrodes["location"])
    return None if found is None else found.astype(str)
