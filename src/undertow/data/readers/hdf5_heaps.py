"""Global heaps of HDF5 files, where text and lists lie: libhdf5 walks through them unchecked."""

import mmap
from pathlib import Path
from typing import TYPE_CHECKING

from undertow.data.readers.schema import damaged

if TYPE_CHECKING:
    import h5py

START = b"GCOL\x01\x00\x00\x00"
"""How a heap begins: its signature, version 1, and three bytes of nothing."""
LARGEST_FILE = 2**30
"""Bytes of the files that are searched; the search takes about a second a gigabyte from a disk."""


def check_heaps(path: Path, file: "h5py.File") -> None:
    """See that a walk through each heap comes to its end.

    libhdf5 goes from an object to the next by the size it says it has, and stays for ever at an
    unused one of no size (HDF5 File Format Specification, III.E, "Disk Format: Level 1E").

    Args:
        path: of the file, which is searched where it has at most a gigabyte.
        file: the same, open.

    Raises:
        DataError: for a heap that does not end.
    """
    if path.stat().st_size > LARGEST_FILE:
        return
    width = file.id.get_create_plist().get_sizes()[1]
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(START)
        while at >= 0:
            if not _ends(data, at, width):
                raise damaged(path, "HDF5", f"the heap of text and lists at byte {at} has no end")
            at = data.find(START, at + len(START))


def _ends(data: mmap.mmap, at: int, width: int) -> bool:
    """Whether the objects of the heap at a place follow each other to its end."""
    end = at + _number(data, at + 8, width)
    header = _aligned(8 + width)
    at += header
    while at + header <= min(end, len(data)):
        size = _number(data, at + 8, width)
        unused = _number(data, at, 2) == 0
        step = size if unused else header + _aligned(size)
        if not 0 < step <= end - at:
            return False
        at += step
    return True


def _number(data: mmap.mmap, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "little")


def _aligned(size: int) -> int:
    return size + -size % 8
