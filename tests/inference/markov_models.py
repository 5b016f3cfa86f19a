"""Dense references for Gaussian Markov laws: every path as one long vector."""

from dataclasses import dataclass

import torch
from torch import Tensor

from undertow.dynamics import SwitchingGP
from undertow.inference import GaussianChain, Moments


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_chain(trials: int, bins: int, dim: int, seed: int = 0) -> GaussianChain:
    """A proper law: its precision is a block bidiagonal factor times its transpose."""
    own = normal(trials, bins, dim, dim, seed=seed) + 3 * torch.eye(dim, dtype=torch.float64)
    below = normal(trials, max(bins - 1, 0), dim, dim, seed=seed + 1)
    precision = own @ own.transpose(-1, -2)
    precision[:, 1:] += below @ below.transpose(-1, -2)
    return GaussianChain(
        normal(trials, bins, dim, seed=seed + 2), precision, below @ own[:, :-1].transpose(-1, -2)
    )


def dense_precision(chain: GaussianChain) -> Tensor:
    """(trials, bins · dim, bins · dim)."""
    trials, bins, dim = chain.linear.shape
    full = torch.zeros(trials, bins, dim, bins, dim, dtype=torch.float64)
    for i in range(bins):
        full[:, i, :, i] = chain.precision[:, i]
        if i + 1 < bins:
            full[:, i + 1, :, i] = chain.link[:, i]
            full[:, i, :, i + 1] = chain.link[:, i].transpose(-1, -2)
    return full.flatten(3).flatten(1, 2)


def dense_moments(chain: GaussianChain) -> tuple[Tensor, Tensor]:
    """Mean (trials, bins, dim) and covariance (trials, bins, dim, bins, dim)."""
    trials, bins, dim = chain.linear.shape
    cov = torch.linalg.inv(dense_precision(chain))
    mean = (cov @ chain.linear.flatten(1)[..., None]).reshape(trials, bins, dim)
    return mean, cov.reshape(trials, bins, dim, bins, dim)


def moments_of(mean: Tensor, cov: Tensor) -> Moments:
    """Blocks of a dense mean and covariance."""
    bins = mean.shape[1]
    own = torch.stack([cov[:, i, :, i] for i in range(bins)], 1)
    lag = torch.stack([cov[:, i + 1, :, i] for i in range(bins - 1)], 1)
    none = torch.zeros(len(mean))
    return Moments(mean, own, lag, none, none > -1)


@dataclass(frozen=True)
class LinearModel:
    """x' = x + h (A x + c + B u) + √h σ η from N(start_mean, start_cov), y = C x + d + noise."""

    matrix: Tensor
    offset: Tensor
    noise_std: Tensor
    h: float
    start_mean: Tensor
    start_cov: Tensor

    def prior(self, bins: int, pushes: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean (bins · dim) and covariance of the whole path."""
        dim = len(self.offset)
        step = torch.eye(dim, dtype=torch.float64) + self.h * self.matrix
        mean = torch.zeros(bins, dim, dtype=torch.float64)
        cov = torch.zeros(bins, dim, bins, dim, dtype=torch.float64)
        mean[0], cov[0, :, 0] = self.start_mean, self.start_cov
        for i in range(1, bins):
            push = 0.0 if pushes is None else pushes[i - 1]
            mean[i] = step @ mean[i - 1] + self.h * (self.offset + push)
            for j in range(i):
                cov[i, :, j] = step @ cov[i - 1, :, j]
                cov[j, :, i] = cov[i, :, j].t()
            cov[i, :, i] = step @ cov[i - 1, :, i - 1] @ step.t()
            cov[i, :, i] += self.h * torch.diag(self.noise_std.square())
        return mean.flatten(), cov.flatten(2).flatten(0, 1)

    def dynamics(self, input_weights: Tensor | None = None) -> SwitchingGP:
        """The same drift as a Gaussian process of one regime that is known exactly."""
        dim = len(self.offset)
        inputs = 0 if input_weights is None else input_weights.shape[1]
        made = SwitchingGP(dim, regimes=1, input_dim=inputs).double()
        with torch.no_grad():
            made.kernel.centres.zero_()
            scaled = torch.cat([self.matrix / made.kernel.log_scale.exp(), self.offset[:, None]], 1)
            if input_weights is not None:
                scaled = torch.cat([scaled, input_weights], 1)
            made.set_weights(scaled, made.basis, torch.zeros_like(made.var))
            assert made.diffusivity is not None
            raw = torch.expm1(self.noise_std - 1e-3).log()
            dict(made.diffusivity.named_parameters())["raw"].copy_(raw)
        return made


def linear_model(dim: int, h: float = 0.07, seed: int = 0) -> LinearModel:
    turn = normal(dim, dim, seed=seed)
    spread = normal(dim, dim, seed=seed + 2)
    return LinearModel(
        2 * (turn - turn.t()) - 0.5 * torch.eye(dim, dtype=torch.float64),
        normal(dim, seed=seed + 1),
        0.3 + normal(dim, seed=seed + 3).abs(),
        h,
        normal(dim, seed=seed + 4),
        spread @ spread.t() + torch.eye(dim, dtype=torch.float64),
    )
