"""Dropout that draws from a generator given to it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from undertow.checks import share as check_share
from undertow.errors import ModelError
from undertow.randomness import random_mask, representable_share


class Dropout(nn.Module):
    """Dropout layer: zeroes a share of the entries in training and scales up the others.

    Its generator is set by `dropout_from`.

    Args:
        share: probability of dropping an entry, 0 ≤ share < 1 (in steps of 1/256).
    """

    def __init__(self, share: float = 0.0) -> None:
        super().__init__()
        self.share: float | Tensor = representable_share(check_share("dropout", share))
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        # of several networks at once the share is a tensor of theirs, none of them zero
        if not self.training or (not isinstance(self.share, Tensor) and self.share == 0):
            return x
        if self.generator is None:
            raise ModelError(
                "dropout has no generator: train inside `with dropout_from(network, generator):`."
            )
        kept = random_mask(x.shape, 1 - self.share, self.generator)
        return x * kept.to(x.dtype).mul_(1 / (1 - self.share))

    def extra_repr(self) -> str:
        return f"share={float(self.share):g}"


@contextmanager
def dropout_from(network: nn.Module, generator: torch.Generator) -> Iterator[None]:
    """Let every `Dropout` in `network` draw from `generator`."""
    layers = [layer for layer in network.modules() if isinstance(layer, Dropout)]
    for layer in layers:
        layer.generator = generator
    try:
        yield
    finally:
        for layer in layers:
            layer.generator = None
