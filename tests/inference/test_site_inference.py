"""Sites against dense Gaussian algebra, and the bound against what many paths say."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from tests.inference.markov_models import dense_moments, dense_precision, normal, random_chain
from undertow.inference import (
    ChainPrior,
    GaussianProcessPrior,
    GaussianReadout,
    PathPrior,
    PoissonReadout,
    Sites,
    infer_sites,
)

TRIALS, BINS, DIM, NEURONS = 3, 7, 2, 5
CHAIN = random_chain(1, BINS, DIM, seed=3)


def chain_prior() -> tuple[PathPrior, Tensor, Tensor]:
    """A normalised chain, and its dense mean and covariance."""
    mean, cov = dense_moments(CHAIN)
    log_det = torch.logdet(dense_precision(CHAIN))
    peak = (CHAIN.linear * mean).sum((1, 2)) / 2
    constant = log_det / 2 - BINS * DIM * math.log(2 * math.pi) / 2 - peak
    return ChainPrior(CHAIN, constant), mean.flatten(), cov.reshape(BINS * DIM, -1)


def process_prior() -> tuple[PathPrior, Tensor, Tensor]:
    """Smooth processes, and their dense mean and covariance."""
    prior = GaussianProcessPrior(torch.tensor([0.8, 2.5], dtype=torch.float64), BINS)
    cov = torch.zeros(BINS, DIM, BINS, DIM, dtype=torch.float64)
    for k in range(DIM):
        cov[:, k, :, k] = prior.kernels[k]
    return prior, torch.zeros(BINS * DIM, dtype=torch.float64), cov.reshape(BINS * DIM, -1)


PRIORS = {"chain": chain_prior, "processes": process_prior}
both = pytest.mark.parametrize("which", PRIORS)


def nothing(trials: int = TRIALS) -> Sites:
    return Sites.none(torch.zeros(trials, BINS, 1, dtype=torch.float64), DIM)


@both
def test_gaussian_observations_take_one_step_and_are_exact(which: str) -> None:
    """Means, covariances and log evidence with entries and a whole bin missing."""
    prior, centre, cov = PRIORS[which]()
    readout = GaussianReadout(DIM, NEURONS).double()
    with torch.no_grad():
        readout.weight.copy_(normal(NEURONS, DIM, seed=5))
        readout.offset.copy_(normal(NEURONS, seed=6))
        readout.log_noise_var.copy_(normal(NEURONS, seed=7))
    y, seen = normal(TRIALS, BINS, NEURONS, seed=8), normal(TRIALS, BINS, NEURONS, seed=9) > -0.5
    seen[:, 3] = False
    found = infer_sites(
        prior,
        lambda mean, cov: readout.expected_log_prob(mean, cov, y, seen.double()),
        nothing(),
        steps=1,
    )
    weight = torch.block_diag(*[readout.weight.detach()] * BINS)
    noise_var = readout.log_noise_var.detach().exp().repeat(BINS)
    for k in range(TRIALS):
        there = seen[k].flatten()
        map_, noise = weight[there], torch.diag(noise_var[there])
        expected = map_ @ centre + readout.offset.detach().repeat(BINS)[there]
        whole = map_ @ cov @ map_.t() + noise
        gain = torch.linalg.solve(whole, map_ @ cov).t()
        miss = y[k].flatten()[there] - expected
        mean = (centre + gain @ miss).unflatten(0, (BINS, DIM))
        spread = (cov - gain @ map_ @ cov).unflatten(0, (BINS, DIM)).unflatten(2, (BINS, DIM))
        own = torch.stack([spread[t, :, t] for t in range(BINS)])
        assert torch.allclose(found.law.mean[k], mean, atol=1e-5)
        assert torch.allclose(found.law.cov[k], own, atol=1e-5)
        evidence = MultivariateNormal(torch.zeros_like(miss), whole).log_prob(miss)
        assert float(found.elbo[k]) == pytest.approx(float(evidence), abs=1e-5)


class Counts:
    """Poisson neurons over either prior."""

    def __init__(self, which: str, trials: int = TRIALS) -> None:
        self.prior, self.centre, self.cov = PRIORS[which]()
        self.readout = PoissonReadout(DIM, NEURONS, torch.full((NEURONS,), 1.0)).double()
        with torch.no_grad():
            self.readout.weight.copy_(normal(NEURONS, DIM, seed=11))
        generator = torch.Generator().manual_seed(1)
        rates = self.readout.linear(normal(trials, BINS, DIM, seed=12)).detach().exp()
        self.y = torch.poisson(rates, generator=generator)
        self.seen = (normal(trials, BINS, NEURONS, seed=13) > -1).double()

    def expected(self, mean: Tensor, cov: Tensor, rows: slice = slice(None)) -> Tensor:
        return self.readout.expected_log_prob(mean, cov, self.y[rows], self.seen[rows])


@both
def test_the_bound_rises_to_where_its_gradient_vanishes(which: str) -> None:
    model = Counts(which)
    found = infer_sites(model.prior, model.expected, nothing(), steps=0)
    bounds = [found.elbo]
    for _ in range(40):
        found = infer_sites(model.prior, model.expected, found.sites, 1, found.share, 0.0)
        bounds.append(found.elbo)
    sites = found.sites
    rises = torch.stack(bounds).diff(dim=0)
    assert (rises >= -1e-8 * bounds[0].abs()).all()
    assert (bounds[-1] > bounds[0] + 1e-3).all()
    mean = found.law.mean.clone().requires_grad_()
    slope = torch.autograd.grad(model.expected(mean, found.law.cov).sum(), mean)[0]
    # the divergence's slope in the mean, Λ (m − m₀), is that of the sites there
    pulled = sites.linear - (sites.precision @ found.law.mean[..., None])[..., 0]
    assert torch.allclose(slope, pulled, atol=1e-5)
    cov = found.law.cov.clone().requires_grad_()
    bend = torch.autograd.grad(model.expected(found.law.mean, cov).sum(), cov)[0]
    assert torch.allclose(-2 * bend, sites.precision, atol=1e-5)


@both
def test_the_bound_lies_below_the_evidence_and_near_it(which: str) -> None:
    """The evidence by importance sampling from the posterior; within 5 standard errors of it."""
    model, n = Counts(which), 20_000
    found = infer_sites(model.prior, model.expected, nothing(), steps=60)
    for k in range(TRIALS):
        one = Sites(found.sites.linear[k : k + 1], found.sites.precision[k : k + 1])
        law = model.prior.condition(
            Sites(one.linear.expand(n, -1, -1), one.precision.expand(n, -1, -1, -1))
        )
        x = law.sample(normal(n, law.noise_size, seed=k))
        none = torch.zeros(n, BINS, DIM, DIM, dtype=torch.float64)
        # q = prior × sites / normaliser: the weight is likelihood / sites × normaliser
        likelihood = model.expected(x, none, slice(k, k + 1)).detach()
        log_weight = likelihood - one.expected(x, none) + law.log_normaliser
        weight = (log_weight - log_weight.max()).exp()
        evidence = float(log_weight.max() + weight.mean().log())
        error = float(weight.std() / weight.mean()) / math.sqrt(n)
        assert float(found.elbo[k]) < evidence + 5 * error
        assert float(found.elbo[k]) > evidence - 1.0
        # and the mean log weight is the bound itself
        spread = float(log_weight.std()) / math.sqrt(n)
        assert float(found.elbo[k]) == pytest.approx(float(log_weight.mean()), abs=5 * spread)


@both
def test_trials_do_not_wait_for_each_other(which: str) -> None:
    """One with counts so high that full steps overflow; the others end as they do alone."""
    model = Counts(which)
    model.y[1] = 4000.0
    together = infer_sites(model.prior, model.expected, nothing(), steps=40)
    for k in range(TRIALS):
        rows = slice(k, k + 1)
        alone = infer_sites(
            model.prior,
            lambda mean, cov, rows=rows: model.expected(mean, cov, rows),  # type: ignore[misc]
            nothing(1),
            steps=40,
        )
        assert bool(alone.converged) == bool(together.converged[k])
        assert torch.equal(alone.share, together.share[rows])
        assert torch.allclose(alone.law.mean, together.law.mean[rows], atol=1e-9)
        assert torch.allclose(alone.elbo, together.elbo[rows], rtol=1e-9)
    assert together.converged[0]
    assert together.share[0] == 1.0


def test_where_sites_are_no_law_a_step_leads_to_one() -> None:
    model = Counts("chain")
    bad = nothing()
    bad.precision[1] = -1e6 * torch.eye(DIM, dtype=torch.float64)
    found = infer_sites(model.prior, model.expected, bad, steps=60)
    right = infer_sites(model.prior, model.expected, nothing(), steps=60)
    assert torch.isfinite(found.elbo).all()
    assert torch.allclose(found.elbo, right.elbo, rtol=1e-4)
    unsound = infer_sites(model.prior, model.expected, bad, steps=0)
    assert unsound.elbo[1] == -torch.inf
    assert torch.isfinite(unsound.elbo[[0, 2]]).all()
