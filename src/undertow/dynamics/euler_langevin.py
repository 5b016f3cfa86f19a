"""Explicit Euler steps of the published LangevinFlow, of the paper and of its released code."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from undertow.dynamics.base import Time
from undertow.dynamics.langevin_base import SecondOrderLangevin
from undertow.dynamics.limits import constant
from undertow.dynamics.potentials import CoupledOscillatorPotential, Potential


class EulerLangevin(SecondOrderLangevin):
    """Algorithm 1 of LangevinFlow: explicit Euler steps.

    Positions and velocities are both stepped from the old state:

        z' = z + δh v;   v½ = v − (δh/m) ∇U(z);   v' = (1 − γh) v½ + √(2mγ k_Bτ h) η

    with h = 1 where a bin is as long as `timescale_s`, as published. δ is `hamiltonian_step`: 1 in
    the paper; 0.01 in the code released with it, whose friction and noise are not scaled. The noise
    is that of eqs 9, 16 and 17, which differs from eq. 1 divided by m unless m = 1. Explicit Euler
    diverges for curvatures k < 0 and for many k > 0.

    Args:
        state_dim: positions and velocities together, an even number; the state is [z, v].
        potential: builds the potential from the number of positions, or is one.
        hamiltonian_step: δ, above zero.
        options: the others of `SecondOrderLangevin`.
    """

    def __init__(
        self,
        state_dim: int,
        potential: Callable[[int], Potential] | Potential = CoupledOscillatorPotential,
        hamiltonian_step: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(state_dim, potential, **options)
        self.hamiltonian_step = constant("hamiltonian_step", hamiltonian_step)

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        z, v = x.chunk(2, -1)
        force = -self.potential.gradient(z, u) / self.mass
        return torch.cat(
            [self.hamiltonian_step * v, self.hamiltonian_step * force - self.gamma * v], -1
        )

    def diffusion(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        std = (2 * self.mass * self.gamma * self.temperature).sqrt()
        return torch.cat([torch.zeros_like(std), std]).expand_as(x)

    def step(self, s: Time, x: Tensor, h: Tensor, u: Tensor | None = None) -> tuple[Tensor, Tensor]:
        z, v = x.chunk(2, -1)
        move = self.hamiltonian_step * h
        v_half = v - move / self.mass * self.potential.gradient(z, u)
        mean = torch.cat([z + move * v, (1 - self.gamma * h) * v_half], -1)
        return mean, (2 * self.mass * self.gamma * self.temperature * h).sqrt()

    def transition(self, curvature: float, h: float) -> list[list[float]]:
        move = self.hamiltonian_step * h
        kept = 1 - float(self.gamma[0].detach()) * h
        return [[1.0, move], [-kept * move * curvature / float(self.mass[0].detach()), kept]]
