"""Recurrences as torch operations alone, in place of functions with a hand-written adjoint.

The latter are faster, and `torch.func` cannot batch them over several networks.
"""

from collections.abc import Iterator
from contextlib import contextmanager

_asked: list[bool] = []


@contextmanager
def composed() -> Iterator[None]:
    """Compose recurrences of torch operations inside."""
    _asked.append(True)
    try:
        yield
    finally:
        _asked.pop()


def is_composed() -> bool:
    """Whether recurrences are to be composed of torch operations."""
    return bool(_asked)
