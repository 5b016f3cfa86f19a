"""Kuramoto oscillators: a phase each, and no amplitude."""

from typing import Unpack

import torch
from torch import Tensor, nn

from undertow.dynamics.base import Time
from undertow.dynamics.coupling import Coupling, InputMap
from undertow.dynamics.integrated import IntegratedSDE, SDEOptions
from undertow.dynamics.starting import starting_frequencies


class Kuramoto(IntegratedSDE):
    """Phase oscillators dθ_i = [ω_i + Σ_j K_ij sin(θ_j − θ_i) + (B u)_i] ds + σ dW.

    The model is Kuramoto's (1975).

    The state is the phases, in radians and not wrapped; decoders see their cosines and sines.

    Args:
        state_dim: phases, one an oscillator.
        input_dim: external inputs u, which shift the frequencies through a learned B.
        start_cycles: the band in which natural frequencies start, in cycles per 2.5 units of
            internal time, evenly spaced.
        start_order: the seed that shuffles which oscillator starts where in the band; None puts the
            slowest first.
        coupling_network: tanh units of a network through which the input changes the coupling; 0
            for a coupling that does not depend on the input.
        options: see `IntegratedSDE`.
    """

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        start_cycles: tuple[float, float] = (0.5, 3.0),
        start_order: int | None = None,
        coupling_network: int = 0,
        **options: Unpack[SDEOptions],
    ) -> None:
        super().__init__(state_dim, input_dim, **options)
        self.omega = nn.Parameter(
            starting_frequencies(start_cycles, self.state_dim, start_order, log=False)
        )
        self.coupling = Coupling(
            self.state_dim, input_dim, "matrix", False, coupling_network, linear=False
        )
        self.input_map = InputMap(input_dim, self.state_dim)

    @property
    def natural_frequencies_hz(self) -> Tensor:
        """Frequencies ω / 2πτ in Hz, (state_dim,); the sign is the sense of rotation."""
        return self.omega / (2 * torch.pi * self.timescale_s)

    def coupling_matrix(self, u: Tensor | None = None) -> Tensor:
        """Coupling K(u) per unit of internal time, (…, state_dim, state_dim).

        Row i is what acts on oscillator i.
        """
        return self.coupling.matrix(u)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Compute cosines 'cos' and sines 'sin' of the phases."""
        return {"cos": x.cos(), "sin": x.sin()}

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        cos, sin = x.cos(), x.sin()
        pull_cos, pull_sin = self.coupling.pull(torch.stack([cos, sin], -2), u).unbind(-2)
        return self.omega + cos * pull_sin - sin * pull_cos + self.input_map(u)
