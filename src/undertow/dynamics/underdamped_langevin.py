"""Underdamped Langevin dynamics with a stable step: the default."""

import torch
import torch.nn.functional as F
from torch import Tensor

from undertow.dynamics.base import Path
from undertow.dynamics.langevin_base import SecondOrderLangevin
from undertow.dynamics.linear_recurrence import linear_langevin


class UnderdampedLangevin(SecondOrderLangevin):
    """dz = v ds,  m dv = −∇U(z) ds − mγ v ds + √(2mγ k_Bτ) dW (LangevinFlow eq. 1, in internal time
    s = t / timescale).

    One step of size h is the stable kick–drift–friction splitting

        v½ = v − (h/m) ∇U(z);   z' = z + h v½;   v' = a v½ + √((k_Bτ/m)(1 − a²)) η,   a = exp(−γh),

    exact in its Ornstein–Uhlenbeck part (without a potential v has variance k_Bτ/m whatever h is)
    and, for curvature k, stable exactly while 0 < h²k/m < 2(1 + a).
    """

    def drift(self, s: float, x: Tensor, u: Tensor | None = None) -> Tensor:
        z, v = x.chunk(2, -1)
        return torch.cat([v, -self.potential.gradient(z, u) / self.mass - self.gamma * v], -1)

    def diffusion(self, s: float, x: Tensor, u: Tensor | None = None) -> Tensor:
        std = (2 * self.gamma * self.temperature / self.mass).sqrt()
        return torch.cat([torch.zeros_like(std), std]).expand_as(x)

    def step(
        self, s: float, x: Tensor, h: Tensor, u: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        z, v = x.chunk(2, -1)
        a, std = self.decay_and_std(h)
        v_half = v - h / self.mass * self.potential.gradient(z, u)
        return torch.cat([z + h * v_half, a * v_half], -1), std

    def decay_and_std(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """a = exp(−γh) and the std of the velocity noise over a step h, each (positions,)."""
        rate = self.gamma * h
        return torch.exp(-rate), (-self.temperature / self.mass * torch.expm1(-2 * rate)).sqrt()

    def transition(self, curvature: float, h: float) -> list[list[float]]:
        kick = h * curvature / float(self.mass[0].detach())
        a = float(torch.exp(-self.gamma[0].detach() * h))
        return [[1 - h * kick, h], [-a * kick, a]]

    def rollout(
        self,
        x0: Tensor,
        noise: Tensor,
        bin_s: float,
        control: Tensor | None = None,
        inputs: Tensor | None = None,
    ) -> Path:
        """As in `Dynamics.rollout`; a quadratic potential, tilted by an input or not, takes the
        hand-written recurrence.

        A tilt adds a force −f/m that is constant over a step. With ṽ = v − (h/m) f the step is the
        untilted one, with the next step's (h/m) f taken from what is added to the velocity.
        """
        stiffness = self.potential.stiffness()
        if stiffness is None:
            return super().rollout(x0, noise, bin_s, control, inputs)
        self._check_noise(noise)
        trials, bins, substeps, dim = noise.shape
        h = bin_s / self.timescale_s / substeps
        a, std = self.decay_and_std(h)
        e = std * noise
        if control is not None:
            e = e + (std * h.sqrt() * control)[:, :, None]
        z0, v0 = x0.chunk(2, -1)
        tilt = self.potential.tilt(inputs)
        if tilt is not None:
            kick = F.pad(h / self.mass * tilt, (0, 0, 0, 1))  # no step follows the last bin
            v0 = v0 - kick[:, 0]
            e = torch.cat([e[:, :, :-1] - kick[:, :-1, None], e[:, :, -1:] - kick[:, 1:, None]], 2)
        e = e.reshape(trials, bins * substeps, dim).transpose(0, 1).contiguous()
        per_mass = h / self.mass.view(len(stiffness), 1, -1)
        states = linear_langevin(z0, v0, e, per_mass * stiffness, a, h)[::substeps].transpose(0, 1)
        if tilt is not None:
            states = states + F.pad(kick, (dim, 0))
        return Path(states, self.noisy, std, noise[:, :, -1])
