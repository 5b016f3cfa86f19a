"""The structure of MATLAB files of version 4, checked before SciPy reads them.

The layout is that of MathWorks, "MAT-File Format": of each variable a header of five numbers, its
name, then its values.
"""

import io
import struct
from typing import IO

import numpy as np

SIZES = {0: 8, 1: 4, 2: 4, 3: 2, 4: 2, 5: 1}
TYPES = {0: "f8", 1: "f4", 2: "i4", 3: "i2", 4: "u2", 5: "u1"}
"""Digit of the precision → bytes of a value, and its type."""


class DamagedError(ValueError):
    """What a file of version 4 or 5 says of itself cannot be."""


def exactly(file: IO[bytes], size: int) -> bytes:
    """So many bytes of a file.

    Raises:
        DamagedError: where it ends before them.
    """
    data = file.read(size)
    if len(data) < size:
        raise DamagedError("it ends inside an array")
    return data


def check_version_4(file: IO[bytes], size: int) -> int:
    """See that what a file of `size` bytes says of its arrays fits what it holds.

    Returns:
        the bytes that all its values take, in memory.

    Raises:
        DamagedError: for what does not fit.
    """
    return _Variables(file, size).check()


class _Variables:
    """A file of version 4."""

    def __init__(self, file: IO[bytes], left: int) -> None:
        self.file, self.left = file, left

    def check(self) -> int:
        """The bytes that all values take."""
        total = 0
        while self.left > 0:
            total += self.variable()
        return total

    def variable(self) -> int:
        header = exactly(self.file, 20)
        order = "<" if 0 <= struct.unpack("<i", header[:4])[0] < 5000 else ">"
        what, rows, columns, imaginary, name = struct.unpack(f"{order}5i", header)
        _, zero, precision, kind = (what // 10**k % 10 for k in (3, 2, 1, 0))
        known = 0 <= what < 5000 and zero == 0 and precision in SIZES and kind in (0, 1, 2)
        if not known or min(rows, columns) < 0 or imaginary not in (0, 1) or not 0 < name < 4096:
            raise DamagedError(
                f"a variable of version 4 has the header {(what, rows, columns, name)}"
            )
        size = rows * columns * SIZES[precision] * (1 + imaginary)
        self.left -= 20 + name + size
        if self.left < 0:
            raise DamagedError(f"a variable says it has {size} bytes, more than the file")
        self.file.seek(name, io.SEEK_CUR)
        values = self.file.read(size) if kind == 2 else b""
        self.file.seek(size - len(values), io.SEEK_CUR)
        return (
            self.full(values, order, precision, rows, columns) if kind == 2 else 8 * rows * columns
        )

    def full(self, values: bytes, order: str, precision: int, rows: int, columns: int) -> int:
        """The bytes of a sparse matrix made full: columns of rows, columns and values."""
        table = np.frombuffer(values, f"{order}{TYPES[precision]}").astype(float)
        if columns not in (3, 4) or rows < 1:
            raise DamagedError(f"a sparse matrix of version 4 has {columns} columns")
        at = table[: rows * columns].reshape(columns, rows)[:2]
        if not (np.isfinite(at).all() and (at[:, :-1] >= 1).all() and (at == np.floor(at)).all()):
            raise DamagedError("a sparse matrix of version 4 has indices that are no whole numbers")
        if not (at[:, :-1] <= at[:, -1:]).all():
            raise DamagedError("a sparse matrix of version 4 has indices outside of it")
        return 8 * int(at[0, -1]) * int(at[1, -1])
