"""Vanilla recurrent network as latent dynamics."""

from torch import Tensor, nn

from undertow.dynamics.recurrent import RecurrentDynamics, without_empty_weights


class RNN(RecurrentDynamics):
    """Vanilla network x' = tanh(W x + V u + b_x + b_u), without noise.

    It is one of ElGazzar & van Gerven's models (Table 1), with weights as in `torch.nn.RNNCell`.

    W starts as the identity and the biases at zero, so that a state is kept for many bins. The bin
    width is part of the model, see `DiscreteDynamics`.

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
        self.cell = without_empty_weights(nn.RNNCell(input_dim, self.state_dim))
        # from torch's random start a path would forget within a few bins how it began
        nn.init.eye_(self.cell.weight_hh)
        nn.init.zeros_(self.cell.bias_ih)
        nn.init.zeros_(self.cell.bias_hh)

    def advance(self, u: Tensor, x: Tensor) -> Tensor:
        moved: Tensor = self.cell(u, x)
        return moved
