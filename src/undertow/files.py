"""Files: clear errors for paths, and one writer that never leaves half a file."""

import csv
import errno
import io
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from undertow.errors import DataError, UndertowError, WriteError

PARTIAL = ".part"
"""Suffix of what a killed process leaves of a file it was writing."""
LONGEST_STEM = 60
"""Characters of a name that its temporary name repeats: few file systems take 256 bytes."""
REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of this disk is used up",
    errno.EFBIG: "it would be larger than the limit of a file's size",
    errno.EROFS: "the file system can only be read",
    errno.EACCES: "there is no permission",
    errno.EPERM: "there is no permission",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOTDIR: "a file stands where a folder should",
    errno.EEXIST: "a file stands where a folder should",
    errno.ENOENT: "its folder is not there",
}


def reason(error: OSError) -> str:
    """Why the system refused, for a message."""
    return REASONS.get(error.errno or 0, error.strerror or str(error) or type(error).__name__)


def os_error(message: str) -> OSError:
    """The error that a library tells only in words: '… No space left on device (os error 28)'."""
    found = re.search(r"os error (\d+)", message)
    return OSError(int(found[1]), os.strerror(int(found[1]))) if found else OSError(message)


def existing_file(path: str | Path) -> Path:
    """`path` as the `Path` of a file that is there.

    Raises:
        DataError: for a folder, a missing file, one that may not be looked at, or an empty one.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise DataError(f"{path} is a folder: give the path of one data file.")
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path} is not there: check the path.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {reason(error)}.") from None
    if size == 0 and path.is_file():
        raise DataError(f"{path} is empty (0 bytes): the copy or download did not finish.")
    return path


# --- writing -------------------------------------------------------------------------------------


@contextmanager
def written_whole(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, moved into place only when the block ends without an error.

    A reader sees the old file or the new one, never a part of it; what was written has reached the
    disk before it takes the old one's place, and its name has before the block is left.

    Raises:
        DataError: when `path` exists and `overwrite` is False, or its folder is not there.
        WriteError: when the system refuses to write it.
    """
    path = Path(path)
    # of os.path: they say False, where those of Path raise for a name nothing can have
    if os.path.exists(path) and not overwrite:
        raise DataError(f"{path} exists: choose another name, or pass overwrite=True.")
    if not os.path.isdir(path.parent):
        raise DataError(
            f"{path.parent} is not a folder: make it before writing {path.name} into it."
        )
    temporary = path.with_name(f".{path.name[:LONGEST_STEM]}.{uuid.uuid4().hex[:8]}{PARTIAL}")
    try:
        mode = _made(temporary)
        yield temporary
        if temporary.stat().st_mode != mode:  # some libraries hide what they write from the group
            temporary.chmod(mode)
        put_in_place(temporary, path)
    except OSError as error:
        earlier = " The earlier one is kept." if os.path.exists(path) else ""
        raise WriteError(f"{path} could not be written: {reason(error)}.{earlier}") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def put_in_place(whole: Path, path: Path) -> None:
    """Move a file that was written whole to its own name; both reach the disk, in this order."""
    _sync(whole)
    os.replace(whole, path)
    _sync_folder(path.parent)


def _made(path: Path) -> int:
    """Make an empty file; the mode that this process gives new files."""
    with open(path, "xb") as file:
        return os.fstat(file.fileno()).st_mode


def _sync(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Let a new name in a folder reach the disk, on systems that open folders."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def partials(folder: Path, name: str | None = None) -> list[Path]:
    """What killed processes left of files in `folder`, of the file `name` or of all of them."""
    stem = ".+" if name is None else re.escape(name[:LONGEST_STEM])
    pattern = re.compile(rf"\.{stem}\.[0-9a-f]{{8}}{re.escape(PARTIAL)}", re.DOTALL)
    with suppress(OSError):
        return [each for each in folder.iterdir() if pattern.fullmatch(each.name)]
    return []


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file whole, over an earlier version.

    Names of files that are no text (bytes beyond UTF-8) are written as escapes; in JSON these read
    back as what they were.
    """
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
    return Path(path)


def write_json(path: str | Path, content: Any) -> Path:
    """Write JSON whole, over an earlier version; NaN becomes null."""
    text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    return write_text(path, text + "\n")


# --- tables --------------------------------------------------------------------------------------


def csv_text(heads: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    """A table as CSV, see `write_rows`."""
    text = io.StringIO()
    write_rows(text, [heads, *rows])
    return text.getvalue()


def write_rows(file: TextIO, rows: Iterable[Iterable[Any]]) -> None:
    """Write rows of CSV; text that a spreadsheet would run as a formula begins with an apostrophe.

    Numbers stay numbers, also those written as text.
    """
    csv.writer(file, lineterminator="\n").writerows(map(_cell, row) for row in rows)


def _cell(value: Any) -> Any:
    risky = isinstance(value, str) and value[:1] in FORMULA and value[:1]
    return f"'{value}" if risky and not _is_number(value) else value


FORMULA = "=+-@\t\r"
"""What a formula begins with, in one program or another."""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# --- JSON ----------------------------------------------------------------------------------------


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
