"""Gaussian divergences against torch.distributions and Monte Carlo."""

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from undertow.inference import GaussianHead, gaussian_kl, kl_to_standard_normal, released_step_kl


def law(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mean, log_std = torch.randn(2, 5, 4, generator=generator, dtype=torch.float64)
    return mean, (0.7 * log_std).exp()


def test_kl_to_the_standard_normal_equals_torch() -> None:
    mean, std = law(0)
    assert torch.allclose(
        kl_to_standard_normal(mean, std),
        kl_divergence(Normal(mean, std), Normal(0.0, 1.0)),
        atol=1e-12,
    )
    assert torch.equal(kl_to_standard_normal(torch.zeros(3), torch.ones(3)), torch.zeros(3))


def test_kl_between_gaussians_equals_torch() -> None:
    q, p = law(0), law(1)
    assert torch.allclose(gaussian_kl(*q, *p), kl_divergence(Normal(*q), Normal(*p)), atol=1e-12)
    assert gaussian_kl(*q, *q).abs().max() < 1e-12


def test_kl_equals_its_monte_carlo_estimate() -> None:
    q, p, n = law(0), law(1), 40000
    noise = torch.randn(n, 5, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    draws = q[0] + q[1] * noise
    log_ratio = Normal(*q).log_prob(draws) - Normal(*p).log_prob(draws)
    tolerance = 5 * log_ratio.std(0) / n**0.5
    assert ((gaussian_kl(*q, *p) - log_ratio.mean(0)).abs() < tolerance).all()
    standard = Normal(*q).log_prob(draws) - Normal(0.0, 1.0).log_prob(draws)
    assert (
        (kl_to_standard_normal(*q) - standard.mean(0)).abs() < 5 * standard.std(0) / n**0.5
    ).all()


def test_head_starts_near_the_standard_normal_and_stays_finite() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = GaussianHead(6, 4)
    mean, std = head(torch.randn(50, 6, generator=torch.Generator().manual_seed(0)))
    assert mean.shape == std.shape == (50, 4)
    assert mean.abs().max() < 0.5
    assert (std - 1).abs().max() < 0.3
    far_mean, far_std = head(torch.full((1, 6), 1e6))
    assert torch.isfinite(far_mean).all()
    assert (far_std > 0).all()
    assert torch.isfinite(kl_to_standard_normal(far_mean, far_std)).all()


@pytest.mark.parametrize("prior_var", [0.1, 1.0])
def test_the_released_divergence_takes_the_sample_as_mean_and_twice_gamma_as_log_variance(
    prior_var: float,
) -> None:
    sample, _ = law(0)
    gamma = torch.linspace(0.3, 0.9, 4, dtype=torch.float64)
    posterior, prior = Normal(sample, (2 * gamma).exp().sqrt()), Normal(0.0, prior_var**0.5)
    assert torch.allclose(
        released_step_kl(sample, gamma, prior_var), kl_divergence(posterior, prior), atol=1e-12
    )


def test_the_released_prior_variance_is_a_tenth() -> None:
    sample, gamma = torch.zeros(1, 4), torch.full((4,), 0.55)
    assert torch.equal(released_step_kl(sample, gamma), released_step_kl(sample, gamma, 0.1))
