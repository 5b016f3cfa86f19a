"""Where an NWB file comes from: a path, an open file, or what pynwb holds of one."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undertow.data.readers.hdf5_file import ERRORS, check_own_data, opened_hdf5
from undertow.data.readers.hdf5_types import check_types
from undertow.data.readers.schema import damaged
from undertow.errors import DataError, UndertowError
from undertow.names import shown

if TYPE_CHECKING:
    import h5py

RULE = (
    "an NWB file is given by its path, as an open h5py.File, as a pynwb.NWBFile, or as a binary "
    "file that can be read from any place, such as those of fsspec and remfile"
)


def name_of(source: Any) -> str | Path:
    """How errors name a source."""
    if isinstance(source, str | Path):
        return source
    for name in ("container_source", "filename", "name"):
        try:
            found = getattr(source, name, None)
        except ValueError:  # a closed file of h5py
            continue
        if isinstance(found, str):
            return found
    return f"the {type(source).__name__} given"


@contextmanager
def opened_source(source: Any) -> "Iterator[h5py.File]":
    """The HDF5 file behind a source; what came open stays open.

    Raises:
        DataError: for what is none of these, is closed, is no HDF5 or leads out of itself.
    """
    import h5py

    if isinstance(source, str | Path):
        with opened_hdf5(source) as file:
            yield file
        return
    try:
        if isinstance(source, h5py.File):
            if not source:
                raise DataError(f"{name_of(source)} is closed: give an open file, or its path.")
            yield _checked(source)
        elif hasattr(source, "get_read_io"):
            with _of_pynwb(source) as file:
                yield file
        elif callable(getattr(source, "read", None)) and callable(getattr(source, "seek", None)):
            with h5py.File(source, "r") as file:
                yield _checked(file)
        else:
            raise DataError(f"{shown(source)} is no NWB file: {RULE}.")
    except UndertowError:
        raise
    except ERRORS as error:
        raise damaged(name_of(source), "HDF5", error) from error


def _checked(file: "h5py.File") -> "h5py.File":
    check_own_data(file.filename, file)
    check_types(Path(file.filename), file, True)
    return file


@contextmanager
def _of_pynwb(held: Any) -> "Iterator[h5py.File]":
    """The file that pynwb has read it from, or one in memory of what is nowhere written."""
    import h5py

    reading = held.get_read_io()
    file = getattr(reading, "_file", None)
    if isinstance(file, h5py.File) and file:
        yield _checked(file)
        return
    if held.container_source is not None and Path(held.container_source).is_file():
        with opened_hdf5(held.container_source) as file:
            yield file
        return
    with warnings.catch_warnings(), h5py.File(io.BytesIO(), "w") as made:
        warnings.simplefilter("ignore")  # what pynwb says to its own developers
        from pynwb import NWBHDF5IO

        with NWBHDF5IO(file=made, mode="w") as writer:
            writer.write(held)
            yield made
