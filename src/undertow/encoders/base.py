"""`Encoder`: spikes → a context per bin, and what the initial state is inferred from."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """Reads the inputs of each bin; says how wide its context is and whether it is causal."""

    context_dim: int
    initial_dim: int
    causal: bool

    @abstractmethod
    def forward(self, inputs: Tensor, observed: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encode.

        Args:
            inputs: (trials, time, inputs); whatever stands in bins not observed is ignored.
            observed: True where the encoder may look, (trials, time).
            lengths: bins in each trial, (trials,).

        Returns:
            context per bin (trials, time, context_dim) and features of the initial state (trials,
            initial_dim).
        """
