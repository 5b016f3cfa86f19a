"""Threads on the CPU: one for small models, which more would only slow down."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from undertow.checks import whole

MOST = 1024
SMALL = 10**10
"""Multiplications of one pass (weights × bins) below which one thread is taken: on a machine that
others use, threads that wait for each other cost more than they save on an idle one."""

_asked: list[int] = []


def use_threads(n: int | None) -> None:
    """Use exactly so many threads from here on, in this process.

    Args:
        n: threads, at most 1,024; None lets every fit and prediction choose by size: one for small
            models, else as many as torch has.

    Raises:
        ModelError: for a number that cannot be.
    """
    _asked.clear()
    if n is not None:
        whole("threads", n, 1, MOST)
        _asked.append(n)
        torch.set_num_threads(n)


def threads_for(weights: int, bins: int) -> int:
    """Return the number of threads for passes of so many weights over so many bins."""
    if _asked:
        return _asked[0]
    return 1 if weights * bins < SMALL else torch.get_num_threads()


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Compute on so many threads inside, and on as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
