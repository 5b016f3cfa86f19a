"""Reduced Wong–Wang model: pairs of populations that compete for a decision."""

from typing import Unpack

import torch
from torch import Tensor, nn

from undertow.checks import pairs
from undertow.dynamics.base import Time
from undertow.dynamics.coupling import InputMap
from undertow.dynamics.integrated import NoiseOptions, SplitIntegrator
from undertow.dynamics.splitting import SplitSDE, relaxation

START_RATE = 5.0  # per unit of internal time; 1/rate stands for the published 0.1 s of NMDA gating
GAIN = 0.641 * 0.1 / 0.154  # γ τ_S / d
SLOPE = 270 * 0.154  # a d, per nA
START_SELF, START_CROSS = SLOPE * 0.2609, SLOPE * 0.0497
START_CURRENT = SLOPE * 0.3255 - 108 * 0.154
SMALL = 1e-3


class WongWang(SplitSDE):
    """Pairs of gating variables S₁, S₂ that excite themselves and inhibit each other.

    This is the reduced form of Wong & Wang (2006):

        dS₁ = λ [−S₁ + g (1 − S₁) φ(y₁)] ds + σ dW
        y₁ = w₊ S₁ − w₋ S₂ + I₁ + (B u)₁,   φ(y) = y / (1 − e^{−y})

    and alike for S₂: the published equations with currents in units of the transfer function's
    slope and rates in units of its width. All of λ, g, w₊, w₋ and I are learned for each pair and
    start at the published values: without input low activity, with equal inputs a race that either
    population may win. The step by `splitting` relaxes S exactly, with φ held at its value at the
    start of the step, and so keeps 0 ≤ S ≤ 1 but for the noise.

    Args:
        state_dim: both populations of each pair, an even number; the state is [S₁ of each pair, S₂
            of each pair].
        input_dim: external inputs u, currents through a learned B.
        integrator: 'splitting', or 'euler', 'heun' or 'rk4', which need short steps.
        options: noise and time; see `IntegratedSDE`.
    """

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        integrator: SplitIntegrator = "splitting",
        **options: Unpack[NoiseOptions],
    ) -> None:
        state_dim = pairs("state_dim", state_dim, "competing populations")
        super().__init__(state_dim, input_dim, integrator, **options)
        n = state_dim // 2
        self.log_rate = nn.Parameter(torch.full((n,), START_RATE).log())
        self.log_gain = nn.Parameter(torch.full((n,), GAIN).log())
        self.log_self = nn.Parameter(torch.full((n,), START_SELF).log())
        self.log_cross = nn.Parameter(torch.full((n,), START_CROSS).log())
        self.current = nn.Parameter(torch.full((state_dim,), START_CURRENT))
        self.input_map = InputMap(input_dim, state_dim)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Split the state into the gating of either population, 's1' and 's2'."""
        first, second = x.chunk(2, -1)
        return {"s1": first, "s2": second}

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        rate, opening = self._rates(x, u)
        return rate * (opening * (1 - x) - x)

    def split_step(self, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        rate, opening = self._rates(x, u)
        return relaxation(x, opening / (1 + opening), rate * (1 + opening), h)

    def _rates(self, x: Tensor, u: Tensor | None) -> tuple[Tensor, Tensor]:
        """Compute λ and g φ(y) of each population."""
        own, other = x.unflatten(-1, (2, -1)), x.unflatten(-1, (2, -1)).flip(-2)
        recurrent = (self.log_self.exp() * own - self.log_cross.exp() * other).flatten(-2)
        rate, gain = self.log_rate.exp().repeat(2), self.log_gain.exp().repeat(2)
        return rate, gain * transfer(recurrent + self.current + self.input_map(u))


def transfer(y: Tensor) -> Tensor:
    """Compute φ(y) = y / (1 − e^{−y}), as y/2 + (y/2) coth(y/2).

    It is smooth at 0, where it is 1, and safe far from it.
    """
    half = y / 2
    # the series near 0, and a safe divisor in the branch not taken: its gradient must not be NaN
    small = half.abs() < SMALL
    large = torch.where(small, torch.ones_like(half), half)
    return half + torch.where(small, 1 + half.square() / 3, large / torch.tanh(large))
