"""How recurrences run: as functions with a hand-written adjoint, or composed of torch operations.

The former are faster, and `torch.func` cannot batch them over several networks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

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


def in_float32(apply: Callable[..., Any], like: Tensor, *given: Any) -> Any:
    """`apply(like, *given)`, in float32 where autocast would give a function other numbers.

    A hand-written adjoint writes into tensors it has made, all of one type.
    """
    kind = like.device.type
    if not torch.is_autocast_enabled(kind):
        return apply(like, *given)
    with torch.autocast(kind, enabled=False):
        return apply(*(_float32(each) for each in (like, *given)))


def _float32(given: Any) -> Any:
    return given.float() if isinstance(given, Tensor) and given.is_floating_point() else given
