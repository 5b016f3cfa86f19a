"""Smooth processes from few components against their dense kernels."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.inference.markov_models import normal
from undertow.inference import GaussianProcessPrior, Sites

TRIALS, BINS, DIM = 3, 12, 2
TIMESCALES = torch.tensor([2.0, 4.0], dtype=torch.float64)


def some_sites(trials: int = TRIALS, shared: bool = False) -> Sites:
    root = normal(1 if shared else trials, BINS, DIM, DIM, seed=2)
    precision = (root @ root.transpose(-1, -2)).expand(trials, -1, -1, -1)
    return Sites(normal(trials, BINS, DIM, seed=1), precision)


def dense(prior: GaussianProcessPrior) -> Tensor:
    """Covariance of the whole path, (bins · dim, bins · dim)."""
    full = torch.zeros(BINS, DIM, BINS, DIM, dtype=torch.float64)
    for k in range(DIM):
        full[:, k, :, k] = prior.kernels[k]
    return full.reshape(BINS * DIM, BINS * DIM)


def test_kernels_are_squared_exponentials_in_bins() -> None:
    prior = GaussianProcessPrior(TIMESCALES, BINS)
    for k, tau in enumerate(TIMESCALES):
        for i, j in ((0, 0), (0, 3), (7, 2)):
            wanted = math.exp(-((i - j) ** 2) / (2 * float(tau) ** 2))
            assert float(prior.kernels[k, i, j]) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("shared", [True, False])
def test_a_law_is_that_of_the_dense_algebra(shared: bool) -> None:
    """Without inverting the kernels, which are nearly singular: S = K − K (J⁻¹ + K)⁻¹ K."""
    prior, sites = GaussianProcessPrior(TIMESCALES, BINS), some_sites(shared=shared)
    law, cov = prior.condition(sites), dense(prior)
    assert len(law.factor) == (1 if shared else TRIALS)
    for i in range(TRIALS):
        information = torch.block_diag(*sites.precision[i])
        inner = torch.linalg.inv(information) + cov
        spread = cov - cov @ torch.linalg.solve(inner, cov)
        mean = spread @ sites.linear[i].flatten()
        blocks = spread.unflatten(0, (BINS, DIM)).unflatten(2, (BINS, DIM))
        eye = torch.eye(BINS * DIM, dtype=torch.float64)
        normaliser = (sites.linear[i].flatten() @ mean - torch.logdet(eye + cov @ information)) / 2
        assert torch.allclose(law.mean[i].flatten(), mean, atol=1e-5)
        own = torch.stack([blocks[t, :, t] for t in range(BINS)])
        assert torch.allclose(law.cov[i], own, atol=1e-5)
        assert float(law.log_normaliser[i]) == pytest.approx(float(normaliser), abs=1e-5)


def test_sites_that_tell_nothing_leave_the_prior() -> None:
    prior = GaussianProcessPrior(TIMESCALES, BINS)
    law = prior.condition(Sites.none(torch.zeros(TRIALS, BINS, 1, dtype=torch.float64), DIM))
    assert not law.mean.any()
    eye = torch.eye(DIM, dtype=torch.float64)
    assert torch.allclose(law.cov, eye.expand_as(law.cov), atol=1e-6)
    assert torch.allclose(law.log_normaliser, torch.zeros(TRIALS, dtype=torch.float64), atol=1e-12)


def test_the_components_hold_nearly_all_of_a_kernel() -> None:
    for tau, fewer in ((0.8, False), (4.0, True), (100.0, True)):
        prior = GaussianProcessPrior(torch.tensor([tau], dtype=torch.float64), BINS)
        basis = prior.paths(torch.eye(prior.n_components, dtype=torch.float64))[..., 0].t()
        assert torch.allclose(basis @ basis.t(), prior.kernels[0], atol=1e-6)
        assert (prior.n_components < BINS) == fewer


@pytest.mark.parametrize("shared", [True, False])
def test_slopes_in_ln_tau_are_those_of_finite_differences(shared: bool) -> None:
    sites, step = some_sites(shared=shared), 1e-4
    value, slopes = GaussianProcessPrior(TIMESCALES, BINS).timescale_slopes(sites)

    def total(logs: Tensor) -> float:
        return float(GaussianProcessPrior(logs.exp(), BINS).condition(sites).log_normaliser.sum())

    assert float(value) == pytest.approx(total(TIMESCALES.log()), rel=1e-12)
    for k in range(DIM):
        move = step * torch.eye(DIM, dtype=torch.float64)[k]
        found = total(TIMESCALES.log() + move) - total(TIMESCALES.log() - move)
        # a component may come or go between the two: one part in a million of the value
        assert float(slopes[k]) == pytest.approx(found / (2 * step), rel=1e-3, abs=1e-3)


def test_samples_have_the_moments_of_the_law() -> None:
    """Sampling is linear in its noise: the map times its transpose is the covariance."""
    prior = GaussianProcessPrior(TIMESCALES, BINS)
    law = prior.condition(some_sites(1))
    n = law.noise_size
    many = replace(law, weights_mean=law.weights_mean.expand(n, -1))
    columns = many.sample(torch.eye(n, dtype=torch.float64)) - law.mean
    assert torch.allclose(law.sample(torch.zeros(1, n, dtype=torch.float64)), law.mean, atol=1e-12)
    found = torch.einsum("rtd,rte->tde", columns, columns)
    assert torch.allclose(found, law.cov[0], atol=1e-10)


def test_sites_that_are_no_law_are_said_for_their_trial_alone() -> None:
    prior, sites = GaussianProcessPrior(TIMESCALES, BINS), some_sites()
    sites.precision[1] -= 1e3 * torch.eye(DIM, dtype=torch.float64)
    law = prior.condition(sites)
    assert law.log_normaliser.isfinite().tolist() == [True, False, True]
    alone = prior.condition(Sites(sites.linear[2:], sites.precision[2:]))
    assert torch.allclose(law.mean[2], alone.mean[0], atol=1e-9)
