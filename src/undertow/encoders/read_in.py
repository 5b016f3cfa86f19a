"""`ReadIn`: a linear map of the neurons' counts to channels, read in their place by an encoder."""

import torch
from torch import Tensor, nn


class ReadIn(nn.Module):
    """Channels y = W x + b of the neurons' counts x; other inputs are passed on as they are.

    Recordings of other neurons differ in this map alone, and their encoder can be the same
    (Pandarinath et al. 2018, multi-session LFADS).

    Args:
        n_neurons: inputs that are of neurons, the first ones.
        channels: number of channels.

    Attributes:
        of_neurons: every recording has one of its own.
    """

    of_neurons = True

    def __init__(self, n_neurons: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_neurons, channels)

    @property
    def n_neurons(self) -> int:
        """Inputs that are of neurons."""
        return self.linear.in_features

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.linear.out_features

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs (…, n_neurons + others) to (…, channels + others)."""
        read: Tensor = self.linear(inputs[..., : self.n_neurons])
        if inputs.shape[-1] == self.n_neurons:
            return read
        return torch.cat([read, inputs[..., self.n_neurons :]], -1)


def read_width(n_inputs: int, read_in: ReadIn | None) -> int:
    """Number of inputs that an encoder reads of so many, through a read-in or without one."""
    return n_inputs if read_in is None else n_inputs - read_in.n_neurons + read_in.channels
