"""The law of the initial state against torch's distributions."""

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from undertow.inference import InitialHead, InitialLaw

DIM = 3


def law(full: bool) -> InitialLaw:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    head = InitialHead(4, DIM, full).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter += 0.5 * torch.randn(
                parameter.shape, generator=generator, dtype=torch.float64
            )
    return head(torch.randn(5, 4, generator=generator, dtype=torch.float64))


def distribution(law: InitialLaw) -> MultivariateNormal:
    factor = law.factor if law.factor.ndim == 3 else torch.diag_embed(law.factor)
    return MultivariateNormal(law.mean, scale_tril=factor)


@pytest.mark.parametrize("full", [False, True])
def test_divergence_from_the_standard_normal(full: bool) -> None:
    inferred = law(full)
    zeros = torch.zeros(DIM, dtype=torch.float64)
    prior = MultivariateNormal(zeros, torch.eye(DIM, dtype=torch.float64))
    expected = kl_divergence(distribution(inferred), prior.expand((5,)))
    assert torch.allclose(inferred.kl.sum(1), expected, atol=1e-12)
    assert (inferred.kl.sum(1) > 0).all()


@pytest.mark.parametrize("full", [False, True])
def test_ratio_of_prior_and_law_at_a_drawn_state(full: bool) -> None:
    inferred = law(full)
    noise = torch.randn(5, DIM, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    state = inferred.at(noise)
    expected = Normal(0.0, 1.0).log_prob(state).sum(1) - distribution(inferred).log_prob(state)
    assert torch.allclose(inferred.log_ratio(noise), expected, atol=1e-12)


def test_a_full_head_starts_without_covariances() -> None:
    torch.manual_seed(0)
    factor = InitialHead(4, DIM, full=True)(torch.randn(2, 4)).factor
    assert torch.equal(factor, torch.diag_embed(factor.diagonal(dim1=-2, dim2=-1)))


def test_the_prior_costs_nothing() -> None:
    prior = InitialLaw.standard_normal(2, DIM, torch.zeros(()))
    noise = torch.ones(2, DIM)
    assert torch.equal(prior.kl, torch.zeros(2, DIM))
    assert torch.equal(prior.log_ratio(noise), torch.zeros(2))
    assert torch.equal(prior.at(noise), noise)
