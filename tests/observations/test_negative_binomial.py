"""Negative binomial counts against scipy, their Poisson limit, and gamma–Poisson samples."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from undertow.errors import ModelError
from undertow.observations import NegativeBinomialObservation, PoissonObservation
from undertow.observations.counts import MOST_LOOKED_UP

RATES = torch.tensor([5.0, 20.0, 40.0, 1.0])
BIN_S = 0.05
DISPERSION = torch.tensor([0.01, 0.3, 2.0, 30.0], dtype=torch.float64)
FEATURES = torch.randn(6, 7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def make(dispersion: Tensor = DISPERSION, rates: Tensor = RATES) -> NegativeBinomialObservation:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = NegativeBinomialObservation(3, rates, BIN_S).double()
    with torch.no_grad():
        model.log_dispersion.copy_(dispersion.log())
    return model


def counts(largest: float = 30.0) -> Tensor:
    return torch.tensor(
        np.random.default_rng(0).integers(0, largest, (6, 7, 4)), dtype=torch.float64
    )


def by_scipy(n: Tensor, mean: Tensor, dispersion: Tensor) -> np.ndarray:
    r = 1 / dispersion.numpy()
    log_pmf: np.ndarray = stats.nbinom.logpmf(
        n.numpy(), r, 1 / (1 + dispersion.numpy() * mean.numpy())
    )
    return log_pmf


@pytest.mark.parametrize("largest", [1, 30, 400])
def test_log_prob_equals_scipy_entry_by_entry(largest: int) -> None:
    model, n = make(), counts(largest)
    with torch.no_grad():
        mean, log_prob = model.mean(FEATURES), model.log_prob(FEATURES, n)
    assert np.allclose(
        log_prob.numpy(), by_scipy(n, mean, model.dispersion.detach()), rtol=1e-10, atol=1e-9
    )


def test_counts_too_large_to_look_up_are_computed() -> None:
    model, n = make(), counts()
    n[0, 0] = MOST_LOOKED_UP + 7
    with torch.no_grad():
        mean, log_prob = model.mean(FEATURES), model.log_prob(FEATURES, n)
        without = model.log_prob(FEATURES[1:], n[1:])
    assert np.allclose(
        log_prob.numpy(), by_scipy(n, mean, model.dispersion.detach()), rtol=1e-8, atol=1e-8
    )
    assert torch.allclose(log_prob[1:], without, atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_tends_to_poisson_as_the_dispersion_vanishes(dtype: torch.dtype) -> None:
    """The difference is α/2 · ((n − μ)² − n) to first order."""
    n, features = counts(8).to(dtype), FEATURES.to(dtype)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        poisson = PoissonObservation(3, RATES, BIN_S).to(dtype)
    with torch.no_grad():
        mean, expected = poisson.mean_and_log_prob(features, n)
        for alpha in (1e-3, 1e-5, 1e-7):
            model = make(torch.full((4,), alpha, dtype=torch.float64)).to(dtype)
            found = model.log_prob(features, n)
            first_order = model.dispersion / 2 * ((n - mean) ** 2 - n)
            rounding = 100 * torch.finfo(dtype).eps * expected.abs().max()
            size = (n + mean + 1) ** 3
            assert ((found - expected - first_order).abs() <= alpha**2 * size + rounding).all()


def test_the_dispersion_is_learned() -> None:
    """The likelihood's peak lies where the samples' dispersion does."""
    truth, n = make(), 4000
    with torch.no_grad():
        where = FEATURES[:1, :1].expand(n, 1, 3)
        draws = truth.sample(where, torch.Generator().manual_seed(0))
        at_truth = truth.log_prob(where, draws).mean((0, 1))
        for factor in (0.5, 2.0):
            other = make(factor * DISPERSION).log_prob(where, draws).mean((0, 1))
            assert (other[1:] < at_truth[1:]).all()  # the first is Poisson in all but name
    loss = -truth.log_prob(where, draws).sum()
    loss.backward()
    assert truth.log_dispersion.grad is not None
    assert (truth.log_dispersion.grad != 0).all()


def test_samples_have_its_mean_and_variance() -> None:
    model, n = make(torch.tensor([0.01, 0.3, 1.0, 0.5], dtype=torch.float64)), 100_000
    with torch.no_grad():
        where = FEATURES[:1, :1].expand(n, 1, 3)
        mean, alpha = model.mean(where)[0, 0], model.dispersion
        draws = model.sample(where, torch.Generator().manual_seed(0))[:, 0]
    assert (draws == draws.round()).all()
    law = stats.nbinom(1 / alpha.numpy(), 1 / (1 + (alpha * mean).numpy()))
    variance, kurtosis = (torch.tensor(value) for value in law.stats("vk"))
    assert torch.allclose(variance, mean + alpha * mean**2)
    assert ((draws.mean(0) - mean).abs() < 5 * (variance / n).sqrt()).all()
    assert ((draws.var(0) - variance).abs() < 5 * variance * ((kurtosis + 2) / n).sqrt()).all()


def test_samples_without_dispersion_are_poisson_in_single_precision() -> None:
    model, n = make(torch.full((4,), 1e-12, dtype=torch.float64)).float(), 20_000
    with torch.no_grad():
        where = FEATURES[:1, :1].float().expand(n, 1, 3)
        mean, draws = (
            model.mean(where)[0, 0],
            model.sample(where, torch.Generator().manual_seed(0))[:, 0],
        )
    assert ((draws.var(0) - mean).abs() < 5 * ((mean + 2 * mean**2) / n).sqrt()).all()


def test_a_dispersion_of_nothing_is_refused() -> None:
    start = NegativeBinomialObservation(3, RATES, BIN_S).dispersion.detach()
    assert torch.allclose(start, torch.full((4,), 0.1))
    with pytest.raises(
        ModelError, match="dispersion is 0: it must be above zero; for none, use Poisson"
    ):
        NegativeBinomialObservation(3, RATES, BIN_S, dispersion=0)
