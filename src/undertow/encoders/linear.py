"""Linear encoder without state."""

import torch
from torch import Tensor, nn

from undertow.encoders.base import Encoder
from undertow.encoders.dropout import Dropout
from undertow.encoders.read_in import ReadIn, read_width


class LinearEncoder(Encoder):
    """Linear map h_t = W x_t + b: no bin knows of another (LangevinFlow, Baseline 2).

    The initial state is inferred from the mean of h over the first bins.

    Args:
        n_inputs: inputs per bin.
        hidden_dim: width of the context.
        initial_bins: the initial state is inferred from the first so many bins; None for all bins.
        dropout: probability of dropping a unit of the context.
        read_in: maps the neurons' counts to the channels that it reads; None where it reads the
            neurons.
    """

    causal = True

    def __init__(
        self,
        n_inputs: int,
        hidden_dim: int = 64,
        initial_bins: int | None = 1,
        dropout: float = 0.0,
        read_in: ReadIn | None = None,
    ) -> None:
        super().__init__()
        self.read_in, n_inputs = read_in, read_width(n_inputs, read_in)
        self.linear = nn.Linear(n_inputs, hidden_dim)
        self.no_input = nn.Parameter(torch.zeros(n_inputs))
        self.dropout = Dropout(dropout)
        self.initial_bins = initial_bins
        self.context_dim = self.initial_dim = hidden_dim

    def forward(self, inputs: Tensor, observed: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        if self.read_in is not None:
            inputs = self.read_in(inputs)
        context = self.linear(torch.where(observed[..., None], inputs, self.no_input))
        last = lengths if self.initial_bins is None else lengths.clamp(max=self.initial_bins)
        used = torch.arange(inputs.shape[1], device=inputs.device) < last[:, None]
        initial = (context * used[..., None]).sum(1) / last[:, None]
        return self.dropout(context), self.dropout(initial)
