"""Law of the inferred initial state, its divergence from N(0, I) and their density ratio."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from undertow.inference.gaussian import GaussianHead, Positive


@dataclass(frozen=True)
class InitialLaw:
    """Normal law N(mean, LLᵀ) of each trial's initial state.

    Attributes:
        mean: (trials, dim).
        factor: the diagonal of L, (trials, dim), or L itself, lower triangular, (trials, dim, dim).
    """

    mean: Tensor
    factor: Tensor

    @classmethod
    def standard_normal(cls, trials: int, dim: int, like: Tensor) -> "InitialLaw":
        """Return the prior N(0, I) (ElGazzar & van Gerven eq. 14)."""
        return cls(like.new_zeros(trials, dim), like.new_ones(trials, dim))

    @property
    def diagonal(self) -> Tensor:
        """Diagonal of L, (trials, dim)."""
        return self.factor if self.factor.ndim == 2 else self.factor.diagonal(dim1=-2, dim2=-1)

    def at(self, noise: Tensor) -> Tensor:
        """Turn standard normal `noise` (trials, dim) into an initial state, mean + L · noise."""
        if self.factor.ndim == 2:
            return self.mean + self.factor * noise
        return self.mean + (self.factor @ noise[..., None])[..., 0]

    def repeated(self, times: int) -> "InitialLaw":
        """Return the law with every trial as many times in a row, (trials · times, …)."""
        return InitialLaw(*(v.repeat_interleave(times, 0) for v in (self.mean, self.factor)))

    @property
    def kl(self) -> Tensor:
        """KL(q ‖ N(0, I)) in terms that add up over coordinates, (trials, dim) (eq. 21)."""
        # tr(LLᵀ) is the sum of all squares in L; the row sums share it out among the coordinates
        spread = self.factor.square() if self.factor.ndim == 2 else self.factor.square().sum(-1)
        return 0.5 * (self.mean.square() + spread - 1.0) - self.diagonal.log()

    def log_density(self, x: Tensor) -> Tensor:
        """Compute log q(x) + ½ dim · log 2π at states x (trials, dim), (trials,)."""
        beyond = x - self.mean
        if self.factor.ndim == 2:
            noise = beyond / self.factor
        else:
            noise = torch.linalg.solve_triangular(self.factor, beyond[..., None], upper=False)[
                ..., 0
            ]
        return -(0.5 * noise.square() + self.diagonal.log()).sum(-1)

    def log_ratio(self, noise: Tensor) -> Tensor:
        """Compute log p(x₀) − log q(x₀) at the state that `noise` becomes, (trials,)."""
        # q is standard normal in `noise`, up to log det L: no inverse of L is needed
        apart = 0.5 * (noise.square() - self.at(noise).square()) + self.diagonal.log()
        return apart.sum(-1)


class InitialHead(nn.Module):
    """Map from features to the law of the initial state; starts near N(0, I).

    Args:
        n_inputs: number of features.
        dim: width of the state.
        full: infer all covariances between coordinates, instead of variances alone.
        variance: 'exp' or 'softplus' of a linear map of the features.
    """

    def __init__(
        self, n_inputs: int, dim: int, full: bool = False, variance: Positive = "exp"
    ) -> None:
        super().__init__()
        self.gaussian = GaussianHead(n_inputs, dim, variance)
        self.below = nn.Linear(n_inputs, dim * (dim - 1) // 2) if full else None
        if self.below is not None:
            # below the diagonal L starts at zero: as in the diagonal law
            nn.init.zeros_(self.below.weight)
            nn.init.zeros_(self.below.bias)

    def forward(self, features: Tensor) -> InitialLaw:
        mean, std = self.gaussian(features)
        if self.below is None:
            return InitialLaw(mean, std)
        rows, columns = torch.tril_indices(mean.shape[-1], mean.shape[-1], -1, device=mean.device)
        factor = torch.diag_embed(std)
        factor[:, rows, columns] = self.below(features)
        return InitialLaw(mean, factor)
