"""The Poisson observation against scipy; what is missing counts nothing."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from undertow.observations import PoissonObservation, poisson_log_prob


def observation(bin_s: float = 0.02) -> PoissonObservation:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PoissonObservation(3, torch.tensor([5.0, 0.0, 40.0, 1.0]), bin_s).double()


def features() -> torch.Tensor:
    return torch.randn(6, 7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_log_prob_equals_scipy() -> None:
    rng = np.random.default_rng(0)
    mean, counts = rng.lognormal(0.0, 2.0, 500), rng.poisson(3.0, 500)
    mine = poisson_log_prob(torch.tensor(mean).log(), torch.tensor(counts, dtype=torch.float64))
    assert np.allclose(mine.numpy(), stats.poisson.logpmf(counts, mean), rtol=1e-12, atol=1e-12)


def test_log_prob_of_features_is_that_of_their_mean() -> None:
    model = observation()
    counts = torch.tensor(np.random.default_rng(0).poisson(0.5, (6, 7, 4)), dtype=torch.float64)
    with torch.no_grad():
        mean, log_prob = model.mean(features()), model.log_prob(features(), counts)
    assert log_prob.shape == counts.shape
    assert np.allclose(log_prob.numpy(), stats.poisson.logpmf(counts.numpy(), mean.numpy()))


def test_mean_and_log_prob_in_one_pass_are_the_same() -> None:
    model, counts = (
        observation(),
        torch.poisson(torch.ones(6, 7, 4, dtype=torch.float64), torch.Generator().manual_seed(0)),
    )
    counts[0, 0] = math.nan
    with torch.no_grad():
        mean, log_prob = model.mean_and_log_prob(features(), counts)
        assert torch.allclose(mean, model.mean(features()))
        assert torch.equal(log_prob, model.log_prob(features(), counts))


def test_missing_counts_give_zero_and_no_gradient() -> None:
    log_mean = torch.tensor([0.3, -1.0, 2.0, 700.0], dtype=torch.float64, requires_grad=True)
    counts = torch.tensor([2.0, math.nan, 5.0, math.nan], dtype=torch.float64)
    log_prob = poisson_log_prob(log_mean, counts)
    log_prob.sum().backward()
    assert log_mean.grad is not None
    assert (log_prob == 0).tolist() == [False, True, False, True]
    expected = torch.where(counts.isnan(), 0.0, counts - log_mean.detach().exp())
    assert torch.allclose(log_mean.grad, expected)


def test_rates_start_at_the_mean_rates_whatever_the_bin() -> None:
    for bin_s in (0.005, 0.02):
        model = observation(bin_s)
        rates = model.mean(torch.zeros(1, 3).double()).detach() / bin_s
        assert torch.allclose(rates, torch.tensor([[5.0, 0.01, 40.0, 1.0]], dtype=torch.float64))


def test_rates_are_bounded() -> None:
    model = observation()
    rates = model.mean(torch.full((1, 3), 1e9, dtype=torch.float64)).detach() / 0.02
    assert torch.isfinite(rates).all()
    assert float(rates.max()) == pytest.approx(1e5)


def test_samples_have_the_mean_and_the_variance_of_a_poisson_law() -> None:
    model, n = observation(), 20000
    with torch.no_grad():
        where = features()[:1, :1].expand(n, 1, 3)
        mean = model.mean(where)[0, 0]
        draws = model.sample(where, torch.Generator().manual_seed(0))[:, 0]
        again = model.sample(where, torch.Generator().manual_seed(0))[:, 0]
    assert torch.equal(draws, again)
    assert (draws == draws.round()).all()
    assert ((draws.mean(0) - mean).abs() < 5 * (mean / n).sqrt()).all()
    # the variance of a Poisson sample variance is about (μ + 2μ²) / n
    assert ((draws.var(0) - mean).abs() < 5 * ((mean + 2 * mean**2) / n).sqrt()).all()
