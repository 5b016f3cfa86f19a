"""Files: clear errors for paths, and one writer that never leaves half a file."""

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from undertow.errors import DataError, UndertowError

PARTIAL = ".part"
"""Suffix of what a killed process leaves of a file it was writing."""


def existing_file(path: str | Path) -> Path:
    """`path` as the `Path` of a file that is there.

    Raises:
        DataError: for a folder, a missing file or an empty one.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder: give the path of one data file.")
    if not path.is_file():
        raise DataError(f"{path} is not there: check the path.")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes): the copy or download did not finish.")
    return path


@contextmanager
def written_whole(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, moved into place only when the block ends without an error.

    A reader sees the old file or the new one, never a part of it; what was written has reached the
    disk before it takes the old one's place.

    Raises:
        DataError: when `path` exists and `overwrite` is False, or its folder is not there.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise DataError(f"{path} exists: choose another name, or pass overwrite=True.")
    if not path.parent.is_dir():
        raise DataError(
            f"{path.parent} is not a folder: make it before writing {path.name} into it."
        )
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}{PARTIAL}")
    try:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file whole, over an earlier version."""
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def write_json(path: str | Path, content: Any) -> Path:
    """Write JSON whole, over an earlier version; NaN becomes null."""
    text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    return write_text(path, text + "\n")


def read_json(path: str | Path) -> Any:
    """What a JSON file holds.

    Raises:
        UndertowError: when it cannot be read or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except RecursionError:
        raise UndertowError(f"{path} cannot be read as JSON: it is nested too deep.") from None
    except (OSError, ValueError) as error:  # no UTF-8, no JSON, numbers of thousands of digits
        raise UndertowError(f"{path} cannot be read as JSON: {error}.") from None


def plain(value: Any) -> Any:
    """`value` in the types JSON has: arrays and tuples as lists, NaN as null, the rest as text."""
    import numpy as np

    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if callable(value):
        return f"{value.__module__}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    return value if isinstance(value, str | int | bool | None) else str(value)


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables → dotted keys: `{"training": {"epochs": 5}}` → `{"training.epochs": 5}`."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        inner = isinstance(value, Mapping)
        flat |= flatten(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return flat
