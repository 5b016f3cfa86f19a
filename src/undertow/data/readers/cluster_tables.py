"""The `cluster_*.tsv` tables of a Phy or Kilosort folder: labels and other columns of clusters."""

import warnings
from pathlib import Path

import numpy as np

from undertow.data.readers.text_tables import MISSING, read_text_table
from undertow.errors import DataError, DataWarning
from undertow.names import listed

IDS = ("cluster_id", "id")
NEW_NAMES = {"ch": "channel", "sh": "shank", "brain_region": "region", "acronym": "region"}
NEEDED = ("cluster_info.tsv", "cluster_group.tsv", "cluster_groups.csv", "cluster_KSLabel.tsv")
"""Tables that labels come from; a stray one beside them is left out where it cannot be read."""


def cluster_columns(folder: Path, ids: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of all cluster tables, one value for each of `ids`.

    The value is '' or NaN where a table has none.
    """
    columns: dict[str, np.ndarray] = {}
    files = [*sorted(folder.glob("cluster_*.tsv")), *folder.glob("cluster_groups.csv")]
    for path in sorted(files, key=lambda path: path.name == "cluster_info.tsv"):
        table = _cluster_table(path)
        if table is None:
            continue
        clusters = table.pop(IDS[0]).tolist()
        rows = {int(cluster): k for k, cluster in enumerate(clusters) if cluster == cluster}
        where = np.array([rows.get(int(cluster), -1) for cluster in ids])
        for name, values in table.items():
            columns[NEW_NAMES.get(name, name)] = _spread(values, where)
    labels = [_labels(columns[name]) for name in ("group", "KSLabel") if name in columns]
    if labels:
        unnamed = np.isin(labels[0], ("", "unsorted"))
        columns["group"] = np.where(unnamed & (labels[-1] != ""), labels[-1], labels[0])
    return columns


def _cluster_table(path: Path) -> dict[str, np.ndarray] | None:
    """A table with its column of clusters first; None, with a warning, for a stray one."""
    try:
        table = read_text_table(path)
        key = next((name for name in IDS if name in table), None)
        if key is None or not _are_ids(table[key]):
            raise DataError(
                f"{path} has no column cluster_id of whole numbers: there is {listed(table)}."
            )
    except DataError as error:
        if path.name in NEEDED:
            raise
        warnings.warn(f"{error} It is left out.", DataWarning, stacklevel=5)
        return None
    return {IDS[0]: table.pop(key), **table}


def _are_ids(column: np.ndarray) -> bool:
    """Whole numbers, also as 0.0, or nothing at all; missing ones may be among them."""
    if column.dtype.kind == "f":
        there = column[~np.isnan(column)]
        return bool((np.abs(there) < 2**53).all() and (there % 1 == 0).all())
    return column.dtype.kind == "i" or not column.size


def _labels(column: np.ndarray) -> np.ndarray:
    """Labels as text, '' for none."""
    text = column.astype(str)
    return np.where(np.isin(np.char.lower(text), MISSING), "", text)


def _spread(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Values at the rows given; '' or NaN for row −1."""
    if values.dtype.kind == "U":
        return np.append(values, "")[where]
    if (where >= 0).all():
        return values[where]
    return np.append(values.astype(float), np.nan)[where]
