"""Steering of a path so that its marginals are given Gaussians at every step of the solver."""

from dataclasses import dataclass

import torch
from torch import Tensor

from undertow.dynamics import Dynamics
from undertow.inference.marginals import (
    Marginal,
    as_matrix,
    over_factor,
    times_factor,
    turned_by,
)
from undertow.inference.steering import Steering


@dataclass(frozen=True)
class Guide:
    """What a matched step needs: laws at its start and end, and the turn between them.

    Attributes:
        start, end: laws at both ends; (trials, …) or (trials, steps, …).
    """

    start: Marginal
    end: Marginal

    def packed(self, h: Tensor) -> Tensor:
        """Write all of it into one tensor, (trials, steps, numbers), for steps `h` (…, steps)."""
        rotation = turned_by(self.start.turn, h[..., None, None])
        lead = self.start.mean.shape[:2]
        parts = (self.start.mean, self.end.mean, self.start.factor, self.end.factor, rotation)
        return torch.cat([part.reshape(*lead, -1) for part in parts], -1)

    @classmethod
    def read(cls, packed: Tensor, dim: int, full: bool) -> "Guide":
        """Read a step back, (trials, numbers); its `turn` is then the rotation of the step."""
        wide = dim * dim if full else dim
        parts = packed.split([dim, dim, wide, wide, dim * dim], -1)
        shape = (dim, dim) if full else (dim,)
        first, last = (part.unflatten(-1, shape) for part in parts[2:4])
        rotation = parts[4].unflatten(-1, (dim, dim))
        return cls(Marginal(parts[0], first, rotation), Marginal(parts[1], last, rotation))


class MatchedSteering(Steering):
    """Control under which the chain of steps has given Gaussian marginals.

    Where a step of noise covariance S starts at m + L ε and is to end in N(m', L'L'ᵀ), its mean is

        m' + L' (I − L'⁻¹ S L'⁻ᵀ)^½ R ε

    with R the rotation of ε over the step: exact whatever the step, and for short ones a step of
    `Flow.drift`. A law narrower than the noise of one step cannot be met; the step's mean is then
    m', and the chain as wide as its noise.

    Args:
        dynamics: the dynamics to steer, with noise in every coordinate.
        full: laws have covariances, and not variances alone.
    """

    def __init__(self, dynamics: Dynamics, full: bool = False) -> None:
        super().__init__()
        self.dim, self.correlated, self.full = dynamics.state_dim, dynamics.correlated, full

    def prepare(self, context: Tensor | None, inputs: Tensor | None) -> Tensor | None:
        """Pass on `Guide.packed`, which is this steering's context."""
        return context

    def forward(
        self, x: Tensor, prepared: Tensor | None, mean: Tensor, std: Tensor, h: Tensor
    ) -> Tensor:
        assert prepared is not None
        guide = Guide.read(prepared, self.dim, self.full)
        noise = (guide.start.turn @ guide.start.whitened(x)[..., None])[..., 0]
        target = guide.end.at(self._kept(guide.end.factor, std, noise))
        # h σ Δ in terms of the step's std √h σ: divided by it, and then by √h, this is Δ
        step = std.expand(*x.shape, self.dim) if self.correlated else std.expand_as(x)
        return over_factor(step, target - mean) / h.sqrt()

    def _kept(self, factor: Tensor, std: Tensor, noise: Tensor) -> Tensor:
        """Shrink ε by what the noise of the step will add, (I − L'⁻¹ S L'⁻ᵀ)^½ ε."""
        if not (self.full or self.correlated):
            return (1 - (std / factor).square()).clamp(min=0).sqrt() * noise
        own = as_matrix(factor, noise)
        added = std.expand_as(own) if self.correlated else torch.diag_embed(std.expand_as(noise))
        unit = torch.linalg.solve_triangular(own, added, upper=False)
        eye = torch.eye(self.dim, dtype=noise.dtype, device=noise.device)
        values, vectors = torch.linalg.eigh(eye - unit @ unit.transpose(-1, -2))
        along = (vectors.transpose(-1, -2) @ noise[..., None])[..., 0]
        return times_factor(vectors, values.clamp(min=0).sqrt() * along)
