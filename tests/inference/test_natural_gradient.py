"""Natural gradients over paths against the Kalman smoother, and their promise never to lose."""

import pytest
import torch
from torch import Tensor

from tests.inference.markov_models import linear_model, moments_of, normal
from undertow.dynamics import SwitchingGP
from undertow.inference import (
    Elimination,
    GaussianChain,
    GaussianReadout,
    PoissonReadout,
    Steps,
    expected_log_steps,
    infer_paths,
)

TRIALS, BINS, NEURONS = 2, 9, 5


def gaussian_readout(dim: int) -> GaussianReadout:
    readout = GaussianReadout(dim, NEURONS).double()
    with torch.no_grad():
        readout.weight.copy_(normal(NEURONS, dim, seed=5))
        readout.offset.copy_(normal(NEURONS, seed=6))
        readout.log_noise_var.copy_(normal(NEURONS, seed=7))
    return readout


def log_start(mean: Tensor, cov: Tensor, at: Tensor, spread: Tensor) -> Tensor:
    """Expected log density of the first state."""
    law = torch.distributions.MultivariateNormal(at, spread)
    inverse = torch.linalg.inv(spread)
    return law.log_prob(mean[:, 0]) - (inverse * cov[:, 0]).sum((1, 2)) / 2


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 6])
def test_one_full_step_is_the_kalman_smoother_and_the_exact_evidence(dim: int) -> None:
    """Means, covariances and bound of a linear-Gaussian model with gaps and an input, to 1e-6."""
    model, readout = linear_model(dim), gaussian_readout(dim)
    inputs, push = normal(TRIALS, BINS, 2, seed=20), normal(dim, 2, seed=21)
    dynamics = model.dynamics(push)
    y = normal(TRIALS, BINS, NEURONS, seed=22)
    seen = (normal(TRIALS, BINS, NEURONS, seed=23) > -0.5).double()
    seen[:, 4] = 0.0

    def expected(mean: Tensor, cov: Tensor, lag: Tensor) -> Tensor:
        steps = expected_log_steps(dynamics, Steps.of(mean, cov, lag, inputs), model.h)
        first = log_start(mean, cov, model.start_mean, model.start_cov)
        return steps.sum(1) + first + readout.expected_log_prob(mean, cov, y, seen)

    start = GaussianChain.independent(normal(TRIALS, BINS, dim, seed=24), 0.7)
    found = infer_paths(expected, start, steps=1)
    for k in range(TRIALS):
        prior_mean, prior_cov = model.prior(BINS, inputs[k] @ push.t())
        map_ = torch.block_diag(*[readout.weight.detach()] * BINS)
        centre = map_ @ prior_mean + readout.offset.detach().repeat(BINS)
        there = seen[k].flatten() > 0
        map_, miss = map_[there], (y[k].flatten() - centre)[there]
        noise = torch.diag(readout.log_noise_var.detach().exp().repeat(BINS)[there])
        whole = map_ @ prior_cov @ map_.t() + noise
        gain = torch.linalg.solve(whole, map_ @ prior_cov).t()
        cov = (prior_cov - gain @ map_ @ prior_cov).reshape(1, BINS, dim, BINS, dim)
        exact = moments_of((prior_mean + gain @ miss).reshape(1, BINS, dim), cov)
        for name in ("mean", "cov", "lag"):
            mine, theirs = getattr(found.moments, name)[k], getattr(exact, name)[0]
            assert torch.allclose(mine, theirs, rtol=0, atol=1e-6), name
        law = torch.distributions.MultivariateNormal(torch.zeros_like(miss), whole)
        assert float(found.elbo[k]) == pytest.approx(float(law.log_prob(miss)), abs=1e-6)


class Switching:
    """Poisson neurons of a switching drift that is not known exactly."""

    def __init__(self, dim: int = 2, trials: int = 4, bins: int = 20) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            self.dynamics = SwitchingGP(dim, regimes=3).double()
        self.dynamics.var.mul_(0.05)
        self.readout = PoissonReadout(dim, 12, torch.full((12,), 0.5)).double()
        with torch.no_grad():
            self.readout.weight.copy_(normal(12, dim, seed=3))
        random = torch.Generator().manual_seed(4)
        x, path = normal(trials, dim, seed=5), []
        for _ in range(bins):
            path.append(x)
            x = x + 0.1 * self.dynamics.drift(0.0, x).detach() + 0.2 * normal(trials, dim)
        rates = self.readout.linear(torch.stack(path, 1)).detach().exp()
        self.counts = torch.poisson(rates, generator=random)

    def expected(self, mean: Tensor, cov: Tensor, lag: Tensor) -> Tensor:
        steps = expected_log_steps(self.dynamics, Steps.of(mean, cov, lag), 0.1).sum(1)
        eye = torch.eye(mean.shape[2], dtype=mean.dtype)
        first = log_start(mean, cov, torch.zeros_like(mean[0, 0]), eye)
        counts = self.counts
        seen = torch.ones_like(counts)
        return steps + first + self.readout.expected_log_prob(mean, cov, counts, seen)


@pytest.mark.parametrize("step_size", [0.3, 1.0])
def test_the_bound_never_falls_and_settles(step_size: float) -> None:
    model = Switching()
    start = GaussianChain.independent(torch.zeros(4, 20, 2, dtype=torch.float64), 0.25)
    bounds = infer_paths(model.expected, start, 60, step_size, tolerance=0.0).trace
    rises = bounds.diff(dim=0)
    assert (rises >= -1e-9 * (1 + bounds[0].abs())).all()
    assert (bounds[-1] > bounds[0] + 10).all()
    assert (rises[-5:].sum(0) < 1e-3 * bounds[-1].abs()).all()


def test_at_the_optimum_a_step_changes_nothing_and_the_gradient_vanishes() -> None:
    """The natural parameters are then the slopes themselves, whatever the step size."""
    model = Switching()
    start = GaussianChain.independent(torch.zeros(4, 20, 2, dtype=torch.float64), 0.25)
    found = infer_paths(model.expected, start, 100, tolerance=0.0)
    again = infer_paths(model.expected, found.chain, 1, 0.5, tolerance=0.0)
    assert torch.allclose(again.moments.mean, found.moments.mean, atol=1e-4)
    mean = found.moments.mean.clone().requires_grad_()
    value = model.expected(mean, found.moments.cov, found.moments.lag).sum()
    slope = torch.autograd.grad(value, mean)[0]  # entropy does not depend on the mean
    assert slope.abs().max() < 1e-2 * Elimination(found.chain).moments().cov.pow(-1).abs().max()


def test_a_start_that_is_far_off_is_reached_by_smaller_steps() -> None:
    model = Switching()
    far = GaussianChain.independent(torch.full((4, 20, 2), 6.0, dtype=torch.float64), 0.25)
    near = GaussianChain.independent(torch.zeros(4, 20, 2, dtype=torch.float64), 0.25)
    bounds = [infer_paths(model.expected, each, 60).elbo for each in (far, near)]
    assert torch.isfinite(bounds[0]).all()
    assert torch.allclose(bounds[0], bounds[1], rtol=0.02)
