"""FitzHugh–Nagumo units: excitable or spiking, with a fast voltage and a slow recovery."""

from typing import Unpack

import torch
from torch import Tensor, nn

from undertow.checks import pairs
from undertow.dynamics.base import Time
from undertow.dynamics.coupling import Coupling, CouplingKind, InputMap
from undertow.dynamics.integrated import NoiseOptions, SplitIntegrator
from undertow.dynamics.splitting import SplitSDE, logistic_gain, relaxation

START_RATE, START_EPSILON, START_A, START_B, START_CURRENT = 10.0, 0.2, 0.7, 0.8, 0.5


class FitzHughNagumo(SplitSDE):
    """Excitable units (FitzHugh, 1961; Nagumo et al., 1962), sped up by a rate ρ.

    There are N units, and ρ is per unit of internal time:

        dv = ρ [v − v³/3 − w + I + (B u) + Σ_j K_ij (v_j − v_i)] ds + σ dW
        dw = ρ ε (v + a − b w) ds + σ dW

    All of ρ, ε, a, b and I are learned for each unit; at the start the units fire about once in a
    trial. The step by `splitting` kicks v by −w, current and coupling, follows v − v³/3 exactly and
    then lets w relax exactly.

    Args:
        state_dim: voltages and recoveries together, an even number 2N; the state is [v, w].
        input_dim: external inputs u, a current through a learned B.
        coupling: 'diffusive', 'matrix' (Σ_j K_ij v_j) or 'none'; see `Coupling`.
        integrator: 'splitting', or 'euler', 'heun' or 'rk4', which need short steps.
        coupling_network: tanh units of a network through which the input changes the coupling; 0
            for a coupling that does not depend on the input.
        options: noise and time; see `IntegratedSDE`.
    """

    never_silent = "its units rest near a voltage of −1.2, and zero is an excited one"

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        coupling: CouplingKind = "diffusive",
        integrator: SplitIntegrator = "splitting",
        coupling_network: int = 0,
        **options: Unpack[NoiseOptions],
    ) -> None:
        state_dim = pairs("state_dim", state_dim, "units")
        super().__init__(state_dim, input_dim, integrator, **options)
        n = state_dim // 2
        self.log_rate = nn.Parameter(torch.full((n,), START_RATE).log())
        self.log_epsilon = nn.Parameter(torch.full((n,), START_EPSILON).log())
        self.a = nn.Parameter(torch.full((n,), START_A))
        self.log_b = nn.Parameter(torch.full((n,), START_B).log())
        self.current = nn.Parameter(torch.full((n,), START_CURRENT))
        self.coupling = Coupling(n, input_dim, coupling, hidden=coupling_network, linear=False)
        self.input_map = InputMap(input_dim, n)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Split the state into voltages 'v' and recoveries 'w'."""
        v, w = x.chunk(2, -1)
        return {"v": v, "w": w}

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        v, w = x.chunk(2, -1)
        rate = self.log_rate.exp()
        dv = v - v**3 / 3 + self._current(v, w, u)
        dw = self.log_epsilon.exp() * (v + self.a - self.log_b.exp() * w)
        return torch.cat([rate * dv, rate * dw], -1)

    def _current(self, v: Tensor, w: Tensor, u: Tensor | None) -> Tensor:
        return (
            self.current
            - w
            + self.input_map(u)
            + self.coupling.pull(v.unsqueeze(-2), u).squeeze(-2)
        )

    def split_step(self, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        v, w = x.chunk(2, -1)
        rate, b = self.log_rate.exp(), self.log_b.exp()
        v = v + h * rate * self._current(v, w, u)
        v = v * logistic_gain(2 * rate, 2 / 3 * rate * v.square(), h).sqrt()
        w = relaxation(w, (v + self.a) / b, rate * self.log_epsilon.exp() * b, h)
        return torch.cat([v, w], -1)
