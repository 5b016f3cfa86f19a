"""Gaussian Markov laws of paths on a grid, from their natural parameters, in O(log n) rounds."""

from dataclasses import dataclass, fields
from math import log, pi
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class GaussianChain:
    """Natural parameters of q(x₀, …, x_n) ∝ exp(Σ hᵢᵀxᵢ − ½ Σ xᵢᵀJᵢxᵢ − Σ xᵢ₊₁ᵀLᵢxᵢ).

    Attributes:
        linear: h, (trials, bins, dim).
        precision: J, the blocks on the diagonal of the precision, (trials, bins, dim, dim).
        link: L, the blocks below it, (trials, bins − 1, dim, dim).
    """

    linear: Tensor
    precision: Tensor
    link: Tensor

    @classmethod
    def independent(cls, mean: Tensor, var: float) -> "GaussianChain":
        """Bins that know nothing of each other: N(mean, var · I) each, mean (trials, bins, dim)."""
        n_trials, n_bins, dim = mean.shape
        eye = torch.eye(dim, dtype=mean.dtype, device=mean.device) / var
        precision = eye.expand(n_trials, n_bins, dim, dim).clone()
        return cls(mean / var, precision, mean.new_zeros(n_trials, max(n_bins - 1, 0), dim, dim))

    def towards(self, other: "GaussianChain", share: Tensor) -> "GaussianChain":
        """Mix with another in natural parameters, a `share` (trials,) of it."""
        return GaussianChain(
            *(
                torch.lerp(mine, theirs, share.view(-1, *[1] * (mine.ndim - 1)))
                for mine, theirs in zip(self.parts(), other.parts(), strict=True)
            )
        )

    def where(self, chosen: Tensor, other: "GaussianChain") -> "GaussianChain":
        """Trials of `other` where `chosen` (trials,), else one's own."""
        return GaussianChain(
            *(
                torch.where(chosen.view(-1, *[1] * (mine.ndim - 1)), theirs, mine)
                for mine, theirs in zip(self.parts(), other.parts(), strict=True)
            )
        )

    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """Its three tensors."""
        return self.linear, self.precision, self.link

    def take(self, rows: slice) -> "GaussianChain":
        """The laws of some of the trials."""
        return GaussianChain(*(part[rows] for part in self.parts()))

    def put(self, rows: slice, other: "GaussianChain") -> None:
        """Overwrite the laws of some of the trials."""
        for mine, theirs in zip(self.parts(), other.parts(), strict=True):
            mine[rows] = theirs


@dataclass(frozen=True)
class Moments:
    """Means and covariances of a Gaussian Markov law.

    Attributes:
        mean: (trials, bins, dim).
        cov: of each bin, (trials, bins, dim, dim).
        lag: Cov(xᵢ₊₁, xᵢ), (trials, bins − 1, dim, dim).
        entropy: of the whole path, in nats, (trials,).
        proper: whether the natural parameters are those of a law, (trials,); where they are not,
            all else is meaningless.
    """

    mean: Tensor
    cov: Tensor
    lag: Tensor
    entropy: Tensor
    proper: Tensor

    def where(self, chosen: Tensor, other: "Moments") -> "Moments":
        """Trials of `other` where `chosen` (trials,), else one's own."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return Moments(*(torch.where(chosen.view(-1, *[1] * (a.ndim - 1)), b, a) for a, b in pairs))


class _Level(NamedTuple):
    """One round of elimination: every second bin as a linear function of its neighbours.

    xᵢ = constant + before xᵢ₋₁ + after xᵢ₊₁ + N(0, factor⁻ᵀ factor⁻¹) of every odd bin i.
    """

    constant: Tensor
    before: Tensor
    after: Tensor
    factor: Tensor


class Elimination:
    """Cyclic reduction of a chain: every second bin is eliminated, until one is left.

    A round works on all bins at once, so that a path of n bins takes log₂ n rounds (the parallel
    recursion that natural gradients over long paths need) instead of n steps.

    Args:
        chain: natural parameters.
    """

    def __init__(self, chain: GaussianChain) -> None:
        self.levels: list[_Level] = []
        self.n_bins, self.dim = chain.linear.shape[1:]
        self.log_det = chain.linear.new_zeros(len(chain.linear))
        h, precision, link = chain.parts()
        while precision.shape[1] > 1:
            h, precision, link = self._eliminate(h, precision, link)
        factor = self._factor(precision)
        mean = torch.cholesky_solve(h[..., None], factor)[..., 0]
        none = torch.zeros_like(precision)
        self.levels.append(_Level(mean, none, none, factor))

    def _factor(self, precision: Tensor) -> Tensor:
        """Cholesky factors of the blocks; their determinant is counted, NaN for none."""
        factor, failed = torch.linalg.cholesky_ex(precision)
        diagonal = factor.diagonal(dim1=-2, dim2=-1)
        log_det = 2 * diagonal.log().sum((-1, -2))
        self.log_det = self.log_det + log_det.masked_fill((failed > 0).any(-1), torch.nan)
        return factor

    def _eliminate(self, h: Tensor, precision: Tensor, link: Tensor) -> tuple[Tensor, ...]:
        """Eliminate the odd bins; return h, J and L of the even ones."""
        left, right, odd = link[:, 0::2], link[:, 1::2], precision[:, 1::2]
        right = _padded(right, odd.shape[1])  # the last odd bin may have no neighbour after it
        factor = self._factor(odd)
        inverse = torch.cholesky_inverse(factor)
        before, after = -inverse @ left, -inverse @ right.transpose(-1, -2)
        constant = (inverse @ h[:, 1::2, :, None])[..., 0]
        self.levels.append(_Level(constant, before, after, factor))
        h, precision = h[:, 0::2].clone(), precision[:, 0::2].clone()
        n, m = odd.shape[1], precision.shape[1] - 1  # odd bins with a neighbour before, and after
        precision[:, :n] += left.transpose(-1, -2) @ before
        precision[:, 1:] += (right @ after)[:, :m]
        h[:, :n] -= (left.transpose(-1, -2) @ constant[..., None])[..., 0]
        h[:, 1:] -= (right @ constant[..., None])[:, :m, :, 0]
        return h, precision, (right @ before)[:, :m]

    def moments(self) -> Moments:
        """Means, covariances of bins and of neighbours, and the entropy."""
        last = self.levels[-1]
        mean, cov = last.constant, torch.cholesky_inverse(last.factor)
        lag = cov[:, :0]
        for level in reversed(self.levels[:-1]):
            mean, cov, lag = _expanded(level, mean, cov, lag)
        entropy = (self.n_bins * self.dim * (1 + log(2 * pi)) - self.log_det) / 2
        proper = entropy.isfinite() & mean.isfinite().all(-1).all(-1)
        return Moments(mean, cov, lag, entropy, proper)

    def sample(self, noise: Tensor) -> Tensor:
        """Turn standard normal numbers (trials, bins, dim) into paths of that shape."""
        path, used = None, 0
        for level in reversed(self.levels):
            n = level.constant.shape[1]
            own = noise[:, used : used + n, :, None]
            used += n
            spread = torch.linalg.solve_triangular(level.factor.transpose(-1, -2), own, upper=True)
            drawn = level.constant + spread[..., 0]
            if path is None:
                path = drawn
            else:
                after = _padded(path[:, 1:], n)
                drawn = drawn + (level.before @ path[:, :n, :, None])[..., 0]
                path = _woven(path, drawn + (level.after @ after[..., None])[..., 0])
        assert path is not None
        return path


def _expanded(level: _Level, mean: Tensor, cov: Tensor, lag: Tensor) -> tuple[Tensor, ...]:
    """Moments of all bins from those of the even ones."""
    n = level.constant.shape[1]
    before, after = level.before, level.after
    # across: Cov(xᵢ₊₁, xᵢ₋₁) of the neighbours of odd bin i
    across, cov_before, cov_after = _padded(lag, n), cov[:, :n], _padded(cov[:, 1:], n)
    with_before = before @ cov_before + after @ across
    with_after = before @ across.transpose(-1, -2) + after @ cov_after
    own = torch.cholesky_inverse(level.factor)
    own = own + with_before @ before.transpose(-1, -2) + with_after @ after.transpose(-1, -2)
    moved = (before @ mean[:, :n, :, None] + after @ _padded(mean[:, 1:], n)[..., None])[..., 0]
    return (
        _woven(mean, level.constant + moved),
        _woven(cov, (own + own.transpose(-1, -2)) / 2),
        _woven(with_before, with_after.transpose(-1, -2)[:, : mean.shape[1] - 1]),
    )


def _padded(values: Tensor, n: int) -> Tensor:
    """Append zeros along the bins, up to n of them."""
    missing = n - values.shape[1]
    return F.pad(values, (*[0, 0] * (values.ndim - 2), 0, missing)) if missing else values


def _woven(even: Tensor, odd: Tensor) -> Tensor:
    """Put bins 0, 2, … and 1, 3, … in their order."""
    made = even.new_empty(even.shape[0], even.shape[1] + odd.shape[1], *even.shape[2:])
    made[:, 0::2], made[:, 1::2] = even, odd
    return made
