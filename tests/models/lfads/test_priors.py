"""Priors: divergences against torch.distributions, and an AR(1) process that knows seconds."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from undertow.models import GRUController
from undertow.models.lfads.priors import InitialPrior, InputPrior

BIN_S, BINS, TRIALS, INPUTS = 0.02, 7, 4, 2


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def input_prior(bin_s: float = BIN_S, **options: float) -> InputPrior:
    prior = InputPrior(INPUTS, bin_s, GRUController(**options)).double()  # type: ignore[arg-type]
    with torch.no_grad():  # inputs that differ
        prior.log_timescale_s += torch.tensor([0.0, 0.7])
        prior.log_std += torch.tensor([0.0, -0.3])
    return prior


@pytest.mark.parametrize("learned", [False, True])
def test_the_initial_condition_s_divergence_is_that_of_gaussians(learned: bool) -> None:
    prior = InitialPrior(5, learned).double()
    assert prior.mean.requires_grad is prior.log_std.requires_grad is learned
    with torch.no_grad():
        prior.mean += draw(5, seed=1)
        prior.log_std += draw(5, seed=2)
    mean, std = draw(TRIALS, 5), draw(TRIALS, 5, seed=3).exp()
    expected = kl_divergence(Normal(mean, std), Normal(prior.mean, prior.log_std.exp()))
    assert torch.allclose(prior.kl(mean, std), expected, rtol=1e-12)
    drawn = prior.draw(draw(100_000, 5, seed=4))
    # six standard errors of a mean of 100,000 draws
    bound = 6 * prior.log_std.exp() / math.sqrt(100_000)
    assert ((drawn.mean(0) - prior.mean).abs() < bound).all()


def test_the_inputs_divergence_is_that_of_each_conditional() -> None:
    prior = input_prior(correlation_s=0.05, prior_std=0.6)
    inputs, mean = draw(BINS, TRIALS, INPUTS), draw(BINS, TRIALS, INPUTS, seed=1)
    std = draw(BINS, TRIALS, INPUTS, seed=2).exp()
    tau = 0.05 * torch.tensor([0.0, 0.7], dtype=torch.float64).exp()
    sigma = 0.6 * torch.tensor([0.0, -0.3], dtype=torch.float64).exp()
    alpha = (-BIN_S / tau).exp()
    for t in range(BINS):
        law = (
            Normal(alpha * inputs[t - 1], sigma * (1 - alpha**2).sqrt())
            if t
            else Normal(torch.zeros(TRIALS, INPUTS, dtype=torch.float64), sigma)
        )
        expected = kl_divergence(Normal(mean[t], std[t]), law)
        assert torch.allclose(
            prior.kl(inputs, mean, std)[t], expected, rtol=1e-6
        )  # it starts in float32


def test_its_expectation_is_the_divergence_of_the_paths() -> None:
    """Of a posterior whose bins are independent, the divergence from the whole path's prior."""
    prior = input_prior(correlation_s=0.05, prior_std=0.6)
    mean, std = draw(BINS, 1, INPUTS), 0.3 * draw(BINS, 1, INPUTS, seed=1).exp()
    decay = (-BIN_S / prior.timescale_s.detach())[:, None, None]
    bins = torch.arange(BINS, dtype=torch.float64)
    lags = (bins[:, None] - bins).abs()
    covariance = (2 * prior.log_std.detach()).exp()[:, None, None] * (decay * lags).exp()
    law = MultivariateNormal(torch.zeros(INPUTS, BINS, dtype=torch.float64), covariance)
    noise = draw(BINS, 200_000, INPUTS, seed=5)
    sums = prior.kl(mean + std * noise, mean, std).sum(0)
    posterior = MultivariateNormal(mean[:, 0].t(), torch.diag_embed(std[:, 0].t() ** 2))
    expected = kl_divergence(posterior, law)
    bound = 6 * sums.std(0) / math.sqrt(200_000)
    assert ((sums.mean(0) - expected).abs() < bound).all()


def test_paths_are_stationary_with_the_time_constant_given() -> None:
    prior = input_prior(correlation_s=0.05, prior_std=0.6)
    n, lag = 200_000, 3
    path = prior.draw(draw(BINS, n, INPUTS)).detach()
    sigma = prior.log_std.exp().detach()
    for t in (0, BINS - 1):
        # the variance of n draws has a relative standard error of √(2/n)
        assert ((path[t].var(0) / sigma**2 - 1).abs() < 6 * math.sqrt(2 / n)).all()
    found = (path[lag] * path[0]).mean(0) / sigma**2
    expected = (-lag * BIN_S / prior.timescale_s.detach()).exp()
    # the product of two standard normals has a variance of 1 + ρ²
    assert ((found - expected).abs() < 6 * ((1 + expected**2) / n).sqrt()).all()


def test_the_bin_width_changes_the_steps_alone() -> None:
    """α of a bin twice as wide is the square, and the stationary deviation the same."""
    narrow, wide = input_prior(bin_s=0.01), input_prior(bin_s=0.02)
    (decay, std), (decay_of_both, std_of_both) = narrow.steps(3), wide.steps(3)
    assert torch.allclose(decay**2, decay_of_both)
    assert torch.allclose(std[0], std_of_both[0])
    assert torch.allclose(std[1] ** 2 * (1 + decay**2), std_of_both[1] ** 2)


def test_a_prior_that_is_not_learned_stays() -> None:
    prior = InputPrior(2, BIN_S, GRUController(learn_prior=False))
    assert not any(each.requires_grad for each in prior.parameters())
    assert torch.allclose(prior.timescale_s, torch.tensor(GRUController().correlation_s))
