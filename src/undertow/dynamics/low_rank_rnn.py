"""Recurrent network of low rank in continuous time."""

from typing import Unpack

import torch
from torch import Tensor, nn

from undertow.dynamics.base import Time
from undertow.dynamics.coupling import InputMap
from undertow.dynamics.integrated import NoiseOptions, SplitIntegrator
from undertow.dynamics.limits import width
from undertow.dynamics.splitting import SplitSDE, relaxation
from undertow.errors import ModelError

START_RATE = 4.0


class LowRankRNN(SplitSDE):
    """Network dx = λ [−x + M Nᵀ tanh(x) + B u + c] ds + σ dW with M and N of rank r.

    The model is that of Mastrogiuseppe & Ostojic (2018).

    The step by `splitting` relaxes x exactly towards the current it has at the start of the step.

    Args:
        state_dim: units of the network.
        input_dim: external inputs u.
        rank: columns of M and N, at most `state_dim`.
        integrator: 'splitting', or 'euler', 'heun' or 'rk4', which need short steps.
        options: noise and time; see `IntegratedSDE`.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        rank: int = 2,
        integrator: SplitIntegrator = "splitting",
        **options: Unpack[NoiseOptions],
    ) -> None:
        super().__init__(state_dim, input_dim, integrator, **options)
        rank = width("rank", rank)
        if rank > self.state_dim:
            raise ModelError(
                f"rank is {rank}: {self.state_dim} units have a connectivity of rank "
                f"{self.state_dim} at most."
            )
        self.log_rate = nn.Parameter(torch.tensor(START_RATE).log())
        self.left = nn.Parameter(torch.randn(self.state_dim, rank) / self.state_dim**0.5)
        self.right = nn.Parameter(torch.randn(self.state_dim, rank) / self.state_dim**0.5)
        self.offset = nn.Parameter(torch.zeros(self.state_dim))
        self.input_map = InputMap(input_dim, self.state_dim)

    def connectivity(self) -> Tensor:
        """Connectivity M Nᵀ, (state_dim, state_dim): row i is what acts on unit i."""
        return self.left @ self.right.t()

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        return self.log_rate.exp() * (self._current(x, u) - x)

    def _current(self, x: Tensor, u: Tensor | None) -> Tensor:
        return torch.tanh(x) @ self.right @ self.left.t() + self.offset + self.input_map(u)

    def split_step(self, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        return relaxation(x, self._current(x, u), self.log_rate.exp(), h)
