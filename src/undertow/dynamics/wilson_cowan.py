"""Wilson–Cowan columns: an excitatory and an inhibitory population each."""

from typing import Unpack

import torch
from torch import Tensor, nn

from undertow.checks import pairs
from undertow.dynamics.base import Time
from undertow.dynamics.coupling import Coupling, InputMap
from undertow.dynamics.integrated import NoiseOptions, SplitIntegrator
from undertow.dynamics.splitting import SplitSDE, relaxation

START_RATE = 10.0
START_WEIGHTS = {"ee": 16.0, "ei": 12.0, "ie": 15.0, "ii": 3.0}
START_CURRENTS = (-2.5, -4.0)


class WilsonCowan(SplitSDE):
    """Columns of excitatory and inhibitory rates E and I in mean-field form.

    There are N columns (Wilson & Cowan, 1972, without refractory factors):

        dE = λ_E [−E + S(w_EE E − w_EI I + Σ_{j≠i} K_ij E_j + P + (B u)_E)] ds + σ dW
        dI = λ_I [−I + S(w_IE E − w_II I + Q + (B u)_I)] ds + σ dW,   S(y) = 1 / (1 + e^{−y})

    All weights (positive), rates and currents are learned for each column; at the start a column
    oscillates. The step by `splitting` relaxes the rates exactly towards the activation at the
    start of the step.

    Args:
        state_dim: excitatory and inhibitory populations together, an even number 2N; the state is
            [E, I].
        input_dim: external inputs u, currents through a learned B.
        integrator: 'splitting', or 'euler', 'heun' or 'rk4', which need short steps.
        coupling_network: tanh units of a network through which the input changes the coupling; 0
            for a coupling that does not depend on the input.
        options: noise and time; see `IntegratedSDE`.
    """

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        integrator: SplitIntegrator = "splitting",
        coupling_network: int = 0,
        **options: Unpack[NoiseOptions],
    ) -> None:
        state_dim = pairs("state_dim", state_dim, "excitatory and inhibitory populations")
        super().__init__(state_dim, input_dim, integrator, **options)
        n = state_dim // 2
        start = torch.tensor(list(START_WEIGHTS.values())).log()
        self.log_weights = nn.Parameter(start[:, None].repeat(1, n))
        self.log_rate = nn.Parameter(torch.full((state_dim,), START_RATE).log())
        self.current = nn.Parameter(torch.tensor(START_CURRENTS).repeat_interleave(n))
        self.coupling = Coupling(n, input_dim, "matrix", False, coupling_network, linear=False)
        self.input_map = InputMap(input_dim, state_dim)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Split the state into rates of the 'excitatory' and 'inhibitory' populations."""
        excitatory, inhibitory = x.chunk(2, -1)
        return {"excitatory": excitatory, "inhibitory": inhibitory}

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        return self.log_rate.exp() * (self._activation(x, u) - x)

    def _activation(self, x: Tensor, u: Tensor | None) -> Tensor:
        e, i = x.chunk(2, -1)
        ee, ei, ie, ii = self.log_weights.exp()
        others = self.coupling.pull(e.unsqueeze(-2), u).squeeze(-2)
        recurrent = torch.cat([ee * e - ei * i + others, ie * e - ii * i], -1)
        return torch.sigmoid(recurrent + self.current + self.input_map(u))

    def split_step(self, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        return relaxation(x, self._activation(x, u), self.log_rate.exp(), h)
