"""Gaussian marginals of a posterior that is not simulated: their laws, and how they move in time.

A state is x = m(s) + L(s) ε with ε ~ N(0, I) (Bartosh et al. 2025, SDE Matching).
"""

from dataclasses import dataclass

import torch
from torch import Tensor


def times_factor(factor: Tensor, noise: Tensor) -> Tensor:
    """Compute L ε; L is its diagonal, as wide as `noise`, or lower triangular."""
    if factor.ndim == noise.ndim:
        return factor * noise
    return (factor @ noise[..., None])[..., 0]


def over_factor(factor: Tensor, values: Tensor) -> Tensor:
    """Compute L⁻¹ v."""
    if factor.ndim == values.ndim:
        return values / factor
    return torch.linalg.solve_triangular(factor, values[..., None], upper=False)[..., 0]


def over_transpose(factor: Tensor, values: Tensor) -> Tensor:
    """Compute L⁻ᵀ v."""
    if factor.ndim == values.ndim:
        return values / factor
    turned = factor.transpose(-1, -2)
    return torch.linalg.solve_triangular(turned, values[..., None], upper=True)[..., 0]


def as_matrix(factor: Tensor, mean: Tensor) -> Tensor:
    """Return L as a matrix, (…, dim, dim), for a mean (…, dim)."""
    return torch.diag_embed(factor) if factor.ndim == mean.ndim else factor


@dataclass(frozen=True)
class Marginal:
    """Law N(m, L Lᵀ) of a state at some time, and how states circulate within it.

    Attributes:
        mean: m, (…, dim).
        factor: diagonal of L, (…, dim), or L itself, lower triangular, (…, dim, dim).
        turn: Z, antisymmetric, (…, dim, dim), per unit of internal time: ε turns by dε = Z ε ds,
            which leaves N(0, I), and so the marginals, as they are.
    """

    mean: Tensor
    factor: Tensor
    turn: Tensor

    def at(self, noise: Tensor) -> Tensor:
        """Turn standard normal `noise` into a state, m + L ε."""
        return self.mean + times_factor(self.factor, noise)

    def whitened(self, x: Tensor) -> Tensor:
        """Compute ε of a state, L⁻¹ (x − m)."""
        return over_factor(self.factor, x - self.mean)


@dataclass(frozen=True)
class Flow:
    """Marginals in motion: their law at some time, and its rates of change.

    Attributes:
        now: law at that time.
        mean_rate: dm/ds, (…, dim), per unit of internal time.
        factor_rate: dL/ds, as `now.factor`.
    """

    now: Marginal
    mean_rate: Tensor
    factor_rate: Tensor

    @classmethod
    def between(cls, start: Marginal, end: Marginal, share: Tensor, span: Tensor) -> "Flow":
        """Read m, L and Z off straight lines from `start` to `end`.

        Lines fit: the law of a path given observations bends at these, where m and L of the exact
        posterior have kinks too, and their rates need no derivative of a network. L stays
        invertible, because its diagonal is above zero at both ends.

        Args:
            start, end: laws at two times.
            share: how far between them, (…).
            span: internal time from one to the other, (…), above zero.
        """
        share, span = share[..., None], span[..., None]
        wide = share if start.factor.ndim == start.mean.ndim else share[..., None]
        now = Marginal(
            torch.lerp(start.mean, end.mean, share),
            torch.lerp(start.factor, end.factor, wide),
            torch.lerp(start.turn, end.turn, share[..., None]),
        )
        long = span if wide is share else span[..., None]
        return cls(now, (end.mean - start.mean) / span, (end.factor - start.factor) / long)

    def drift(self, noise: Tensor, diffusion: Tensor) -> Tensor:
        """Drift ν of the SDE with these marginals and this diffusion, at m + L ε.

        The flow that carries the marginals is ṁ + L̇ ε + L Z ε; noise σ dW would widen them, which
        half the score, ½ σσᵀ ∇ log q = −½ σσᵀ L⁻ᵀ ε, undoes. A diffusion that depends on the state
        would add its divergence, which is left out.

        Args:
            noise: ε, (…, dim).
            diffusion: σ of each coordinate, (…, dim), the same at every state.
        """
        factor = self.now.factor
        carried = self.mean_rate + times_factor(self.factor_rate, noise)
        turned = times_factor(factor, (self.now.turn @ noise[..., None])[..., 0])
        return carried + turned - 0.5 * diffusion.square() * over_transpose(factor, noise)


def own_turn(jacobian: Tensor, factor: Tensor, diffusion: Tensor) -> Tensor:
    """Z under which states circulate within their marginals as a linear prior's would.

    Marginals do not say how states circulate within them. For a drift J x and a diagonal L, the Z
    of least price is, with w_i = (L_i / σ_i)²,

        Z_ij = L_i L_j (J_ij / σ_i² − J_ji / σ_j²) / (w_i + w_j)

    For a full L it is the antisymmetric part of L⁻¹ J L, the best where L and σ are isotropic.

    Args:
        jacobian: J, (dim, dim).
        factor: L, (…, dim) or (…, dim, dim).
        diffusion: σ, (…, dim).
    """
    if factor.ndim > diffusion.ndim:
        inside = torch.linalg.solve_triangular(factor, jacobian @ factor, upper=False)
        return 0.5 * (inside - inside.transpose(-1, -2))
    weight = (factor / diffusion).square()
    rates = jacobian / diffusion.square()[..., :, None]
    pairs = factor[..., :, None] * factor[..., None, :]
    return pairs * (rates - rates.transpose(-1, -2)) / (weight[..., :, None] + weight[..., None, :])


def turned_by(turn: Tensor, h: Tensor) -> Tensor:
    """Rotation near e^{Zh}, orthogonal whatever the step (Cayley), (…, dim, dim)."""
    half = 0.5 * h * turn
    eye = torch.eye(turn.shape[-1], dtype=turn.dtype, device=turn.device)
    return torch.linalg.solve(eye - half, eye + half)
