"""Expected log-likelihoods of uncertain states, and Newton's best readout."""

import pytest
import torch

from tests.inference.markov_models import normal
from undertow.inference import GaussianReadout, PathReadout, PoissonReadout
from undertow.inference.path_readouts import LEAST_NOISE, WEAK_PRECISION

TRIALS, BINS, DIM, NEURONS = 2, 3, 2, 4


def states() -> tuple[torch.Tensor, torch.Tensor]:
    root = 0.4 * normal(TRIALS, BINS, DIM, DIM, seed=1)
    cov = root @ root.transpose(-1, -2) + 0.05 * torch.eye(DIM, dtype=torch.float64)
    return normal(TRIALS, BINS, DIM, seed=2), cov


def readouts() -> list[PathReadout]:
    usual = torch.full((NEURONS,), 0.7)
    made: list[PathReadout] = [
        PoissonReadout(DIM, NEURONS, usual).double(),
        GaussianReadout(DIM, NEURONS).double(),
    ]
    for readout in made:
        with torch.no_grad():
            readout.weight.copy_(0.7 * normal(NEURONS, DIM, seed=3))
            readout.offset.copy_(0.3 * normal(NEURONS, seed=4))
    return made


@pytest.mark.parametrize("which", [0, 1], ids=["poisson", "gaussian"])
def test_expectations_are_those_of_many_draws(which: int) -> None:
    """Within 5 standard errors of 40,000 draws; what is not seen does not count."""
    readout, (mean, cov), n = readouts()[which], states(), 40_000
    y = torch.poisson(torch.full((TRIALS, BINS, NEURONS), 1.0, dtype=torch.float64))
    seen = (normal(TRIALS, BINS, NEURONS, seed=5) > 0).double()
    draws = mean + (torch.linalg.cholesky(cov) @ normal(n, TRIALS, BINS, DIM, 1, seed=6))[..., 0]
    linear = readout.linear(draws)
    law: torch.distributions.Distribution
    law = torch.distributions.Poisson(linear.exp())
    if isinstance(readout, GaussianReadout):
        law = torch.distributions.Normal(linear, (readout.log_noise_var / 2).exp())
    each = (law.log_prob(y) * seen).sum((2, 3))
    found = readout.expected_log_prob(mean, cov, y, seen)
    assert ((found - each.mean(0)).abs() < 5 * each.std(0) / n**0.5).all()
    other = readout.expected_log_prob(mean, cov, torch.where(seen > 0, y, 99.0), seen)
    assert torch.equal(found, other)


def bins(n: int = 400) -> tuple[torch.Tensor, ...]:
    """States with little doubt, counts of planted weights, one neuron silent, entries missing."""
    mean = normal(n, DIM, seed=7)
    cov = 0.02 * torch.eye(DIM, dtype=torch.float64).expand(n, DIM, DIM)
    weight = normal(NEURONS, DIM, seed=8)
    generator = torch.Generator().manual_seed(0)
    y = torch.poisson((mean @ weight.t() - 0.5).exp(), generator=generator)
    y[:, 3] = 0.0
    seen = (normal(n, NEURONS, seed=9) > -1).double()
    return mean, cov, y, seen, weight


def test_newton_finds_where_the_slope_vanishes() -> None:
    mean, cov, y, seen, weight = bins()
    readout = PoissonReadout(DIM, NEURONS, torch.full((NEURONS,), 0.5)).double()
    readout.learn(mean, cov, y, seen, steps=30)
    assert (readout.weight[:3] - weight[:3]).abs().max() < 0.3
    value = readout.expected_log_prob(mean[None], cov[None], y[None], seen[None]).sum()
    total = value + readout._prior().sum()
    slopes = torch.autograd.grad(total, [readout.weight, readout.offset])
    assert max(float(slope.abs().max()) for slope in slopes) < 1e-5


def test_a_step_never_lowers_the_objective_however_far_off_it_starts() -> None:
    mean, cov, y, seen, _ = bins()
    readout = PoissonReadout(DIM, NEURONS, torch.full((NEURONS,), 0.5)).double()
    with torch.no_grad():
        readout.weight.copy_(3 * normal(NEURONS, DIM, seed=11))
    values = []
    for _ in range(15):
        values.append(readout._objective(mean, cov, y, seen))
        readout.learn(mean, cov, y, seen, steps=1)
    assert (torch.stack(values).diff(dim=0) >= -1e-6 * values[-1].abs()).all()


def test_a_silent_neuron_keeps_finite_numbers() -> None:
    mean, cov, y, seen, _ = bins()
    readout = PoissonReadout(DIM, NEURONS, torch.full((NEURONS,), 1e-3)).double()
    readout.learn(mean, cov, y, seen, steps=20)
    assert readout.offset.isfinite().all()
    assert readout.log_rate(mean, cov)[:, 3].exp().sum() < 1


def uncertain(n: int = 200) -> tuple[torch.Tensor, ...]:
    """States of which covariances differ, Gaussian observations, entries missing."""
    root = 0.4 * normal(n, DIM, DIM, seed=12)
    mean, cov = normal(n, DIM, seed=7), root @ root.transpose(-1, -2)
    y = mean @ normal(NEURONS, DIM, seed=8).t() + 1.0 + 0.5 * normal(n, NEURONS, seed=13)
    return mean, cov, y, (normal(n, NEURONS, seed=9) > -1).double()


def test_the_gaussian_readout_is_the_regression_on_what_is_expected_of_the_states() -> None:
    """Neuron by neuron: E [x, 1][x, 1]ᵀ and E [x, 1] y of what was seen, by hand."""
    mean, cov, y, seen = uncertain()
    readout = GaussianReadout(DIM, NEURONS).double()
    readout.learn(mean, cov, y, seen)
    for k in range(NEURONS):
        there = seen[:, k] > 0
        x, target = torch.cat([mean[there], torch.ones(int(there.sum()), 1)], 1), y[there, k]
        square = x.t() @ x + WEAK_PRECISION * torch.eye(DIM + 1, dtype=torch.float64)
        square[:DIM, :DIM] += cov[there].sum(0)
        weights = torch.linalg.solve(square, x.t() @ target)
        assert torch.allclose(readout.weight[k], weights[:DIM], atol=1e-10)
        assert float(readout.offset[k].detach()) == pytest.approx(float(weights[DIM]), abs=1e-10)
        spread = (weights[:DIM] @ cov[there] * weights[:DIM]).sum()
        squares = (target - x @ weights).square().sum() + spread
        squares = squares + WEAK_PRECISION * weights.square().sum()
        assert torch.allclose(readout.log_noise_var[k].exp(), squares / there.sum(), atol=1e-10)


def test_no_other_gaussian_readout_is_better() -> None:
    """The slope of the expected log density and its prior vanishes."""
    mean, cov, y, seen = uncertain()
    readout = GaussianReadout(DIM, NEURONS).double()
    readout.learn(mean, cov, y, seen)
    value = readout.expected_log_prob(mean[None], cov[None], y[None], seen[None]).sum()
    size = readout.weight.square().sum(1) + readout.offset.square()
    value = value - (WEAK_PRECISION * size / readout.log_noise_var.exp()).sum() / 2
    held = [readout.weight, readout.offset, readout.log_noise_var]
    assert max(float(slope.abs().max()) for slope in torch.autograd.grad(value, held)) < 1e-8


def test_the_noise_of_a_neuron_keeps_a_share_of_its_variance() -> None:
    """Of a neuron that the states explain whole, and of one that is silent or never seen."""
    mean, _, y, seen = uncertain()
    y, seen = torch.stack([mean[:, 0], 0 * mean[:, 0], mean[:, 1]], 1), seen[:, :3].clone()
    seen[:, 2] = 0.0
    readout = GaussianReadout(DIM, 3).double()
    readout.learn(mean, torch.zeros(len(mean), DIM, DIM).double(), y, seen)
    there = seen[:, 0] > 0
    usual = y[there, 0].var(correction=0)
    noise = readout.log_noise_var.detach().exp()
    assert torch.allclose(noise[0], LEAST_NOISE * usual)
    assert torch.allclose(noise[1:], torch.full((2,), LEAST_NOISE**2).double())
    assert torch.isfinite(readout.weight).all()
    assert not readout.weight[1:].any()
