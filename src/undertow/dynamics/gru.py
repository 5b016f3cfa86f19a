"""Gated recurrent unit as latent dynamics."""

import torch
from torch import Tensor, nn

from undertow.dynamics.recurrent import REMEMBERING, RecurrentDynamics, without_empty_weights


class GRU(RecurrentDynamics):
    """Gated recurrent unit x' = (1 − g) n + g x, without noise (ElGazzar & van Gerven, Table 1).

    Its weights are those of `torch.nn.GRUCell`.

    The update gate g, the reset gate r (both logistic) and n = tanh(V u + b_u + r (W x + b_x)) read
    state and input. The update gate starts near 0.95, so that a state is kept for some 20 bins. The
    bin width is part of the model, see `DiscreteDynamics`.

    Args:
        state_dim: hidden units.
        input_dim: external inputs u.
        timescale_s: see `DiscreteDynamics`.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    def __init__(
        self, state_dim: int, input_dim: int = 0, timescale_s: float | None = None
    ) -> None:
        super().__init__(state_dim, input_dim, timescale_s)
        self.cell = without_empty_weights(nn.GRUCell(input_dim, self.state_dim))
        with torch.no_grad():
            # torch keeps the biases as [reset, update, candidate]
            self.cell.bias_ih.chunk(3)[1].fill_(REMEMBERING)

    def advance(self, u: Tensor, x: Tensor) -> Tensor:
        moved: Tensor = self.cell(u, x)
        return moved
