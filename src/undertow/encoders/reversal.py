"""Turning padded trials around, each within its own length."""

import torch
from torch import Tensor


def reversal(lengths: Tensor, n_time: int) -> Tensor:
    """Bin order that turns each trial around within its own length, (trials, time); its own
    inverse."""
    time = torch.arange(n_time, device=lengths.device)
    mirrored = lengths[:, None] - 1 - time
    return torch.where(mirrored >= 0, mirrored, time)


def take(x: Tensor, order: Tensor) -> Tensor:
    """The bins of `x` (trials, time, features) in the order given, (trials, time)."""
    return x.gather(1, order[..., None].expand_as(x))
