"""`SplitSDE`: an SDE with a stable step of its own, and the exact flows such steps consist of."""

from abc import abstractmethod
from typing import Unpack, get_args

import torch
from torch import Tensor

from undertow.dynamics.base import Time
from undertow.dynamics.integrated import IntegratedSDE, NoiseOptions, SplitIntegrator

SMALL = 1e-3


class SplitSDE(IntegratedSDE):
    """SDE dx = μ(x, u) ds + σ(x, u) dW whose drift is split into parts with known flows.

    The flows are applied one after another.

    A step is x' = flow over h of the parts + √h σ(x, u) η: as exact as its parts where they act
    alone, of strong and weak order 1 where they act together (½ where σ depends on the state), and
    bounded where explicit steps diverge.

    Args:
        state_dim: width of the state.
        input_dim: external inputs u.
        integrator: 'splitting', or 'euler', 'heun' or 'rk4' as in `IntegratedSDE`.
        options: noise and time; see `IntegratedSDE`.
    """

    integrators = get_args(SplitIntegrator)

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        integrator: SplitIntegrator = "splitting",
        **options: Unpack[NoiseOptions],
    ) -> None:
        super().__init__(state_dim, input_dim, integrator=integrator, **options)

    @abstractmethod
    def split_step(self, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        """The state after the flows of all parts over a step `h`, without noise, (…, state_dim)."""

    def next_mean(self, s: Time, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        if self.integrator == "splitting":
            return self.split_step(x, h, u)
        return super().next_mean(s, x, h, u)


def mean_decay(z: Tensor) -> Tensor:
    """Compute (1 − e^{−z}) / z, the mean of a decay over its time.

    It is 1 at z = 0, where its series keeps the gradient right.
    """
    small = z.abs() < SMALL
    away = torch.where(small, SMALL, z)
    return torch.where(small, 1 - z * (1 / 2 - z * (1 / 6 - z / 24)), -torch.expm1(-away) / away)


def logistic_gain(rate: Tensor, limit: Tensor, h: Tensor) -> Tensor:
    """Compute n(h) / n(0) of dn/ds = n (rate − c n), exactly, where limit = c n(0).

    It is 1 / (e^{−rate h} + limit (1 − e^{−rate h}) / rate), and 1 / (1 + limit h) at rate = 0.
    """
    growth = rate * h
    return 1 / (torch.exp(-growth) + h * mean_decay(growth) * limit)


def relaxation(x: Tensor, target: Tensor, rate: Tensor, h: Tensor) -> Tensor:
    """Exact flow of dx = rate (target − x) ds over h."""
    return target + (x - target) * torch.exp(-rate * h)


def rotation(x: Tensor, v: Tensor, omega: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Exact flow of dx = v ds, dv = −ω² x ds over h; at ω = 0 it is x + h v and v."""
    cos, sin = torch.cos(omega * h), torch.sin(omega * h)
    return cos * x + h * torch.sinc(omega * h / torch.pi) * v, cos * v - omega * sin * x
