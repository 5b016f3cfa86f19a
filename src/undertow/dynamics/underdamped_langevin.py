"""Underdamped Langevin dynamics with a stable, accurate step: the default."""

import torch
from torch import Tensor

from undertow.dynamics.base import Time
from undertow.dynamics.langevin_base import SecondOrderLangevin
from undertow.dynamics.linear_recurrence import linear_langevin


class UnderdampedLangevin(SecondOrderLangevin):
    """Langevin dynamics dz = v ds,  m dv = −∇U(z) ds − mγ v ds + √(2mγ k_Bτ) dW.

    This is LangevinFlow eq. 1 in internal time s = t / timescale.

    One step of size h is a kick, half a drift, friction with noise, and the other half of the
    drift: the BAOAB splitting (Leimkuhler & Matthews, 2013) seen just before its last half kick,
    so that one force serves a whole kick:

        v½ = v − (h/m) ∇U(z);   v' = a v½ + √((k_Bτ/m)(1 − a²)) η,   a = exp(−γh)
        z' = z + (h/2) (v½ + v')

    It is of second order weakly, where v is read half a kick early, v ≈ v(s) + (h/2m) ∇U(z). In a
    harmonic potential of curvature k the stationary variances of z and v are exact, k_Bτ/k and
    k_Bτ/m, at every step that is stable: exactly while 0 < h²k/m < 4, whatever the friction.
    Without a potential v is the exact Ornstein–Uhlenbeck process.

    Given (z, v), v' is Gaussian and z' follows from it: noise and control enter through the
    velocities alone.
    """

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        z, v = x.chunk(2, -1)
        return torch.cat([v, -self.potential.gradient(z, u) / self.mass - self.gamma * v], -1)

    def diffusion(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        std = (2 * self.gamma * self.temperature / self.mass).sqrt()
        return torch.cat([torch.zeros_like(std), std]).expand_as(x)

    def step(self, s: Time, x: Tensor, h: Tensor, u: Tensor | None = None) -> tuple[Tensor, Tensor]:
        z, v = x.chunk(2, -1)
        a, std = self.decay_and_std(h)
        v_half = v - h / self.mass * self.potential.gradient(z, u)
        damped = a * v_half
        return torch.cat([z + h / 2 * (v_half + damped), damped], -1), std

    def displaced(self, mean: Tensor, by: Tensor, h: Tensor) -> Tensor:
        """Move positions by (h/2)(v' − E v'), as they follow the velocity that was drawn."""
        z, v = mean.chunk(2, -1)
        return torch.cat([z + h / 2 * by, v + by], -1)

    def decay_and_std(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Compute a = exp(−γh) and the std of a step's velocity noise, each (positions,)."""
        rate = self.gamma * h
        # expm1: 1 − a² would lose all digits at short steps
        return torch.exp(-rate), (-self.temperature / self.mass * torch.expm1(-2 * rate)).sqrt()

    def transition(self, curvature: float, h: float) -> list[list[float]]:
        kick = h * curvature / float(self.mass[0].detach())
        a = float(torch.exp(-self.gamma[0].detach() * h))
        move = h / 2 * (1 + a)
        return [[1 - move * kick, move], [-a * kick, a]]

    def linear_states(
        self, x0: Tensor, kicks: Tensor, h: Tensor, inputs: Tensor | None = None
    ) -> Tensor | None:
        """Run the hand-written recurrence, for a quadratic potential, tilted by an input or not."""
        stiffness = self.potential.stiffness()
        if stiffness is None:
            return None
        a, std = self.decay_and_std(h)
        per_mass = h / self.mass
        tilt = self.potential.tilt(inputs)
        if tilt is not None:
            tilt = (per_mass * tilt).transpose(0, 1)
        # step first: the recurrence then reads and writes one contiguous block a step
        e = (std * kicks).transpose(0, 1).contiguous()
        kick = per_mass.view(len(stiffness), 1, -1) * stiffness
        z0, v0 = x0.chunk(2, -1)
        return linear_langevin(z0, v0, e, kick, a, h, tilt).transpose(0, 1)
