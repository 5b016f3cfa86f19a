"""HDF5 files of any layout: opened with clear errors, listed, single values read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.data import tables
from undertow.errors import DataError
from undertow.files import existing_file

if TYPE_CHECKING:
    import h5py


@contextmanager
def opened_hdf5(path: str | Path) -> "Iterator[h5py.File]":
    """An open HDF5 file; every failure to read it becomes a `DataError`."""
    import h5py

    path = existing_file(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except DataError:
        raise
    except (OSError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} cannot be read as HDF5 (cut short, damaged, or another kind of file): {error}"
        ) from error


def list_datasets(path: str | Path) -> list[str]:
    """Names and shapes of the datasets of a file, such as 'train_data (640, 100, 60)'.

    Those of a group are named 'group/name'.
    """
    found: list[str] = []

    def note(name: str, item: Any) -> None:
        if hasattr(item, "shape"):
            found.append(f"{name} {item.shape}")

    with opened_hdf5(path) as file:
        file.visititems(note)
    return found


def plain_array(dataset: "h5py.Dataset") -> np.ndarray:
    """What a dataset holds: numbers, booleans or strings."""
    return tables.plain(dataset[()])


def single_value(file: "h5py.File", name: str) -> Any:
    """A single value kept as an attribute or a dataset, or None."""
    if name not in file.attrs and name not in file:
        return None
    value = tables.plain(file.attrs[name] if name in file.attrs else file[name][()])
    return value.reshape(-1)[0].item() if value.size == 1 else None


def own_bin_s(file: "h5py.File") -> float | None:
    """The bin width that a file tells, in seconds: `bin_s`, `dt` or `bin_ms`; else None."""
    for name, seconds in (("bin_s", 1.0), ("dt", 1.0), ("bin_ms", 1e-3)):
        if (value := single_value(file, name)) is not None:
            return float(value) * seconds
    return None
