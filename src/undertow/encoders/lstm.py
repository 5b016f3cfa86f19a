"""LSTM encoder of two stacked networks.

One reads the trial's start in reverse for the initial state, the other the whole trial for the
context.
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from undertow.checks import one_of, whole
from undertow.composed import is_composed
from undertow.encoders.base import Encoder, reversal, take
from undertow.encoders.dropout import Dropout
from undertow.encoders.read_in import ReadIn, read_width
from undertow.encoders.strides import Strides

Direction = Literal["backward", "forward", "both"]
"""How a network reads a trial."""
TURNED: dict[Direction, tuple[bool, ...]] = {
    "backward": (True,),
    "forward": (False,),
    "both": (False, True),
}
"""For each network whether it reads the trial turned around."""


class LSTMEncoder(Encoder):
    """Encoder of a latent SDE's observations (ElGazzar & van Gerven, supplement 2).

    The initialisation network reads the first `initial_bins` bins from last to first; its last
    output is what the initial state is inferred from. The context network reads the whole trial.
    The paper leaves its direction open; the posterior of a path at bin t depends on what is
    observed from t on, so it reads backwards here by default. Both read zeros in bins they may not
    see, and one more channel that says which bins these are.

    Args:
        n_inputs: inputs per bin.
        hidden_dim: units of each layer, and width of the context in each direction.
        layers: layers of each network.
        initial_bins: the initial state is inferred from the first so many bins; None for all bins,
            0 for none (there are then no features of it: the initial state comes from its prior).
        direction: how the context network reads a trial: 'backward' (bin t has seen bins from t
            on), 'forward' (up to t; the encoder is then causal) or 'both' (side by side, and twice
            as wide).
        dropout: probability of dropping a unit of the context or of the initial features.
        stride: bins that the context network reads as one; see `Strides`.
        read_in: maps the neurons' counts to the channels that both networks read; None where they
            read the neurons.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    def __init__(
        self,
        n_inputs: int,
        hidden_dim: int = 64,
        layers: int = 2,
        initial_bins: int | None = 1,
        direction: Direction = "backward",
        dropout: float = 0.0,
        stride: int = 1,
        read_in: ReadIn | None = None,
    ) -> None:
        super().__init__()
        self.read_in, n_inputs = read_in, read_width(n_inputs, read_in)
        self.stride = whole("stride", stride, 1)
        one_of("direction", direction, get_args(Direction))
        if initial_bins is not None:
            whole("initial_bins", initial_bins, 0)

        def network() -> nn.LSTM:
            return nn.LSTM(n_inputs + 1, hidden_dim, layers, batch_first=True)

        self.initial_bins, self.turned = initial_bins, TURNED[direction]
        self.contexts = nn.ModuleList(network() for _ in self.turned)
        self.initial = None if initial_bins == 0 else network()
        self.dropout = Dropout(dropout)
        # between two strides the context leans on the one to come
        self.causal = direction == "forward" and stride == 1
        self.context_dim = hidden_dim * len(self.turned)
        self.initial_dim = 0 if initial_bins == 0 else hidden_dim

    def forward(
        self,
        inputs: Tensor,
        observed: Tensor,
        lengths: Tensor,
        start: Tensor | None = None,
        spread: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Encode a batch of trials; see `Encoder.forward`.

        Args:
            inputs: (trials, time, inputs).
            observed: True where the encoder may look, (trials, time).
            lengths: bins in each trial, (trials,).
            spread: give the context at every bin, and not, as it is computed, at every stride.
            start: True in the bins that the initial state is inferred from, (trials, time), the
                first ones of each trial, in place of `initial_bins` in all. A trial that has none
                reads a single bin of zeros.
        """
        if self.read_in is not None:
            inputs = self.read_in(inputs)
        seen = torch.where(observed[..., None], inputs, 0.0)
        seen = torch.cat([seen, observed[..., None].to(seen.dtype)], -1)
        strides = Strides(lengths, seen.shape[1], self.stride)
        context = self.dropout(self._context(strides.summed(seen), strides.lengths))
        initial = self.dropout(self._initial(seen, lengths, start))
        return strides.spread(context) if spread else context, initial

    def _context(self, seen: Tensor, lengths: Tensor) -> Tensor:
        """Run the context networks, (trials, time, context_dim)."""
        order = reversal(lengths, seen.shape[1])
        contexts = [
            take(_states(network, take(seen, order)), order) if turned else _states(network, seen)
            for network, turned in zip(self.contexts, self.turned, strict=True)
        ]
        return torch.cat(contexts, -1)

    def _initial(self, seen: Tensor, lengths: Tensor, start: Tensor | None) -> Tensor:
        """Return the last output of the initialisation network, (trials, initial_dim)."""
        if self.initial is None:
            return seen.new_zeros(len(seen), 0)
        bins = self.initial_bins
        if start is not None:
            seen, lengths = torch.where(start[..., None], seen, 0.0), start.sum(1).clamp(min=1)
            bins = int(lengths.max())
        # reversed, so that the first bin is read last and weighs most on the initial state
        window = seen[:, :bins]
        used = lengths.clamp(max=window.shape[1])
        outputs = _states(self.initial, take(window, reversal(used, window.shape[1])))
        return outputs[torch.arange(len(seen), device=seen.device), used - 1]


def _states(network: nn.Module, read: Tensor) -> Tensor:
    """Outputs of all bins, (trials, time, hidden_dim)."""
    assert isinstance(network, nn.LSTM)
    if not is_composed():
        states: Tensor = network(read)[0]
        return states
    hidden = read.new_zeros(network.num_layers, len(read), network.hidden_size)
    cells, outputs = hidden, []
    for t in range(read.shape[1]):
        output, hidden, cells = lstm_step(network, read[:, t], hidden, cells)
        outputs.append(output)
    return torch.stack(outputs, 1)


def lstm_step(
    lstm: nn.LSTM, read: Tensor, states: Tensor, cells: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Take an LSTM through one bin.

    Args:
        lstm: of any number of layers, in one direction.
        read: its input, (trials, inputs).
        states, cells: h and c of each layer, (layers, trials, hidden).

    Returns:
        the output of the last layer, (trials, hidden), and states and cells after the bin.
    """
    weights, after, kept = dict(lstm.named_parameters()), [], []
    for k in range(lstm.num_layers):
        given = linear(read, weights[f"weight_ih_l{k}"], weights[f"bias_ih_l{k}"])
        own = linear(states[k], weights[f"weight_hh_l{k}"], weights[f"bias_hh_l{k}"])
        inside, forget, candidate, out = (given + own).chunk(4, -1)
        cell = forget.sigmoid() * cells[k] + inside.sigmoid() * candidate.tanh()
        read = out.sigmoid() * cell.tanh()
        after.append(read)
        kept.append(cell)
    return read, torch.stack(after), torch.stack(kept)
