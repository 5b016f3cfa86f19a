"""Variational inference of paths under a Gaussian prior: a Gaussian factor (site) for each bin."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Expected = Callable[[Tensor, Tensor], Tensor]
"""(mean, cov) of the bins → expected log-likelihood, (trials,)."""
SMALLEST_STEP = 1e-4
SLACK = 1e-9
"""A bound that falls by less, relative to its size, has not fallen: that is rounding."""


@dataclass(frozen=True)
class Sites:
    """Factors exp(hᵢᵀxᵢ − ½ xᵢᵀJᵢxᵢ) that stand for what each bin tells.

    Attributes:
        linear: h, (trials, bins, dim).
        precision: J, (trials, bins, dim, dim).
    """

    linear: Tensor
    precision: Tensor

    @classmethod
    def none(cls, like: Tensor, dim: int) -> "Sites":
        """Sites that tell nothing, of trials and bins like those of (trials, bins, …)."""
        n_trials, n_bins = like.shape[:2]
        return cls(
            like.new_zeros(n_trials, n_bins, dim), like.new_zeros(n_trials, n_bins, dim, dim)
        )

    def towards(self, other: "Sites", share: Tensor) -> "Sites":
        """Mix with others, a `share` (trials,) of them."""
        return Sites(
            torch.lerp(self.linear, other.linear, share[:, None, None]),
            torch.lerp(self.precision, other.precision, share[:, None, None, None]),
        )

    def where(self, chosen: Tensor, other: "Sites") -> "Sites":
        """Trials of `other` where `chosen` (trials,), else one's own."""
        return Sites(
            torch.where(chosen[:, None, None], other.linear, self.linear),
            torch.where(chosen[:, None, None, None], other.precision, self.precision),
        )

    def expected(self, mean: Tensor, cov: Tensor) -> Tensor:
        """Expected logarithm of all factors of each trial, (trials,)."""
        square = cov + mean[..., :, None] * mean[..., None, :]
        return (self.linear * mean).sum((1, 2)) - (self.precision * square).sum((1, 2, 3)) / 2


@dataclass(frozen=True)
class ConditionedLaw(ABC):
    """Gaussian law of paths: a prior times sites.

    Attributes:
        mean: (trials, bins, dim).
        cov: of each bin, (trials, bins, dim, dim).
        log_normaliser: log ∫ prior × sites, in nats, (trials,); not a number where there is none.
    """

    mean: Tensor
    cov: Tensor
    log_normaliser: Tensor

    @abstractmethod
    def sample(self, noise: Tensor) -> Tensor:
        """Turn standard normal numbers (trials, `noise_size`) into paths (trials, bins, dim)."""

    @property
    @abstractmethod
    def noise_size(self) -> int:
        """How many numbers a path is drawn from."""


class PathPrior(ABC):
    """Gaussian law of paths before anything is seen; it need not be normalised."""

    @abstractmethod
    def condition(self, sites: Sites) -> ConditionedLaw:
        """The law of paths given sites."""


@dataclass(frozen=True)
class SitePosterior:
    """Laws of the paths of some trials, and the bound they reach.

    Attributes:
        sites: what each bin tells.
        law: of the paths.
        elbo: evidence bound in nats, (trials,).
        converged: whether a step gained next to nothing, (trials,).
        share: size of the step that would be tried next, (trials,).
    """

    sites: Sites
    law: ConditionedLaw
    elbo: Tensor
    converged: Tensor
    share: Tensor


def infer_sites(
    prior: PathPrior,
    expected: Expected,
    start: Sites,
    steps: int,
    step_size: float | Tensor = 1.0,
    tolerance: float = 1e-6,
) -> SitePosterior:
    """Climb the bound E_q log p(y|x) − KL(q ‖ p) over laws q ∝ p(x) × sites.

    A natural-gradient step of size ρ replaces each site by (1 − ρ) of itself plus ρ of the slope of
    the expected log-likelihood in the mean parameters (E x, E xxᵀ) of its bin (Khan & Lin 2017,
    AISTATS). Where the likelihood is Gaussian, one step of size 1 is exact. A step of a trial that
    would lower its bound, or lead to no law at all, is not taken, and half of it is tried next.

    Args:
        prior: of the paths.
        expected: expected log-likelihood, differentiable.
        start: where to begin.
        steps: steps to try.
        step_size: the first ρ, above 0 and up to 1, or one for each trial; it doubles after a
            success, up to 1.
        tolerance: a trial has settled when it gains less than this share of its bound in a full
            step, or proportionally less in a smaller one.
    """
    sites, (law, elbo, target) = start, _evaluate(prior, expected, start)
    share = torch.zeros_like(elbo) + step_size
    converged = torch.zeros_like(elbo, dtype=torch.bool)
    current = True
    for _ in range(steps):
        tried = sites.towards(target, share)
        tried_law, tried_elbo, tried_target = _evaluate(prior, expected, tried)
        gain = (tried_elbo - elbo) / (elbo.abs() + 1)
        # a trial that has settled is left alone: what it is does not depend on the others
        better = tried_elbo.isfinite() & (~elbo.isfinite() | (gain >= -SLACK)) & ~converged
        sites, target = sites.where(better, tried), target.where(better, tried_target)
        elbo = torch.where(better, tried_elbo, elbo)
        settled = torch.where(better, gain < tolerance * share, share < SMALLEST_STEP)
        next_share = torch.where(better, (2 * share).clamp(max=1.0), share / 2)
        share, converged = torch.where(converged, share, next_share), converged | settled
        law, current = (tried_law, True) if bool(better.all()) else (law, False)
        if bool(converged.all()):
            break
    if not current:  # some trials are where another step led them
        with torch.no_grad():
            law = prior.condition(sites)
    return SitePosterior(sites, law, elbo, converged, share)


def _evaluate(
    prior: PathPrior, expected: Expected, sites: Sites
) -> tuple[ConditionedLaw, Tensor, Sites]:
    """Law, bound (minus infinity where there is none) and the sites that a full step leads to."""
    with torch.no_grad():
        law = prior.condition(sites)
    sound = law.log_normaliser.isfinite()
    eye = torch.eye(law.mean.shape[-1]).to(law.mean)
    # a law that is none must not break what is computed of the other trials
    mean = law.mean.where(sound[:, None, None], law.mean.new_zeros(()))
    cov = law.cov.where(sound[:, None, None, None], eye)
    mean, cov = mean.detach().requires_grad_(), cov.detach().requires_grad_()
    with torch.enable_grad():
        value = expected(mean, cov)
        by_mean, by_cov = torch.autograd.grad(value.sum(), (mean, cov))
    with torch.no_grad():
        precision = -(by_cov + by_cov.transpose(-1, -2))
        linear = by_mean + (precision @ mean[..., None])[..., 0]
        target = Sites(linear, precision)
        elbo = value.detach() - sites.expected(mean, cov) + law.log_normaliser
        sound = sound & elbo.isfinite() & linear.flatten(1).isfinite().all(1)
        sound = sound & precision.flatten(1).isfinite().all(1)
    return law, torch.where(sound, elbo, -torch.inf), target
