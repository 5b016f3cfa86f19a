"""`Encoder`: spikes → a context per bin, and features of the initial state.

Also how padded trials are reversed in time, which recurrent encoders need.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """Network that reads the inputs of each bin and gives a context per bin.

    Attributes:
        context_dim: width of the context.
        initial_dim: width of the features of the initial state.
        causal: whether the context of a bin has seen no later one.
    """

    context_dim: int
    initial_dim: int
    causal: bool

    @abstractmethod
    def forward(self, inputs: Tensor, observed: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encode a batch of trials.

        Args:
            inputs: (trials, time, inputs); whatever stands in bins not observed is ignored.
            observed: True where the encoder may look, (trials, time).
            lengths: bins in each trial, (trials,).

        Returns:
            context per bin (trials, time, context_dim) and features of the initial state (trials,
            initial_dim).
        """


def reversal(lengths: Tensor, n_time: int) -> Tensor:
    """Order of bins that reverses each trial within its own length, (trials, time).

    It is its own inverse.
    """
    time = torch.arange(n_time, device=lengths.device)
    mirrored = lengths[:, None] - 1 - time
    return torch.where(mirrored >= 0, mirrored, time)


def take(x: Tensor, order: Tensor) -> Tensor:
    """Reorder the bins of `x` (trials, time, features) by `order` (trials, time)."""
    return x.gather(1, order[..., None].expand_as(x))
