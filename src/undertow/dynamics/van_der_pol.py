"""Van der Pol oscillators: limit cycles that range from sinusoidal to relaxation."""

from typing import Unpack

import torch
from torch import Tensor, nn

from undertow.checks import pairs
from undertow.dynamics.base import Time
from undertow.dynamics.coupling import Coupling, CouplingKind, InputMap
from undertow.dynamics.integrated import NoiseOptions, SplitIntegrator
from undertow.dynamics.splitting import SplitSDE, rotation
from undertow.dynamics.starting import LogFrequencies, starting_frequencies

START_NONLINEARITY = 1.0


class VanDerPol(SplitSDE, LogFrequencies):
    """Oscillators ẍ_i = μ_i (1 − x_i²) ẋ_i − ω_i² x_i + Σ_j K_ij (x_j − x_i) + (B u)_i.

    Noise enters the velocities (van der Pol, 1926).

    Each oscillator has a limit cycle of amplitude near 2; μ ≪ ω gives a sinusoid of frequency ω, μ
    ≫ ω relaxation. The step by `splitting` kicks v by coupling and input, rotates (x, v) exactly by
    ωh and scales v by e^{μ(1 − x²)h}.

    Args:
        state_dim: positions and velocities together, an even number; the state is [x, v].
        input_dim: external inputs u, which push the velocities through a learned B.
        coupling: 'diffusive', 'matrix' (Σ_j K_ij x_j) or 'none'; see `Coupling`.
        integrator: 'splitting', or 'euler', 'heun' or 'rk4', which need short steps.
        start_cycles: the band in which natural frequencies start, in cycles per 2.5 units of
            internal time, evenly spaced.
        start_order: the seed that shuffles which oscillator starts where in the band; None puts the
            slowest first.
        coupling_network: tanh units of a network through which the input changes the coupling; 0
            for a coupling that does not depend on the input.
        options: noise and time; see `IntegratedSDE`.
    """

    noise_in_velocities = True

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        coupling: CouplingKind = "diffusive",
        integrator: SplitIntegrator = "splitting",
        start_cycles: tuple[float, float] = (0.5, 3.0),
        start_order: int | None = None,
        coupling_network: int = 0,
        **options: Unpack[NoiseOptions],
    ) -> None:
        state_dim = pairs("state_dim", state_dim, "oscillators")
        super().__init__(state_dim, input_dim, integrator, **options)
        n = state_dim // 2
        self.log_nonlinearity = nn.Parameter(torch.full((n,), START_NONLINEARITY).log())
        start = starting_frequencies(start_cycles, n, start_order, log=False)
        self.log_omega = nn.Parameter(start.log())
        self.coupling = Coupling(n, input_dim, coupling, hidden=coupling_network, linear=False)
        self.input_map = InputMap(input_dim, n)

    @property
    def nonlinearity(self) -> Tensor:
        """Nonlinearity μ of each oscillator per unit of internal time, (N,)."""
        return self.log_nonlinearity.exp()

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Split the state into positions 'x' and velocities 'v'."""
        position, velocity = x.chunk(2, -1)
        return {"x": position, "v": velocity}

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        position, velocity = x.chunk(2, -1)
        growth = self.nonlinearity * (1 - position.square())
        force = growth * velocity - self.omega.square() * position + self._force(position, u)
        return torch.cat([velocity, force], -1)

    def _force(self, position: Tensor, u: Tensor | None) -> Tensor:
        return self.coupling.pull(position.unsqueeze(-2), u).squeeze(-2) + self.input_map(u)

    def split_step(self, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        position, velocity = x.chunk(2, -1)
        position, velocity = rotation(
            position, velocity + h * self._force(position, u), self.omega, h
        )
        return torch.cat(
            [position, velocity * torch.exp(self.nonlinearity * (1 - position.square()) * h)], -1
        )
