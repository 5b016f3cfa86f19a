"""The structure of MATLAB files of version 4 and 5, checked before SciPy reads them.

SciPy takes what a file says of types, sizes and indices for granted, and a damaged file can end the
process. Reading in a process of its own would be safe too, yet costs half a second a file and a
copy of all it holds; this look at the tags costs a few microseconds for each array.

The layout is that of MathWorks, "MAT-File Format": elements of a tag, a type and a number of bytes,
nested in each other.
"""

import io
import math
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from undertow.data.readers.mat.structure_v4 import DamagedError, check_version_4, exactly

SIZES = {
    **dict.fromkeys((1, 2, 16), 1),
    **dict.fromkeys((3, 4, 17), 2),
    **dict.fromkeys((5, 6, 7, 18), 4),
    **dict.fromkeys((9, 12, 13), 8),
}
"""Type of an element's values → bytes of one."""
INT32, UINT32, MATRIX, COMPRESSED = 5, 6, 14, 15
CELL, STRUCT, OBJECT, CHAR, SPARSE, FUNCTION, OPAQUE = 1, 2, 3, 4, 5, 16, 17
NUMERIC = range(6, 16)
COMPLEX = 1 << 11
DEEPEST, MOST_AXES = 40, 32
"""Cells in cells, and axes of an array."""
HEADER, BLOCK = 128, 2**20


def check_structure(path: Path) -> int:
    """See that what a file says of its arrays fits what it holds.

    Returns:
        the bytes that all its values take, in memory.

    Raises:
        DamagedError: for what does not fit.
        zlib.error: for data that cannot be inflated.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(HEADER)
        if 0 in start[:4]:  # version 5 begins with text
            file.seek(0)
            return check_version_4(file, size)
        if len(start) < HEADER or start[126:128] not in (b"IM", b"MI"):
            raise DamagedError("it begins as no MATLAB file does")
        order = "<" if start[126:128] == b"IM" else ">"
        return sum(_top_level(file, size - HEADER, order))


def _top_level(file: IO[bytes], left: int, order: str) -> list[int]:
    """The bytes of each variable's values."""
    found = []
    while left > 0:
        kind, size = struct.unpack(f"{order}II", exactly(file, 8))
        left -= 8 + size
        if left < 0:
            raise DamagedError(f"a variable says it has {size} bytes, more than the file")
        end = file.tell() + size
        if kind == COMPRESSED:
            inside: IO[bytes] = io.BufferedReader(_Inflated(file, size), 2**16)  # type: ignore[type-var]
            kind, size = struct.unpack(f"{order}II", exactly(inside, 8))
        else:
            inside = file
        if kind != MATRIX:
            raise DamagedError(f"a variable is of type {kind}, not a matrix")
        walk = _Walk(inside, order)
        walk.matrix(size, 0)
        found.append(walk.values)
        file.seek(end)
    return found


class _Inflated(io.RawIOBase):
    """What a compressed element holds, inflated piece by piece."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.left, self.inflate = file, size, zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, room: bytearray) -> int:  # type: ignore[override]
        """Fill the room as far as one step of inflating goes; 0 at the end."""
        while not self.inflate.eof:
            data = self.inflate.unconsumed_tail
            if not data and self.left:
                data = self.file.read(min(self.left, 2**16))
                self.left -= len(data)
            piece = self.inflate.decompress(data, len(room))
            if piece:
                room[: len(piece)] = piece
                return len(piece)
            if not data:
                break
        return 0


class _Walk:
    """A walk through the elements of one variable.

    Attributes:
        values: bytes of the values seen so far, as they will lie in memory.
    """

    def __init__(self, file: IO[bytes], order: str) -> None:
        self.file, self.order, self.values = file, order, 0

    def matrix(self, left: int, depth: int) -> None:
        """One array with its header, of `left` bytes; what it contains, too."""
        if left == 0:
            return
        if depth > DEEPEST:
            raise DamagedError(f"cells lie in cells, more than {DEEPEST} deep")
        flags = self.element(8, left)[1]
        left -= 16
        if len(flags) != 8:
            raise DamagedError(f"an array has {len(flags)} bytes of flags")
        what = struct.unpack(f"{self.order}II", flags)[0]
        kind = what & 0xFF
        if kind == OPAQUE:
            self.opaque(left, depth)
            return
        shape, left = self.numbers(left, MOST_AXES)
        if len(shape) < 2 or min(shape) < 0:
            raise DamagedError(f"an array has the shape {shape}")
        left = self.skipped(left)[1]  # its name
        parts = 2 if what & COMPLEX else 1
        if kind in NUMERIC:
            left = self.plain(left, math.prod(shape), parts)
        elif kind == CHAR:
            left = self.text(left, math.prod(shape))
        elif kind == SPARSE:
            left = self.sparse(left, shape, parts)
        elif kind in (CELL, STRUCT, OBJECT, FUNCTION):
            left = self.nested(kind, left, math.prod(shape), depth)
        else:
            raise DamagedError(f"an array is of class {kind}")
        if left and depth:
            raise DamagedError(f"an array is followed by {left} bytes that belong to nothing")

    def tag(self, left: int) -> tuple[int, int, int, bytes]:
        """Type, bytes, what is left after it, and the data of a short element."""
        start = exactly(self.file, 8)
        kind, size = struct.unpack(f"{self.order}II", start)
        if kind >> 16:
            kind, size, short = kind & 0xFFFF, kind >> 16, start[4:]
            if size > 4:
                raise DamagedError(f"a short element says it has {size} bytes")
            return kind, size, left - 8, short[:size]
        if size > left - 8:
            raise DamagedError(f"an element says it has {size} bytes, and {left - 8} are left")
        return kind, size, left - 8, b""

    def element(self, most: int, left: int) -> tuple[int, bytes]:
        """Type and data of an element of at most so many bytes."""
        kind, size, left, short = self.tag(left)
        if size > most or kind not in SIZES or size % SIZES[kind]:
            raise DamagedError(f"an element is of type {kind} and {size} bytes")
        if short or not size:
            return kind, short
        data = exactly(self.file, size)
        self.skip(-size % 8)
        return kind, data

    def skip(self, size: int) -> None:
        while size > 0:
            size -= len(exactly(self.file, min(size, BLOCK)))

    def skipped(self, left: int, whole: bool = True) -> tuple[tuple[int, int], int]:
        """Type and bytes of an element of plain values, and what is left after it."""
        kind, size, left, short = self.tag(left)
        if kind not in SIZES or (whole and size % SIZES[kind]):
            raise DamagedError(f"an element is of type {kind} and {size} bytes")
        if not short:
            self.skip(size + -size % 8)
            left -= size + -size % 8
        if left < 0:
            raise DamagedError("an element ends beyond its array")
        return (kind, size), left

    def numbers(self, left: int, most: int) -> tuple[tuple[int, ...], int]:
        """Whole numbers of 32 bits, and what is left after them."""
        kind, data = self.element(4 * most, left)
        if kind not in (INT32, UINT32):
            raise DamagedError(f"sizes are of type {kind}")
        taken = 8 if len(data) <= 4 else 8 + len(data) + -len(data) % 8
        return struct.unpack(f"{self.order}{len(data) // 4}i", data), left - taken

    def plain(self, left: int, n: int, parts: int) -> int:
        for _ in range(parts):
            (kind, size), left = self.skipped(left)
            if size != n * SIZES[kind]:
                raise DamagedError(f"an array of {n} values has {size // SIZES[kind]}")
            self.values += 8 * n
        return left

    def text(self, left: int, n: int) -> int:
        (_, size), left = self.skipped(left)
        if n > max(4 * size, 2**16):  # what is short is filled with blanks
            raise DamagedError(f"text of {n} characters has {size} bytes")
        self.values += 4 * n
        return left

    def sparse(self, left: int, shape: tuple[int, ...], parts: int) -> int:
        """A sparse matrix: SciPy writes where its indices point to."""
        rows, left = self.numbers(left, left)
        ends, left = self.numbers(left, left)
        n = ends[-1] if ends else 0
        in_order = len(shape) == 2 and len(ends) == shape[1] + 1 and ends[0] == 0
        in_order = in_order and bool((np.diff(ends) >= 0).all()) and n <= len(rows)
        if not in_order or (n and not 0 <= min(rows[:n]) <= max(rows[:n]) < shape[0]):
            raise DamagedError(f"a sparse matrix of the shape {shape} has indices outside of it")
        for _ in range(parts):
            # logical ones say their type is double, and have a byte a value
            (_, size), left = self.skipped(left, whole=False)
            if size < n:
                raise DamagedError(f"a sparse matrix of {n} values has {size} bytes")
        self.values += 8 * math.prod(shape) * parts  # it will be made full
        return left

    def nested(self, kind: int, left: int, n: int, depth: int) -> int:
        """The arrays in a cell or struct array."""
        if kind == OBJECT:
            left = self.skipped(left)[1]
        if kind in (STRUCT, OBJECT):
            (longest, *_), left = self.numbers(left, 1)
            (_, size), left = self.skipped(left)
            if longest < 1 or size % longest:
                raise DamagedError(f"names of {longest} characters take {size} bytes")
            n *= size // longest
        n = 1 if kind == FUNCTION else n
        if 8 * n > left:
            raise DamagedError(f"a cell or struct array of {n} entries has {left} bytes")
        self.values += 100 * n  # an object each
        for _ in range(n):
            left = self.inner(left, depth)
        return left

    def inner(self, left: int, depth: int) -> int:
        what, size, left, _ = self.tag(left)
        if what != MATRIX:
            raise DamagedError(f"an entry of a cell or struct array is of type {what}")
        self.matrix(size, depth + 1)
        self.skip(-size % 8)
        return left - size - -size % 8

    def opaque(self, left: int, depth: int) -> None:
        """An object of MATLAB's own: three names and an array."""
        for _ in range(3):
            left = self.skipped(left)[1]
        self.inner(left, depth)
