"""`.npz` files: a zip of `.npy` files, whose headers are read and checked before any array."""

import lzma
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from undertow.data.readers.schema import Declared, check_sizes, damaged, text_checked
from undertow.data.sharing import sealed
from undertow.errors import DataError, UndertowError
from undertow.files import existing_file
from undertow.names import listed, printable

ZIP, NPY = b"PK", b"\x93NUMPY"
"""How the two kinds of files begin."""
SUFFIX = ".npy"
LONGEST_HEADER = 2**16
"""Bytes; NumPy writes 128 for a plain array."""
ERRORS = (
    *(OSError, ValueError, EOFError, KeyError, TypeError, IndexError, AttributeError),
    *(SyntaxError, tokenize.TokenError, RecursionError, MemoryError, OverflowError),
    *(RuntimeError, NotImplementedError, struct.error),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What NumPy and `zipfile` raise for a file that breaks the format."""


def declared_arrays(path: str | Path) -> dict[str, Declared]:
    """What a `.npz` file says of its arrays, by name; only their headers are read.

    Object arrays are among them: their type has no size that counts.

    Raises:
        DataError: for a file that is not there, is cut short or is no `.npz`, or an array whose
            header is damaged or says more than the file holds.
    """
    with _opened(path) as archive:
        members = [each for each in archive.infolist() if each.filename.endswith(SUFFIX)]
        return {_name(each): _declared(Path(path), archive, each) for each in members}


def read_arrays(path: str | Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The arrays of these names; pickle is never read.

    Raises:
        DataError: for a name that is not there, an object array, and as `declared_arrays`.
    """
    there, names = declared_arrays(path), list(names)
    check_readable(path, there, names)
    check_sizes(path, [there[name] for name in names])
    with _opened(path) as archive:
        # nobody else holds them: read-only, they are not copied again when they are checked
        return {name: sealed(_read(path, archive, name)) for name in names}


@contextmanager
def _opened(path: str | Path) -> Iterator[zipfile.ZipFile]:
    path = existing_file(path)
    try:
        with path.open("rb") as file:
            start = file.read(len(NPY))
            if start == NPY:
                raise DataError(f"{path} holds a single array: save named arrays with numpy.savez.")
            if not start.startswith(ZIP):
                raise damaged(path, ".npz", f"it begins with {start!r}, not as a zip file does")
            with zipfile.ZipFile(file) as archive:
                yield archive
    except UndertowError:
        raise
    except ERRORS as error:
        raise damaged(path, ".npz", error) from None


def _name(member: zipfile.ZipInfo) -> str:
    return member.filename[: -len(SUFFIX)]


def _declared(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Declared:
    """What the header of an array says, seen to agree with the size of its member."""
    name = _name(member)
    try:
        with archive.open(member) as stream:
            shape, dtype = _header(stream)
            start = stream.tell()
    except ERRORS as error:
        raise damaged(path, ".npz", f"the header of {printable(name)}: {error}") from None
    # True is a whole number to NumPy
    if any(type(n) is not int or n < 0 for n in shape):
        raise damaged(path, ".npz", f"{printable(name)} says its shape is {printable(str(shape))}")
    found = Declared(name, shape, dtype, member.compress_size)
    if not dtype.hasobject and found.size * dtype.itemsize > member.file_size - start:
        raise damaged(
            path,
            ".npz",
            f"{printable(name)} says it is {printable(str(shape))} of {dtype}, and there are "
            f"{member.file_size - start} bytes",
        )
    return found


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    with warnings.catch_warnings():  # of Python about odd text, of NumPy about old files
        warnings.simplefilter("ignore")
        if version in readers:
            shape, _, dtype = readers[version](stream, max_header_size=LONGEST_HEADER)
        else:  # 3.0 differs from 2.0 in the encoding of names of fields alone
            shape, _, dtype = readers[2, 0](stream, max_header_size=LONGEST_HEADER)
    return shape, dtype


def check_readable(path: str | Path, there: Mapping[str, Declared], names: Iterable[str]) -> None:
    """Refuse names that a file does not have, and object arrays.

    Raises:
        DataError: naming the first.
    """
    for name in names:
        if name not in there:
            raise DataError(f"{path} has no array '{printable(name)}': there is {listed(there)}.")
        if there[name].dtype.hasobject:
            raise DataError(
                f"{printable(name)} in {path} is an object array, which only pickle could read: "
                "save a plain numeric or string array (pad trials of different length with NaN "
                "and save `lengths`)."
            )


def _read(path: str | Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}{SUFFIX}") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        array = np.lib.format.read_array(stream, allow_pickle=False, max_header_size=LONGEST_HEADER)
    return text_checked(path, name, np.asarray(array))
