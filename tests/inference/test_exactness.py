"""Bounds, divergences and evidence where they are known: linear Gaussian chains."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from tests.inference.chains import (
    BINS,
    DIM,
    GRID,
    TIMESCALE_S,
    AffineSteering,
    Chain,
    RandomSteering,
    euler_process,
    exact_process,
    normal,
    run,
)
from undertow.dynamics import Dynamics, from_function
from undertow.inference import InitialLaw, TimeGrid, importance_weighted_bound, solve

PROCESSES = {"exact steps": exact_process(), "Euler steps": euler_process()}
H = GRID.steps_s[0, 0] / TIMESCALE_S
SIGMAS = 4.5  # tolerance in standard errors

each_process = pytest.mark.parametrize("dynamics", PROCESSES.values(), ids=PROCESSES.keys())


def standard_error(values: Tensor) -> float:
    return float(values.std()) / len(values) ** 0.5


def random_law(seed: int) -> InitialLaw:
    factor = 0.4 * normal(1, DIM, DIM, seed=seed).tril()
    return InitialLaw(normal(1, DIM, seed=seed + 1), factor + torch.eye(DIM, dtype=torch.float64))


# --- evidence ---------------------------------------------------------------------------------


@each_process
def test_the_evidence_is_the_same_bin_by_bin_and_as_one_gaussian(dynamics: Dynamics) -> None:
    chain = Chain.of(dynamics, H)
    observed = chain.sample(seed=3)
    assert chain.kalman_evidence(observed) == pytest.approx(
        chain.dense_evidence(observed), abs=1e-9
    )


@each_process
@pytest.mark.parametrize("seed", range(4))
def test_no_bound_exceeds_the_evidence(dynamics: Dynamics, seed: int) -> None:
    chain = Chain.of(dynamics, H)
    observed = chain.sample(seed=10 * seed)
    evidence = chain.kalman_evidence(observed)
    steering = RandomSteering(seed, size=0.3 * seed)
    paths = run(dynamics, observed, random_law(seed), steering, seed=seed)
    assert float(paths.elbo.mean()) < evidence + SIGMAS * standard_error(paths.elbo)
    assert float(paths.log_weights.mean()) == pytest.approx(
        float(paths.elbo.mean()), abs=SIGMAS * standard_error(paths.log_weights - paths.elbo)
    )


@each_process
def test_the_best_control_meets_the_evidence(dynamics: Dynamics) -> None:
    chain = Chain.of(dynamics, H)
    observed = chain.sample(seed=5)
    evidence = chain.kalman_evidence(observed)
    control, law, gap = chain.best_posterior(observed, H)
    paths = run(dynamics, observed, law, AffineSteering(), control)
    bound, error = float(paths.elbo.mean()), standard_error(paths.elbo)
    assert evidence - 0.5 < bound < evidence
    assert evidence - bound == pytest.approx(gap, abs=SIGMAS * error)
    worse = run(dynamics, observed, InitialLaw(law.mean, law.diagonal), AffineSteering(), control)
    assert float(worse.elbo.mean()) < bound


@each_process
def test_weights_of_paths_average_to_the_evidence(dynamics: Dynamics) -> None:
    """The mean of p(y, x) / q(x) under q is p(y), whatever q."""
    chain = Chain.of(dynamics, H)
    observed = chain.sample(seed=5)
    control, law, _ = chain.best_posterior(observed, H)
    wider = InitialLaw(law.mean + 0.2, 1.3 * law.factor)
    paths = run(dynamics, observed, wider, AffineSteering(), 0.7 * control, paths=20_000)
    ratio = (paths.log_weights - chain.kalman_evidence(observed)).exp()
    assert standard_error(ratio) < 0.1
    assert float(ratio.mean()) == pytest.approx(1.0, abs=SIGMAS * standard_error(ratio))


@each_process
def test_the_importance_weighted_bound_rises_to_the_evidence(dynamics: Dynamics) -> None:
    chain = Chain.of(dynamics, H)
    observed = chain.sample(seed=5)
    evidence = chain.kalman_evidence(observed)
    control, law, _ = chain.best_posterior(observed, H)
    wider = InitialLaw(law.mean + 0.2, 1.3 * law.factor)
    weights = run(
        dynamics, observed, wider, AffineSteering(), 0.7 * control, paths=30_000
    ).log_weights
    gaps, errors = [], []
    for n_paths in (1, 10, 100, 1000):
        bounds = importance_weighted_bound(weights.view(n_paths, -1))
        gaps.append(evidence - float(bounds.mean()))
        errors.append(standard_error(bounds))
    assert all(gap > -SIGMAS * error for gap, error in zip(gaps, errors, strict=True))
    assert all(later < gap for gap, later in pairwise(gaps))
    assert gaps[0] > 1.0
    assert gaps[-1] < 0.1


# --- divergence of one process from another ---------------------------------------------------


def towards(decay: Tensor, offset: Tensor, chain: Chain, h: Tensor) -> Tensor:
    """[G, d] of the control under which `chain` moves as x' = decay x + offset + noise of its
    own."""
    unit = torch.linalg.inv(chain.factor) / h.sqrt()
    return torch.cat([unit @ (decay - chain.decay), (unit @ (offset - chain.offset))[:, None]], 1)


@each_process
def test_the_divergence_of_two_processes_has_its_closed_form(dynamics: Dynamics) -> None:
    prior = Chain.of(dynamics, H)
    posterior = Chain(0.9 * prior.decay, prior.offset + 0.05, prior.factor)
    control = towards(posterior.decay, posterior.offset, prior, H)
    mean, cov, expected = torch.zeros(DIM).double(), torch.eye(DIM).double(), 0.0
    for _ in range(BINS - 1):  # E ½ h |G x + d|²
        push, gain = control[:, :-1] @ mean + control[:, -1], control[:, :-1]
        expected += 0.5 * float(H * (push.square().sum() + (gain @ cov @ gain.t()).trace()))
        mean = posterior.decay @ mean + posterior.offset
        cov = posterior.decay @ cov @ posterior.decay.t() + prior.noise_var
    dense = kl_divergence(
        MultivariateNormal(*posterior.dense_law()), MultivariateNormal(*prior.dense_law())
    )
    assert expected == pytest.approx(float(dense), rel=1e-8)
    paths = 5000
    solved = solve(
        dynamics,
        normal(paths, DIM),
        normal(paths, BINS - 1, DIM, seed=1),
        GRID,
        steering=AffineSteering(),
        context=control.flatten().expand(paths, BINS - 1, -1),
    )
    kl = solved.kl_path.sum(1).detach()
    assert float(kl.mean()) == pytest.approx(expected, abs=SIGMAS * standard_error(kl))
    assert expected > 10 * standard_error(kl)


def test_in_short_steps_it_becomes_that_of_the_continuous_processes() -> None:
    """Rates a and b, same noise: (a − b)² / 4b per unit of time while the posterior is at rest."""
    a, b, n_steps, duration = 1.0, 3.0, 400, 2.0
    dynamics = from_function(
        lambda x, u, rate: -rate * x,
        1,
        diffusion=lambda x, u: torch.ones_like(x),
        parameters={"rate": a},
    ).double()
    grid = TimeGrid.over(torch.linspace(0, duration, n_steps + 1).double()[None])
    paths = 4000
    with torch.no_grad():
        solved = solve(
            dynamics,
            (2 * b) ** -0.5 * normal(paths, 1),
            normal(paths, n_steps, 1, seed=1),
            grid,
            steering=AffineSteering(),
            context=torch.tensor([a - b, 0.0]).double().expand(paths, n_steps, -1),
        )
    kl = solved.kl_path[:, 0]
    expected = duration * (a - b) ** 2 / (4 * b)
    bias = b * duration / n_steps  # of the Euler steps' variance at rest, relative
    assert float(kl.mean()) == pytest.approx(expected, rel=bias, abs=SIGMAS * standard_error(kl))
