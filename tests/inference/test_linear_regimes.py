"""Linear dynamics, alone and in turn, against the Kalman smoother, dense laws and regressions."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from tests.inference.markov_models import normal
from undertow.inference import GaussianReadout, LinearRegimes, Moments, infer_sites
from undertow.inference.chain_prior import ChainLaw
from undertow.inference.linear_regimes import (
    INITIAL_TRIALS,
    MATRIX_PRECISION,
    NOISE_STEPS,
    NOISE_VAR,
    OFFSET_PRECISION,
)
from undertow.inference.site_inference import Sites

TRIALS, BINS, DIM, NEURONS = 3, 6, 2, 5


def positive(n: int, dim: int, seed: int) -> Tensor:
    root = normal(n, dim, dim, seed=seed)
    return root @ root.transpose(-1, -2) + 0.3 * torch.eye(dim, dtype=torch.float64)


def regimes(number: int, input_dim: int = 0) -> LinearRegimes:
    """Dynamics of which nothing is left at its start."""
    made = LinearRegimes(DIM, number, input_dim).double()
    with torch.no_grad():
        made.weights.copy_(0.5 * normal(number, DIM, DIM + 1 + input_dim, seed=1))
        made.noise_cov.copy_(positive(number, DIM, seed=2))
        made.initial_mean.copy_(normal(DIM, seed=3))
        made.initial_cov.copy_(positive(1, DIM, seed=4)[0])
    return made


def shares_of(number: int, trials: int = TRIALS, bins: int = BINS) -> Tensor:
    return torch.softmax(2 * normal(trials, bins - 1, number, seed=5), -1)


def some_moments(trials: int = TRIALS, bins: int = BINS) -> Moments:
    """Moments of random joint laws."""
    joint = positive(trials, bins * DIM, seed=6).reshape(trials, bins, DIM, bins, DIM)
    own = torch.stack([joint[:, t, :, t] for t in range(bins)], 1)
    lag = torch.stack([joint[:, t + 1, :, t] for t in range(bins - 1)], 1)
    none = torch.zeros(trials, dtype=torch.float64)
    return Moments(normal(trials, bins, DIM, seed=7), own, lag, none, none > -1)


def log_density(made: LinearRegimes, path: Tensor, shares: Tensor, inputs: Tensor | None) -> Tensor:
    """Σ shares log N(x' | A x + b + B u, Q) + log N(x₁), of paths (…, bins, dim)."""
    total = MultivariateNormal(made.initial_mean, made.initial_cov).log_prob(path[..., 0, :])
    for t in range(path.shape[-2] - 1):
        for k in range(made.regimes):
            mean = path[..., t, :] @ made.matrices[k].t() + made.weights[k, :, DIM]
            if inputs is not None:
                mean = mean + inputs[t] @ made.weights[k, :, DIM + 1 :].t()
            law = MultivariateNormal(mean, made.noise_cov[k])
            total = total + shares[t, k] * law.log_prob(path[..., t + 1, :])
    return total.detach()


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("input_dim", [0, 2])
def test_the_prior_is_the_expected_log_density_of_paths(number: int, input_dim: int) -> None:
    """As a quadratic form of random paths, constants among it; one regime needs no shares."""
    made, shares = regimes(number, input_dim), shares_of(number)
    inputs = normal(TRIALS, BINS, input_dim, seed=8) if input_dim else None
    prior = made.prior(BINS, None if number == 1 else shares, inputs)
    linear, precision, link = prior.chain.parts()
    path = normal(TRIALS, BINS, DIM, seed=9)
    for n in range(TRIALS):
        row = min(n, len(linear) - 1)
        x, own = path[n], path[n].flatten()
        form = (linear[row].flatten() @ own) + float(
            prior.constant[min(n, len(prior.constant) - 1)]
        )
        form = form - torch.einsum("ti,tij,tj->", x, precision[row], x) / 2
        form = form - torch.einsum("ti,tij,tj->", x[1:], link[row], x[:-1])
        held = torch.ones(BINS - 1, 1) if number == 1 else shares[n]
        wanted = log_density(made, x, held, None if inputs is None else inputs[n])
        assert float(form) == pytest.approx(float(wanted), rel=1e-9)


def kalman(
    made: LinearRegimes, readout: GaussianReadout, y: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Rauch–Tung–Striebel means, covariances, Cov(x', x) and log evidence of one trial."""
    a, b = made.matrices[0].detach().numpy(), made.weights[0, :, DIM].detach().numpy()
    q, c = made.noise_cov[0].detach().numpy(), readout.weight.detach().numpy()
    d, r = readout.offset.detach().numpy(), readout.log_noise_var.detach().exp().numpy()
    mean, cov = made.initial_mean.numpy(), made.initial_cov.numpy()
    filtered, ahead, evidence = [], [], 0.0
    for t in range(len(y)):
        if t:
            mean, cov = a @ mean + b, a @ cov @ a.T + q
        ahead.append((mean, cov))
        there = seen[t]
        if there.any():
            whole = c[there] @ cov @ c[there].T + np.diag(r[there])
            miss = y[t, there] - c[there] @ mean - d[there]
            gain = np.linalg.solve(whole, c[there] @ cov).T
            evidence -= (miss @ np.linalg.solve(whole, miss)) / 2
            evidence -= np.linalg.slogdet(2 * np.pi * whole)[1] / 2
            mean, cov = mean + gain @ miss, cov - gain @ c[there] @ cov
        filtered.append((mean, cov))
    means, covs, lags = [filtered[-1][0]], [filtered[-1][1]], []
    for t in range(len(y) - 2, -1, -1):
        mean, cov = filtered[t]
        back = np.linalg.solve(ahead[t + 1][1], a @ cov).T
        lags.append(covs[-1] @ back.T)
        means.append(mean + back @ (means[-1] - ahead[t + 1][0]))
        covs.append(cov + back @ (covs[-1] - ahead[t + 1][1]) @ back.T)
    return np.stack(means[::-1]), np.stack(covs[::-1]), np.stack(lags[::-1]), evidence


def test_one_regime_is_the_kalman_smoother() -> None:
    """Means, covariances of bins and neighbours, log evidence; entries and bins missing."""
    made, readout = regimes(1), GaussianReadout(DIM, NEURONS).double()
    with torch.no_grad():
        readout.weight.copy_(normal(NEURONS, DIM, seed=10))
        readout.log_noise_var.copy_(normal(NEURONS, seed=11))
    y, seen = normal(TRIALS, BINS, NEURONS, seed=12), normal(TRIALS, BINS, NEURONS, seed=13) > -0.5
    seen[0, 2], seen[1, -1] = False, False
    found = infer_sites(
        made.prior(BINS, None, None),
        lambda mean, cov: readout.expected_log_prob(mean, cov, y, seen.double()),
        Sites.none(y, DIM),
        steps=1,
    )
    assert isinstance(found.law, ChainLaw)
    for n in range(TRIALS):
        mean, cov, lag, evidence = kalman(made, readout, y[n].numpy(), seen[n].numpy())
        np.testing.assert_allclose(found.law.mean[n], mean, atol=1e-9)
        np.testing.assert_allclose(found.law.cov[n], cov, atol=1e-9)
        np.testing.assert_allclose(found.law.lag[n], lag, atol=1e-9)
        assert float(found.elbo[n]) == pytest.approx(evidence, rel=1e-9)


@pytest.mark.parametrize("input_dim", [0, 2])
def test_expected_steps_are_those_of_their_moments(input_dim: int) -> None:
    """E (x' − A x − c)(x' − A x − c)ᵀ from the moments of [x, x'] as one vector."""
    made, given = regimes(2, input_dim), some_moments()
    inputs = normal(TRIALS, BINS, input_dim, seed=8) if input_dim else None
    found = made.expected_log_steps(given.mean, given.cov, given.lag, inputs)
    for n, t, k in ((0, 0, 0), (1, 3, 1), (2, BINS - 2, 0)):
        map_ = torch.cat([-made.matrices[k], torch.eye(DIM).double()], 1).detach()
        joint = torch.cat(
            [
                torch.cat([given.cov[n, t], given.lag[n, t].t()], 1),
                torch.cat([given.lag[n, t], given.cov[n, t + 1]], 1),
            ]
        )
        centre = map_ @ torch.cat([given.mean[n, t], given.mean[n, t + 1]])
        centre = centre - made.weights[k, :, DIM].detach()
        if inputs is not None:
            centre = centre - made.weights[k, :, DIM + 1 :].detach() @ inputs[n, t]
        square = map_ @ joint @ map_.t() + torch.outer(centre, centre)
        noise = made.noise_cov[k].detach()
        wanted = -torch.trace(torch.linalg.solve(noise, square)) - torch.logdet(2 * math.pi * noise)
        assert float(found[n, t, k]) == pytest.approx(float(wanted / 2), rel=1e-9)
    first = made.expected_log_first(given.mean[:, 0], given.cov[:, 0])
    law = MultivariateNormal(made.initial_mean, made.initial_cov)
    spread = torch.linalg.solve(made.initial_cov, given.cov[:, 0])
    trace = spread.diagonal(dim1=-2, dim2=-1).sum(-1)
    assert torch.allclose(first, law.log_prob(given.mean[:, 0]) - trace / 2, atol=1e-9)


def objective(made: LinearRegimes, given: Moments, shares: Tensor, inputs: Tensor | None) -> Tensor:
    """What `learn` maximises: expected log density and priors, differentiable."""
    steps = []
    for k in range(made.regimes):
        a, noise = made.matrices[k], made.noise_cov[k]
        constant = made.weights[k, :, DIM]
        if inputs is not None:
            constant = constant + inputs[:, :-1] @ made.weights[k, :, DIM + 1 :].t()
        miss = given.mean[:, 1:] - given.mean[:, :-1] @ a.t() - constant
        crossed = given.lag @ a.t()
        spread = given.cov[:, 1:] + a @ given.cov[:, :-1] @ a.t()
        spread = spread - crossed - crossed.transpose(-1, -2)
        square = miss[..., :, None] * miss[..., None, :] + spread
        summed = (shares[..., k, None, None] * square).sum((0, 1))
        target = torch.zeros_like(made.weights[k])
        target[:, :DIM] = torch.eye(DIM)
        precision = torch.full_like(target[0], OFFSET_PRECISION)
        precision[:DIM] = MATRIX_PRECISION
        moved = made.weights[k] - target
        summed = summed + moved @ torch.diag(precision) @ moved.t()
        summed = summed + NOISE_STEPS * NOISE_VAR * torch.eye(DIM)
        n = shares[..., k].sum() + NOISE_STEPS
        steps.append(-(torch.linalg.solve(noise, summed).trace() + n * torch.logdet(noise)) / 2)
    return torch.stack(steps).sum()


@pytest.mark.parametrize("input_dim", [0, 2])
@pytest.mark.parametrize("number", [1, 2])
def test_learning_ends_where_the_slope_vanishes(number: int, input_dim: int) -> None:
    made, given, shares = regimes(number, input_dim), some_moments(40, 8), shares_of(number, 40, 8)
    inputs = normal(40, 8, input_dim, seed=8) if input_dim else None
    before = objective(made, given, shares, inputs).detach()
    made.learn(given.mean, given.cov, given.lag, shares, inputs)
    value = objective(made, given, shares, inputs)
    assert value > before
    slopes = torch.autograd.grad(value, [made.weights, made.noise_cov])
    assert max(float(slope.abs().max()) for slope in slopes) < 1e-8


def test_a_regime_that_never_holds_is_that_of_the_prior() -> None:
    made, given = regimes(2), some_moments()
    shares = torch.zeros(TRIALS, BINS - 1, 2, dtype=torch.float64)
    shares[..., 0] = 1.0
    made.learn(given.mean, given.cov, given.lag, shares, None)
    assert torch.allclose(made.matrices[1], torch.eye(DIM).double())
    assert not made.weights[1, :, DIM:].any()
    wanted = NOISE_VAR * torch.eye(DIM).double()
    assert torch.allclose(made.noise_cov[1], wanted)


def test_the_law_of_the_first_state_is_drawn_to_the_standard_normal_by_one_trial() -> None:
    made, mean, cov = regimes(1), normal(5, DIM, seed=3), positive(5, DIM, seed=4)
    made.learn_initial(mean, cov)
    n = 5 + INITIAL_TRIALS
    assert torch.allclose(made.initial_mean, mean.sum(0) / n)
    second = mean.t() @ mean + cov.sum(0) + INITIAL_TRIALS * torch.eye(DIM)
    centre = made.initial_mean
    assert torch.allclose(made.initial_cov, second / n - torch.outer(centre, centre))


def test_a_step_goes_where_its_regime_leads() -> None:
    """The mean without noise, the covariance from one draw along each axis."""
    made, x = regimes(2, 2), normal(4, DIM, seed=5)
    regime, u = torch.tensor([0, 1, 1, 0]), normal(4, 2, seed=6)
    mean = made.advanced(x, regime, u, torch.zeros_like(x))
    for n in range(4):
        weights = made.weights[regime[n]].detach()
        wanted = weights @ torch.cat([x[n], torch.ones(1).double(), u[n]])
        assert torch.allclose(mean[n], wanted, atol=1e-12)
    columns = [
        made.advanced(x[:1], regime[:1], u[:1], torch.eye(DIM).double()[None, k]) - mean[:1]
        for k in range(DIM)
    ]
    factor = torch.cat(columns).t()
    assert torch.allclose(factor @ factor.t(), made.noise_cov[0], atol=1e-12)
