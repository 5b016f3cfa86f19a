"""Natural-gradient ascent of the evidence bound over Gaussian Markov laws of paths."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from undertow.inference.gaussian_chain import Elimination, GaussianChain, Moments

Expected = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(mean, cov, lag) of a path → its expected log joint density with the data, (trials,)."""
SMALLEST_STEP = 1e-4
SLACK = 1e-9
"""A bound that falls by less, relative to its size, has not fallen: that is rounding."""


@dataclass(frozen=True)
class PathPosteriors:
    """Laws of the paths of some trials, and the bound they reach.

    Attributes:
        chain: natural parameters.
        moments: means and covariances.
        elbo: evidence bound in nats, (trials,): expected log joint plus entropy.
        converged: whether a step gained next to nothing, (trials,).
        trace: the bound at the start and after each step, (steps + 1, trials).
    """

    chain: GaussianChain
    moments: Moments
    elbo: Tensor
    converged: Tensor
    trace: Tensor


def infer_paths(
    expected: Expected,
    start: GaussianChain,
    steps: int,
    step_size: float = 1.0,
    tolerance: float = 1e-6,
) -> PathPosteriors:
    """Climb the bound E_q[log p(x, y)] + H(q) over Gaussian Markov laws q of paths.

    A natural-gradient step of size ρ replaces the natural parameters λ by (1 − ρ) λ + ρ ∇_μ E_q[log
    p(x, y)], the gradient in the mean parameters μ = (E xᵢ, E xᵢxᵢᵀ, E xᵢ₊₁xᵢᵀ) (Khan & Rue 2023;
    over paths of stochastic differential equations Hu et al. 2025, SING). Where log p is quadratic
    in x, a single step of size 1 is exact (Kalman smoothing). A step of a trial that would lower
    its bound, or lead to no law at all, is not taken, and half of it is tried next: the bound never
    falls.

    Args:
        expected: the expected log joint density, differentiable.
        start: where to begin.
        steps: steps to try.
        step_size: the first ρ, above 0 and up to 1; it grows back to this after a success.
        tolerance: a trial has settled when it gains less than this share of its bound in a full
            step, or proportionally less in a smaller one.
    """
    chain, (moments, elbo, target) = start, _evaluate(expected, start)
    share = torch.full_like(elbo, step_size)
    converged, trace = torch.zeros_like(elbo, dtype=torch.bool), [elbo]
    for _ in range(steps):
        tried = chain.towards(target, share)
        new_moments, new_elbo, new_target = _evaluate(expected, tried)
        gain = (new_elbo - elbo) / (elbo.abs() + 1)
        # a trial that has settled is left alone: what it is does not depend on the others
        better = new_moments.proper & (gain >= -SLACK) & ~converged
        chain = chain.where(better, tried)
        moments, target = moments.where(better, new_moments), target.where(better, new_target)
        elbo = torch.where(better, new_elbo, elbo)
        trace.append(elbo)
        settled = torch.where(better, gain < tolerance * share, share < SMALLEST_STEP)
        converged = converged | settled
        share = torch.where(better, (2 * share).clamp(max=step_size), share / 2)
        if bool(converged.all()):
            break
    return PathPosteriors(chain, moments, elbo, converged, torch.stack(trace))


def _evaluate(expected: Expected, chain: GaussianChain) -> tuple[Moments, Tensor, GaussianChain]:
    """Moments, bound, and the natural parameters that a full step leads to."""
    with torch.no_grad():
        moments = Elimination(chain).moments()
    means = [moments.mean, moments.cov, moments.lag]
    inputs = [
        # a law that is none must not break what is computed of the other trials
        torch.where(moments.proper.view(-1, *[1] * (each.ndim - 1)), each, safe).requires_grad_()
        for each, safe in zip(means, _safe(moments), strict=True)
    ]
    with torch.enable_grad():
        value = expected(*inputs)
        slopes = torch.autograd.grad(value.sum(), inputs, allow_unused=True)
    slopes_or_zero = [
        torch.zeros_like(x) if slope is None else slope
        for x, slope in zip(inputs, slopes, strict=True)
    ]
    target = _natural(inputs[0].detach(), *slopes_or_zero)
    elbo = value.detach() + moments.entropy
    proper = moments.proper & elbo.isfinite()
    for part in target.parts():
        proper = proper & part.flatten(1).isfinite().all(1)
    held = Moments(moments.mean, moments.cov, moments.lag, moments.entropy, proper)
    return held, torch.where(proper, elbo, -torch.inf), target


def _safe(moments: Moments) -> tuple[Tensor, Tensor, Tensor]:
    eye = torch.eye(moments.mean.shape[-1]).to(moments.mean)
    return torch.zeros_like(moments.mean), eye, torch.zeros_like(moments.lag)


def _natural(mean: Tensor, by_mean: Tensor, by_cov: Tensor, by_lag: Tensor) -> GaussianChain:
    """Turn slopes in mean and covariances into ones in the mean parameters, as natural parameters.

    With cov = E xxᵀ − m mᵀ and lag = E x'xᵀ − m' mᵀ the chain rule moves their slopes into that of
    E x; the second moments' are −½ of the precision's blocks and −1 of the links.
    """
    by_cov = (by_cov + by_cov.transpose(-1, -2)) / 2
    linear = by_mean - 2 * (by_cov @ mean[..., None])[..., 0]
    linear = linear.clone()
    if mean.shape[1] > 1:
        linear[:, :-1] -= (by_lag.transpose(-1, -2) @ mean[:, 1:, :, None])[..., 0]
        linear[:, 1:] -= (by_lag @ mean[:, :-1, :, None])[..., 0]
    return GaussianChain(linear, -2 * by_cov, -by_lag)
