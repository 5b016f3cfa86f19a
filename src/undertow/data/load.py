"""`load`: any data file undertow reads, by its suffix."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from undertow.data.files import existing_file, listed
from undertow.data.hdf5 import read_hdf5
from undertow.data.npz import read_npz
from undertow.data.nwb import read_nwb
from undertow.data.trialset import TrialSet
from undertow.errors import DataError

READERS: dict[str, Callable[..., TrialSet]] = {
    ".npz": read_npz,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
    ".nwb": read_nwb,
}


def load(path: str | Path, bin_s: float | None = None, **options: Any) -> TrialSet:
    """Read trials from `.npz`, `.h5`, `.hdf5` (LFADS layout) or `.nwb`.

    Args:
        path: the file.
        bin_s: bin width in seconds; by default the file's own, 20 ms for spike times (NWB).
        options: options of `read_npz`, `read_hdf5` or `read_nwb`.

    Raises:
        DataError: when the file cannot be read, or an option is not one of that reader's.
    """
    reader = reader_of(path)
    known = [name for name in inspect.signature(reader).parameters if name not in ("path", "bin_s")]
    if unknown := [name for name in options if name not in known]:
        raise DataError(
            f"{Path(path).suffix} files have no option {listed(unknown)}: there is {listed(known)}."
        )
    try:
        return reader(path, bin_s=bin_s, **options)
    except DataError as error:
        named = str(path) in str(error)
        raise error if named else DataError(f"{path}: {error}") from None


def reader_of(path: str | Path) -> Callable[..., TrialSet]:
    """The reader for a file, by its suffix; the file must be there."""
    path = existing_file(path)
    if path.suffix.lower() not in READERS:
        raise DataError(f"{path} has the suffix {path.suffix!r}: undertow reads {listed(READERS)}.")
    return READERS[path.suffix.lower()]
