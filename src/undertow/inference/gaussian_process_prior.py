"""`GaussianProcessPrior`: independent smooth Gaussian processes, one for each latent."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from undertow.inference.site_inference import ConditionedLaw, PathPrior, Sites

KEPT = 1e-7
"""Components of a kernel whose variance is less than this share of the largest one's are left out:
of a smooth process a few of them hold all."""


@dataclass(frozen=True)
class ProcessLaw(ConditionedLaw):
    """Law of paths that are sums of the kernels' components, x_t = Σ_r basis_tr a_r.

    Attributes:
        weights_mean: of a, (trials, components).
        factor: Cholesky factor of the precision of a, (trials or 1, components, components).
        prior: the prior it comes from.
    """

    weights_mean: Tensor
    factor: Tensor
    prior: "GaussianProcessPrior"

    @property
    def noise_size(self) -> int:
        return self.weights_mean.shape[1]

    def sample(self, noise: Tensor) -> Tensor:
        return self.prior.paths(self.weights_mean + _triangular(self.factor, noise))


class GaussianProcessPrior(PathPrior):
    """x_k ~ GP(0, k_k), k_k(t, t') = exp(−(t − t')² / 2τ_k²), as in GPFA (Yu et al. 2009, eq. 3–4).

    Of each kernel matrix the components that hold its variance are kept, so that a path is known by
    few numbers: exact up to one part in a million.

    Args:
        timescales: τ in bins, (dim,).
        n_bins: bins of a trial.
    """

    def __init__(self, timescales: Tensor, n_bins: int) -> None:
        self.timescales, self.n_bins = timescales, n_bins
        self.dim = len(timescales)

    @cached_property
    def kernels(self) -> Tensor:
        """Kernel matrices, (dim, bins, bins)."""
        return (-self._square_lags / 2).exp()

    @property
    def _square_lags(self) -> Tensor:
        """(t − t')² / τ² of each latent, (dim, bins, bins)."""
        time = torch.arange(self.n_bins).to(self.timescales)
        lags = time[:, None] - time
        return (lags / self.timescales[:, None, None]).square()

    @cached_property
    def _bases(self) -> list[Tensor]:
        """Components of each kernel, as long as their standard deviations, (bins, components)."""
        variances, axes = torch.linalg.eigh(self.kernels)
        kept = variances > KEPT * variances[:, -1:]
        return [axes[k][:, kept[k]] * variances[k, kept[k]].sqrt() for k in range(self.dim)]

    @cached_property
    def _components(self) -> tuple[Tensor, Tensor]:
        """Components of all kernels side by side, (bins, components), and the latent of each."""
        sizes = torch.tensor([basis.shape[1] for basis in self._bases])
        latents = torch.arange(self.dim).repeat_interleave(sizes)
        basis = torch.cat(self._bases, 1)
        return basis, latents.to(basis.device)

    @property
    def n_components(self) -> int:
        """How many numbers make a path."""
        return self._components[0].shape[1]

    def _by_latent(self, values: Tensor) -> Sequence[Tensor]:
        """Values (…, components) taken apart, those of each latent."""
        return values.split([basis.shape[1] for basis in self._bases], -1)

    def paths(self, weights: Tensor) -> Tensor:
        """Paths (…, bins, dim) of weights (…, components)."""
        pairs = zip(self._by_latent(weights), self._bases, strict=True)
        return torch.stack([own @ basis.t() for own, basis in pairs], -1)

    def condition(self, sites: Sites) -> ProcessLaw:
        pull = torch.cat([sites.linear[..., k] @ basis for k, basis in enumerate(self._bases)], -1)
        # where all trials see the same neurons in all bins, one matrix serves them
        shared = bool((sites.precision == sites.precision[:1]).all())
        precision = sites.precision[:1] if shared else sites.precision
        factor, failed = torch.linalg.cholesky_ex(self._weights_precision(precision))
        mean = _solved(factor, pull)
        log_det = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        normaliser = (pull * mean).sum(-1) / 2 - log_det / 2
        normaliser = normaliser.masked_fill((failed > 0).expand(len(pull)), float("nan"))
        cov = self._bins_cov(torch.cholesky_inverse(factor))
        return ProcessLaw(
            self.paths(mean), cov.expand(len(pull), -1, -1, -1), normaliser, mean, factor, self
        )

    def _weights_precision(self, precision: Tensor) -> Tensor:
        """I + Σ_t basisᵀ J_t basis, (trials, components, components)."""
        basis, latent = self._components
        rows = [
            mine.t() @ (precision[:, :, k, latent] * basis) for k, mine in enumerate(self._bases)
        ]
        made = torch.cat(rows, 1)
        return (made + made.transpose(-1, -2)) / 2 + torch.eye(made.shape[-1]).to(made)

    def _bins_cov(self, weights_cov: Tensor) -> Tensor:
        """Covariance of each bin, (trials, bins, dim, dim)."""
        rows, first = [], 0
        for mine in self._bases:
            spread = mine @ weights_cov[:, first : first + mine.shape[1]]
            first += mine.shape[1]
            pairs = zip(self._by_latent(spread), self._bases, strict=True)
            rows.append(torch.stack([(own * basis).sum(-1) for own, basis in pairs], -1))
        made = torch.stack(rows, 2)
        return (made + made.transpose(-1, -2)) / 2

    def timescale_slopes(self, sites: Sites) -> tuple[Tensor, Tensor]:
        """Σ log_normaliser over trials, and its slopes in log τ, (dim,).

        With m and S the law's moments, ∂/∂K = ½ (α αᵀ − Ω), α = h − J m and Ω = J − J S J: the
        kernel, which is nearly singular, need not be inverted.
        """
        basis, latent = self._components
        law = self.condition(sites)
        shared = len(law.factor) == 1
        precision = sites.precision[:1] if shared else sites.precision
        alpha = sites.linear - (sites.precision @ law.mean[..., None])[..., 0]
        bends = self.kernels * self._square_lags  # ∂K/∂log τ
        slopes = []
        for k in range(self.dim):
            read = precision[:, :, k, latent] * basis
            inner = torch.linalg.solve_triangular(law.factor, read.transpose(-1, -2), upper=False)
            curved = (inner @ bends[k]) * inner  # tr(W S Wᵀ dK) over components and bins
            trace = (precision[:, :, k, k] * bends[k].diagonal()).sum() - curved.sum()
            trace = trace * (len(sites.linear) if shared else 1)
            pulled = (alpha[..., k] @ bends[k]) * alpha[..., k]
            slopes.append((pulled.sum() - trace) / 2)
        return law.log_normaliser.sum(), torch.stack(slopes)


def _solved(factor: Tensor, values: Tensor) -> Tensor:
    """Solve F Fᵀ x = values (trials, n), F of each trial or (1, n, n) of all."""
    if len(factor) == 1:  # one matrix and many sides, not many copies of it
        return torch.cholesky_solve(values.t(), factor[0]).t()
    return torch.cholesky_solve(values[..., None], factor)[..., 0]


def _triangular(factor: Tensor, values: Tensor) -> Tensor:
    """Solve Fᵀ x = values (trials, n), F of each trial or (1, n, n) of all."""
    turned = factor.transpose(-1, -2)
    if len(factor) == 1:
        return torch.linalg.solve_triangular(turned[0], values.t(), upper=True).t()
    return torch.linalg.solve_triangular(turned, values[..., None], upper=True)[..., 0]
