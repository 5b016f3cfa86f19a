"""Files: one clear error for a path that cannot be read, and writing that never leaves half a file."""

import os
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from undertow.errors import DataError


def existing_file(path: str | Path) -> Path:
    """Return `path` as a `Path` to a file that is there, or raise `DataError`."""
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder: give the path of one data file.")
    if not path.is_file():
        raise DataError(f"{path} is not there: check the path.")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes): the copy or download did not finish.")
    return path


def listed(names: Collection[object]) -> str:
    """Names for a message: 'a, b, c', or 'nothing'."""
    return ", ".join(map(str, names)) or "nothing"


@contextmanager
def written_whole(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it into place only when the block ends without an error.

    Raises:
        DataError: when `path` exists and `overwrite` is False, or its folder is not there.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise DataError(f"{path} exists: choose another name, or pass overwrite=True.")
    if not path.parent.is_dir():
        raise DataError(f"{path.parent} is not a folder: make it before writing {path.name} into it.")
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
