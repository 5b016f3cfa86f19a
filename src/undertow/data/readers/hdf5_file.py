"""HDF5 files of any layout: opened with clear errors, checked, listed, single values read."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.checks import number
from undertow.data.readers.hdf5_heaps import check_heaps
from undertow.data.readers.hdf5_types import check_types
from undertow.data.readers.schema import (
    PLAIN,
    Declared,
    check_kind,
    check_sizes,
    damaged,
    text_checked,
)
from undertow.errors import DataError, UndertowError
from undertow.files import existing_file
from undertow.names import printable

if TYPE_CHECKING:
    import h5py

ERRORS = (
    *(OSError, RuntimeError, KeyError, TypeError, AttributeError, ValueError),
    *(IndexError, OverflowError, MemoryError, NotImplementedError, SystemError),
)
"""What h5py raises for a file that breaks the format."""
DEEPEST = 100
"""Groups in each other; deep ones take libhdf5 minutes."""
SMALL = 2**20
"""Bytes that any machine has."""


@contextmanager
def opened_hdf5(path: str | Path, all_values: bool = True) -> "Iterator[h5py.File]":
    """An open HDF5 file that holds all its data itself (`check_own_data`).

    Every failure to read it becomes a `DataError`. Without `all_values`, datasets are not looked
    at: for a reader that has many and reads each by `plain_array`, which does.
    """
    import h5py

    path = existing_file(path)
    try:
        with h5py.File(path, "r") as file:
            check_heaps(path, file)
            check_own_data(path, file, all_values)
            check_types(path, file, all_values)
            yield file
    except UndertowError:
        raise
    except ERRORS as error:
        raise damaged(path, "HDF5", error) from error


def checked_file(path: str | Path) -> Path:
    """The path of an HDF5 file that another library may open: it holds all its data itself.

    Raises:
        DataError: for a file that is not there or no HDF5, and as `check_own_data`.
    """
    with opened_hdf5(path):
        return Path(path)


def check_own_data(path: str | Path, file: "h5py.File", all_values: bool = True) -> None:
    """Refuse links to other files, and datasets whose values lie in other files.

    A file from elsewhere could show through them what another file on this machine holds. No link
    is followed, and every object is looked at once, so that circles of links end.

    Args:
        path: names the file in errors.
        file: open for reading.
        all_values: whether to look at datasets too.

    Raises:
        DataError: naming the link or dataset.
    """
    from h5py import h5d, h5l, h5o

    def foreign_link(name: bytes, info: Any) -> bytes | None:
        own = info.type in (h5l.TYPE_HARD, h5l.TYPE_SOFT)
        return None if own and name.count(b"/") <= DEEPEST else name

    def foreign_data(name: bytes, info: Any) -> bytes | None:
        if info.type != h5o.TYPE_DATASET:
            return None
        return name if _foreign(h5d.open(file.id, name)) else None

    if (link := file.id.links.visit(foreign_link, info=True)) is not None:
        if link.count(b"/") > DEEPEST:
            raise damaged(path, "HDF5", f"groups lie in groups, more than {DEEPEST} deep")
        raise _refused(path, link, "a link to another file")
    data = h5o.visit(file.id, foreign_data, info=True) if all_values else None
    if data is not None:
        raise _refused(path, data, "a dataset whose values lie in another file")


def _refused(path: str | Path, name: bytes, what: str) -> DataError:
    return DataError(
        f"{printable(name.decode('utf-8', 'replace'))} in {path} is {what}: it is not followed; "
        "copy the data into the file itself (h5repack or h5py's copy with expand_external)."
    )


def _foreign(dataset: Any) -> bool:
    """Whether a dataset's values lie, or may lie, in other files."""
    from h5py import h5d

    if dataset.get_offset() is not None:  # in the file itself
        return False
    made = dataset.get_create_plist()
    if made.get_external_count():
        return True
    if made.get_layout() != h5d.VIRTUAL:
        return False
    return any(made.get_virtual_filename(k) != "." for k in range(made.get_virtual_count()))


def list_datasets(path: str | Path) -> list[str]:
    """Names and shapes of the datasets of a file, such as 'train_data (640, 100, 60)'.

    Those of a group are named 'group/name'.
    """
    found: list[str] = []

    def note(name: str, item: Any) -> None:
        if hasattr(item, "shape"):
            found.append(f"{printable(name)} {item.shape}")

    with opened_hdf5(path) as file:
        file.visititems(note)
    return found


def declared(dataset: "h5py.Dataset", name: str | None = None) -> Declared:
    """What a dataset says of itself, under its own name or another.

    Raises:
        DataError: for a group, or a dataset without values.
    """
    name = str(dataset.name).lstrip("/") if name is None else name
    if not hasattr(dataset, "dtype") or dataset.shape is None:
        raise DataError(
            f"{printable(name)} in {dataset.file.filename} is no array: it must be a dataset with "
            "values."
        )
    return Declared(name, dataset.shape, dataset.dtype, int(dataset.id.get_storage_size()))


def plain_array(dataset: "h5py.Dataset", kinds: str = PLAIN) -> np.ndarray:
    """What a dataset holds: numbers, booleans or strings.

    Raises:
        DataError: for anything else, or a size that the file or memory cannot hold.
    """
    import h5py

    path, name = dataset.file.filename, declared(dataset).name
    text = h5py.check_string_dtype(dataset.dtype) is not None
    check_kind(path, name, np.dtype("U1") if text else dataset.dtype, kinds)
    values = raw_values(dataset)
    return text_checked(path, name, values) if text else values


def raw_values(dataset: "h5py.Dataset") -> np.ndarray:
    """What a dataset holds, of any kind.

    Raises:
        DataError: for a size that the file or memory cannot hold, or values in another file.
    """
    # looking up the name of what a reference leads to takes a search through the file
    if dataset.shape is None or math.prod(dataset.shape) * dataset.dtype.itemsize > SMALL:
        check_sizes(dataset.file.filename, [declared(dataset)])
    if _foreign(dataset.id):
        name = str(dataset.name).lstrip("/").encode("utf-8", "replace")
        raise _refused(dataset.file.filename, name, "a dataset whose values lie in another file")
    return np.asarray(dataset[()])


def single_value(file: "h5py.File", name: str) -> Any:
    """A single value kept as an attribute or a dataset, or None.

    Raises:
        DataError: for what is neither a number nor text.
    """
    if name in file.attrs:
        value = attribute(file, name)
    elif name in file:
        value = plain_array(file[name])
    else:
        return None
    return value.reshape(-1)[0].item() if value.size == 1 else None


def attribute(item: "h5py.HLObject", name: str) -> np.ndarray:
    """An attribute: numbers, booleans or strings.

    Raises:
        DataError: for anything else.
    """
    path, shape = item.file.filename, item.attrs.get_id(name).shape
    check_sizes(path, [Declared(name, shape, np.dtype("u8"), 2**16)])
    value = np.asarray(item.attrs[name])
    text = value.dtype.kind == "O" and all(isinstance(v, str | bytes) for v in value.ravel())
    if not text:
        check_kind(path, name, value.dtype, PLAIN)
    return text_checked(path, name, value) if text or value.dtype.kind in "US" else value


def own_bin_s(file: "h5py.File") -> float | None:
    """The bin width that a file tells, in seconds: `bin_s`, `dt` or `bin_ms`; else None.

    Raises:
        DataError: for one that is no number above zero.
    """
    for name, seconds in (("bin_s", 1.0), ("dt", 1.0), ("bin_ms", 1e-3)):
        if (value := single_value(file, name)) is not None:
            return number(name, value, 0, above=True, error=DataError) * seconds
    return None
