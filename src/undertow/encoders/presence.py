"""What an encoder reads where counts are missing: each count, and whether it is known."""

import torch
from torch import Tensor, nn

from undertow.checks import share as check_share
from undertow.randomness import random_mask


class Presence(nn.Module):
    """Tells a neuron whose counts are missing from one that is silent.

    A missing count reads as the neuron's mean, and with `channels` one more input per neuron says
    which counts are known. What the channels mean is learned from trials in which counts are
    missing; where these are few or none, whole neurons are hidden at random in training.

    Args:
        mean_counts: mean count of each neuron per bin, (neurons,).
        hidden: share of the neurons that is hidden in a training trial, 0 ≤ hidden < 1.
        channels: say which counts are known.

    Attributes:
        n_outputs: number of inputs that the encoder then reads.
        of_neurons: every recording has one of its own.

    Raises:
        ModelError: for a share that is none.
    """

    of_neurons = True
    mean_counts: Tensor

    def __init__(self, mean_counts: Tensor, hidden: float = 0.0, channels: bool = True) -> None:
        super().__init__()
        self.hidden, self.channels = check_share("neuron_dropout", hidden), channels
        self.n_outputs = len(mean_counts) * (1 + channels)
        # known from the training trials, as the rates that a readout starts from are
        self.register_buffer("mean_counts", mean_counts, persistent=False)

    def forward(self, counts: Tensor, known: Tensor, shown: Tensor | None = None) -> Tensor:
        """Put counts and channels side by side, (trials, time, n_outputs).

        Args:
            counts: (trials, time, neurons); whatever stands where they are not known is ignored.
            known: True where they are, of the same shape.
            shown: neurons not hidden, (trials, neurons); None for all.
        """
        if shown is not None:
            known = known & shown[:, None]
        read = torch.where(known, counts, self.mean_counts)
        return torch.cat([read, known.to(read.dtype)], -1) if self.channels else read

    def draw(self, trials: int, generator: torch.Generator) -> Tensor | None:
        """Draw which neurons are shown in each training trial, (trials, neurons); None for all."""
        if self.hidden == 0:
            return None
        return random_mask((trials, len(self.mean_counts)), 1 - self.hidden, generator)
