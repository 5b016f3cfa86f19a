"""`Decoder`: a latent path → features of each bin, which observation models read."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Decoder(nn.Module, ABC):
    """Network that turns the inputs of each bin, side by side, into features.

    Attributes:
        feature_dim: features per bin.
        causal: whether the features of a bin have seen no later one.
    """

    feature_dim: int
    causal: bool

    @abstractmethod
    def forward(self, inputs: Tensor, valid: Tensor, time_s: Tensor) -> Tensor:
        """Decode a batch of trials.

        Args:
            inputs: (trials, time, inputs).
            valid: False where a bin is missing or past the trial's end, (trials, time).
            time_s: bin centres in seconds from the window's start, (time,).

        Returns:
            features (trials, time, feature_dim).
        """
