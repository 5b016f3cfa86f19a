"""Memory: what a step would take, refused with the number before anything is allocated."""

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from undertow.errors import DataError, UndertowError

LIMIT_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux keeps the limit of a container, of either version."""
BLOCK_BYTES = 2**24
"""What one block of a large array may take while it is worked on."""
UNKNOWN = 2**63
"""Stands for the memory of a machine that does not say."""


def machine_memory() -> int:
    """Bytes of memory this process may use.

    The least of the machine's memory, the limit of its container and its own limit of addresses.
    """
    return min(_physical(), _container(), _addresses())


def check_memory(
    needed: float, what: str, way_out: str, error: type[UndertowError] = DataError
) -> None:
    """Refuse a step that would take more memory than there is.

    Args:
        needed: bytes, as a Python number (a product of sizes, which does not overflow).
        what: what takes them, the start of the message ('spike counts of 20 trials × …').
        way_out: what to do, the end of the message.
        error: what is raised.

    Raises:
        error: with the memory it would take and the memory there is.
    """
    available = machine_memory()
    if needed > available:
        raise error(
            f"{what} would take {in_words(needed)} of memory, and there are "
            f"{in_words(available)}: {way_out}"
        )


def blocks(n_rows: int, row_bytes: float, at_once: float | None = None) -> Iterator[slice]:
    """Slices of rows that take at most `at_once` bytes each, one row at least; all rows in turn.

    Sums over a large array go block by block, so that what they convert or mask stays small.
    Without `at_once` a block takes `BLOCK_BYTES`.
    """
    step = max(1, int((BLOCK_BYTES if at_once is None else at_once) // max(row_bytes, 1)))
    for first in range(0, n_rows, step):
        yield slice(first, min(first + step, n_rows))


def give_back() -> None:
    """Hand memory that was freed back to the system, where the C library keeps it (glibc does)."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return


def in_words(size: float) -> str:
    """A number of bytes for a message: '1.5 GB', '820 MB'."""
    for unit, step in (("EB", 1e18), ("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= step:
            return f"{size / step:.3g} {unit}"
    return f"{size / 1e3:.3g} kB"


def _physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return UNKNOWN


def _container() -> int:
    for name in LIMIT_FILES:
        try:
            return int(Path(name).read_text(encoding="ascii"))
        except (OSError, ValueError):  # no such file, or 'max'
            continue
    return UNKNOWN


def _addresses() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return UNKNOWN
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    return UNKNOWN if soft == resource.RLIM_INFINITY else soft
