"""`ChainPrior`: a Gaussian Markov law of paths as the prior of `infer_sites`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from undertow.inference.gaussian_chain import Elimination, GaussianChain
from undertow.inference.site_inference import ConditionedLaw, PathPrior, Sites


@dataclass(frozen=True)
class ChainLaw(ConditionedLaw):
    """Gaussian Markov law of paths.

    Attributes:
        lag: Cov(xᵢ₊₁, xᵢ), (trials, bins − 1, dim, dim).
        chain: natural parameters.
        entropy: of the whole path, in nats, (trials,).
    """

    lag: Tensor
    chain: GaussianChain
    entropy: Tensor

    def where(self, chosen: Tensor, other: "ChainLaw") -> "ChainLaw":
        """Trials of `other` where `chosen` (trials,), else one's own."""

        def pick(mine: Tensor, theirs: Tensor) -> Tensor:
            return torch.where(chosen.view(-1, *[1] * (mine.ndim - 1)), theirs, mine)

        names = ("mean", "cov", "log_normaliser", "lag", "entropy")
        picked = {name: pick(getattr(self, name), getattr(other, name)) for name in names}
        return ChainLaw(**picked, chain=self.chain.where(chosen, other.chain))

    @property
    def noise_size(self) -> int:
        return self.mean.shape[1] * self.mean.shape[2]

    def sample(self, noise: Tensor) -> Tensor:
        return Elimination(self.chain).sample(noise.unflatten(1, self.mean.shape[1:]))


@dataclass(frozen=True)
class ChainPrior(PathPrior):
    """A prior exp(constant) × chain.

    Attributes:
        chain: natural parameters, of one trial where all share them.
        constant: logarithm of the factor, in nats, (trials,) or (1,).
    """

    chain: GaussianChain
    constant: Tensor

    def condition(self, sites: Sites) -> ChainLaw:
        n_trials = len(sites.linear)
        chain = GaussianChain(
            self.chain.linear + sites.linear,
            self.chain.precision + sites.precision,
            self.chain.link.expand(n_trials, -1, -1, -1),
        )
        moments = Elimination(chain).moments()
        # log ∫ exp(hᵀx − ½ xᵀΛx) dx = ½ hᵀm + ½ (n log 2π − log |Λ|), and the last is entropy − n/2
        n_numbers = sites.linear.shape[1] * sites.linear.shape[2]
        peak = (chain.linear * moments.mean).sum((1, 2)) / 2
        normaliser = peak + moments.entropy - n_numbers / 2 + self.constant
        normaliser = normaliser.masked_fill(~moments.proper, float("nan"))
        return ChainLaw(moments.mean, moments.cov, normaliser, moments.lag, chain, moments.entropy)
