"""Neural SDE, whose drift is a small network."""

from typing import Unpack

from torch import Tensor, nn

from undertow.checks import whole
from undertow.dynamics.base import Time
from undertow.dynamics.integrated import IntegratedSDE, SDEOptions
from undertow.dynamics.limits import MOST_UNITS
from undertow.errors import ModelError
from undertow.memory import check_memory


class NeuralSDE(IntegratedSDE):
    """Neural SDE dx = MLP([x, u]) ds + σ dW (ElGazzar & van Gerven, supplement 3).

    The network has two hidden layers of 64 tanh units. It makes no assumption about the dynamics,
    and has no parameters to interpret; with `noise=False` it is the neural ODE.

    Args:
        state_dim: width of the state.
        input_dim: external inputs u.
        hidden_dim: units of each hidden layer.
        options: see `IntegratedSDE`.
    """

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        hidden_dim: int = 64,
        **options: Unpack[SDEOptions],
    ) -> None:
        super().__init__(state_dim, input_dim, **options)
        hidden_dim = whole("hidden_dim", hidden_dim, 1, MOST_UNITS)
        held = 4 * hidden_dim * (hidden_dim + 2 * self.state_dim + input_dim)
        check_memory(held, f"a network of {hidden_dim} units", "lower hidden_dim.", ModelError)
        self.network = nn.Sequential(
            nn.Linear(self.state_dim + input_dim, hidden_dim),
            nn.Tanh(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.Tanh(),
            nn.Linear(hidden_dim, self.state_dim),
        )

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        drift: Tensor = self.network(self.with_input(x, u))
        return drift
