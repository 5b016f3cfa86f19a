"""Bistable units: a simple attractor network for choices and memory."""

from typing import Unpack

import torch
from torch import Tensor, nn

from undertow.dynamics.base import Time
from undertow.dynamics.coupling import Coupling, CouplingKind, InputMap
from undertow.dynamics.integrated import NoiseOptions, SplitIntegrator
from undertow.dynamics.splitting import SplitSDE, logistic_gain

START_RATE = 2.0


class DoubleWellAttractor(SplitSDE):
    """Bistable units dx_i = [λ_i x_i (1 − x_i²) + Σ_{j≠i} K_ij x_j + (B u)_i + c_i] ds + σ dW.

    A unit alone rests at −1 or +1.

    The input tilts the wells as evidence does; noise decides near the ridge at 0. The step by
    `splitting` kicks by coupling and input, then follows the well exactly: x ← x / √(x² + (1 − x²)
    e^{−2λh}).

    Args:
        state_dim: units.
        input_dim: external inputs u.
        coupling: 'matrix', 'diffusive' or 'none'; see `Coupling`.
        integrator: 'splitting', or 'euler', 'heun' or 'rk4', which need short steps.
        coupling_network: tanh units of a network through which the input changes the coupling; 0
            for a coupling that does not depend on the input.
        options: noise and time; see `IntegratedSDE`.
    """

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        coupling: CouplingKind = "matrix",
        integrator: SplitIntegrator = "splitting",
        coupling_network: int = 0,
        **options: Unpack[NoiseOptions],
    ) -> None:
        super().__init__(state_dim, input_dim, integrator, **options)
        self.log_rate = nn.Parameter(torch.full((self.state_dim,), START_RATE).log())
        self.tilt = nn.Parameter(torch.zeros(self.state_dim))
        self.coupling = Coupling(
            self.state_dim, input_dim, coupling, False, coupling_network, linear=False
        )
        self.input_map = InputMap(input_dim, self.state_dim)

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        return self.log_rate.exp() * x * (1 - x.square()) + self._push(x, u)

    def _push(self, x: Tensor, u: Tensor | None) -> Tensor:
        return self.coupling.pull(x.unsqueeze(-2), u).squeeze(-2) + self.tilt + self.input_map(u)

    def split_step(self, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        kicked, rate = x + h * self._push(x, u), 2 * self.log_rate.exp()
        return kicked * logistic_gain(rate, rate * kicked.square(), h).sqrt()
