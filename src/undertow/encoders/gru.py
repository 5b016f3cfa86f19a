"""GRU encoder of one layer, with a learned input for bins it may not see."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from undertow.checks import one_of, whole
from undertow.encoders.base import Encoder, reversal, take
from undertow.encoders.dropout import Dropout
from undertow.encoders.gru_recurrence import gru_states, gru_step
from undertow.encoders.read_in import ReadIn, read_width

Reads = Literal["current", "previous", "held"]
"""Which bin the input of a bin is."""


class GRUEncoder(Encoder):
    """GRU: h_t = GRU(x_t, h_{t−1}) has seen bins up to t (LangevinFlow Algorithm 1).

    Args:
        n_inputs: inputs per bin.
        hidden_dim: units per direction.
        bidirectional: also run backwards from each trial's end; the encoder is then not causal.
        initial_bins: the initial state is inferred from the first so many bins; None for all bins.
        dropout: probability of dropping a unit of the context.
        reads: the input of bin t: 'current' (x_t, as in Algorithm 1), 'previous' (x_{t−1}, as in
            the paper's text; the first bin sees none) or 'held' (x_{t−1}; the first bin sees x_0,
            bins it may not see the last it saw, as in the code released with the paper).
        recurrent_dropout: probability of dropping a unit of the state before the next bin sees it.
        read_in: maps the neurons' counts to the channels that the GRU reads; None where it reads
            the neurons.
    """

    def __init__(
        self,
        n_inputs: int,
        hidden_dim: int = 64,
        bidirectional: bool = False,
        initial_bins: int | None = 1,
        dropout: float = 0.0,
        reads: Reads = "current",
        recurrent_dropout: float = 0.0,
        read_in: ReadIn | None = None,
    ) -> None:
        super().__init__()
        self.read_in, n_inputs = read_in, read_width(n_inputs, read_in)
        if initial_bins is not None:
            whole("initial_bins", initial_bins, 1)
        self.forwards = nn.GRU(n_inputs, hidden_dim, batch_first=True)
        self.backwards = nn.GRU(n_inputs, hidden_dim, batch_first=True) if bidirectional else None
        self.no_input = nn.Parameter(torch.zeros(n_inputs))
        self.dropout, self.recurrent_dropout = Dropout(dropout), Dropout(recurrent_dropout)
        self.reads = one_of("reads", reads, get_args(Reads))
        self.initial_bins = initial_bins
        self.causal = not bidirectional
        self.context_dim = hidden_dim * (2 if bidirectional else 1)
        self.initial_dim = hidden_dim * (2 if bidirectional and initial_bins is None else 1)

    def forward(self, inputs: Tensor, observed: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        inputs = self._read(inputs, observed)
        context = self._run(inputs, self.forwards)
        last = lengths if self.initial_bins is None else lengths.clamp(max=self.initial_bins)
        initial = context[torch.arange(len(context), device=context.device), last - 1]
        if self.backwards is not None:
            # turned around within each trial's length: its last bin comes first, not padding
            reverse = reversal(lengths, inputs.shape[1])
            backward = take(self._run(take(inputs, reverse), self.backwards), reverse)
            context = torch.cat([context, backward], -1)
            if self.initial_bins is None:
                initial = torch.cat([initial, backward[:, 0]], -1)
        return self.dropout(context), self.dropout(initial)

    def recurrent(self, state: Tensor) -> Tensor:
        """What the forward GRU reads of its own state, (trials, 3 · hidden)."""
        weights = dict(self.forwards.named_parameters())
        return nn.functional.linear(state, weights["weight_hh_l0"], weights["bias_hh_l0"])

    def next_state(self, read: Tensor, recurrent: Tensor, state: Tensor) -> Tensor:
        """State of the forward GRU after a bin of which it reads `read`, (trials, hidden)."""
        weights = dict(self.forwards.named_parameters())
        gates = nn.functional.linear(read, weights["weight_ih_l0"], weights["bias_ih_l0"])
        return gru_step(gates, recurrent, state)

    def _read(self, inputs: Tensor, observed: Tensor) -> Tensor:
        """Return the input of the GRU in each bin, (trials, time, inputs)."""
        if self.read_in is not None:
            inputs = self.read_in(inputs)
        inputs = torch.where(observed[..., None], inputs, self.no_input)
        if self.reads == "held":
            # the last bin seen; before there is one it is bin 0, which has the learned input
            bins = torch.arange(inputs.shape[1], device=inputs.device)
            last = torch.where(observed, bins, 0).cummax(1).values
            inputs = take(inputs, last)
            return torch.cat([inputs[:, :1], inputs[:, :-1]], 1)
        if self.reads == "current":
            return inputs
        return torch.cat([self.no_input.expand_as(inputs[:, :1]), inputs[:, :-1]], 1)

    def _run(self, inputs: Tensor, gru: nn.GRU) -> Tensor:
        if not (self.training and self.recurrent_dropout.share):
            return gru_states(inputs, gru)
        # the masks of all bins in one draw
        mask = self.recurrent_dropout(inputs.new_ones(*inputs.shape[:2], gru.hidden_size))
        return gru_states(inputs, gru, mask)
