"""Lotka–Volterra populations that compete for, or prey on, each other, as logarithms."""

from typing import Unpack

import torch
from torch import Tensor, nn

from undertow.dynamics.base import Time
from undertow.dynamics.coupling import Coupling, InputMap
from undertow.dynamics.integrated import NoiseOptions, SplitIntegrator
from undertow.dynamics.splitting import SplitSDE, mean_decay

START_RATE = 2.0


class LotkaVolterra(SplitSDE):
    """Log populations dx_i = [r_i − a_i e^{x_i} + Σ_{j≠i} K_ij e^{x_j} + (B u)_i] ds + σ dW.

    Here x = log n for populations n.

    The generalised Lotka–Volterra equations dn_i/n_i = (r − a n_i + Σ K_ij n_j) ds in logarithms,
    in which n stays positive and noise is additive. The step by `splitting` follows the logistic
    growth of each population exactly, which leaves none above a known size, then kicks by the
    others.

    Args:
        state_dim: populations.
        input_dim: external inputs u, which change the growth rates through a learned B.
        integrator: 'splitting', or 'euler', 'heun' or 'rk4', which need short steps.
        coupling_network: tanh units of a network through which the input changes the coupling; 0
            for a coupling that does not depend on the input.
        options: noise and time; see `IntegratedSDE`.
    """

    never_silent = "its state is the logarithm of a population, zero for one of size 1"

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        integrator: SplitIntegrator = "splitting",
        coupling_network: int = 0,
        **options: Unpack[NoiseOptions],
    ) -> None:
        super().__init__(state_dim, input_dim, integrator, **options)
        self.growth = nn.Parameter(torch.full((self.state_dim,), START_RATE))
        self.log_limit = nn.Parameter(torch.full((self.state_dim,), START_RATE).log())
        self.coupling = Coupling(
            self.state_dim, input_dim, "matrix", False, coupling_network, linear=False
        )
        self.input_map = InputMap(input_dim, self.state_dim)

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        return self.growth + self.input_map(u) - torch.exp(self.log_limit + x) + self._others(x, u)

    def _others(self, x: Tensor, u: Tensor | None) -> Tensor:
        return self.coupling.pull(x.exp().unsqueeze(-2), u).squeeze(-2)

    def split_step(self, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        """State after the flows of all parts over a step `h`, without noise, (…, state_dim).

        In the logistic growth e^{−x} relaxes linearly: e^{−x'} = e^{−x − rh} + a h (1 − e^{−rh}) /
        (rh), summed as logarithms.
        """
        rate = self.growth + self.input_map(u)
        crowding = self.log_limit + torch.log(h * mean_decay(rate * h))
        x = -torch.logaddexp(-x - rate * h, crowding)
        return x + h * self._others(x, u)
