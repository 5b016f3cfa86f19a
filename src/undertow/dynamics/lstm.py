"""Long short-term memory as latent dynamics."""

import torch
from torch import Tensor, nn

from undertow.dynamics.recurrent import REMEMBERING, RecurrentDynamics, without_empty_weights
from undertow.errors import ModelError


class LSTM(RecurrentDynamics):
    """Long short-term memory c' = f c + i n, h' = o tanh(c'), without noise.

    It is one of ElGazzar & van Gerven's models (Table 1), with weights as in `torch.nn.LSTMCell`.

    The gates i, f, o (logistic) and n (tanh) read h and the input u. Decoders see h. The forget
    gate f starts near 0.95, so that a memory is kept for some 20 bins. The bin width is part of the
    model, see `DiscreteDynamics`.

    Args:
        state_dim: hidden units and memory cells together, an even number; the state is [h, c].
        input_dim: external inputs u.
        timescale_s: see `DiscreteDynamics`.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    def __init__(
        self, state_dim: int, input_dim: int = 0, timescale_s: float | None = None
    ) -> None:
        super().__init__(state_dim, input_dim, timescale_s)
        if self.state_dim % 2:
            raise ModelError(
                f"state_dim is {self.state_dim}: hidden units and memory cells together are an "
                "even number."
            )
        self.cell = without_empty_weights(nn.LSTMCell(input_dim, self.state_dim // 2))
        with torch.no_grad():
            self.cell.bias_ih.chunk(4)[1].fill_(REMEMBERING)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Select the hidden units 'h'."""
        return {"h": x.chunk(2, -1)[0]}

    def advance(self, u: Tensor, x: Tensor) -> Tensor:
        return torch.cat(self.cell(u, x.chunk(2, -1)), -1)
