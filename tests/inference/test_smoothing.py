"""Particles against closed forms: Kalman smoothing, quadrature on a grid, counting."""

import math
from functools import cache

import pytest
import torch
from torch import Tensor

from tests.inference.chains import (
    BINS,
    DIM,
    GRID,
    OBS_STD,
    READOUT,
    TIMESCALE_S,
    AffineSteering,
    Chain,
    euler_process,
    exact_process,
    normal,
)
from undertow.dynamics import Dynamics, SecondOrderOscillators, from_function
from undertow.inference import (
    InitialLaw,
    PathLaw,
    SmoothedPaths,
    Steering,
    TimeGrid,
    effective_number,
    run_particles,
    sample_backwards,
    smooth,
    systematic,
)

PROCESSES = {"exact steps": exact_process(), "Euler steps": euler_process()}
H = GRID.steps_s[0, 0] / TIMESCALE_S
TRIALS, PARTICLES, SAMPLES = 40, 150, 100
SIGMAS = 4.5  # tolerance in standard errors
PROPOSALS = pytest.mark.parametrize("proposal", ["prior", "part of the control"])
each_process = pytest.mark.parametrize("kind", PROCESSES)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear_likelihood(observed: Tensor) -> object:
    def log_likelihood(k: int, x: Tensor) -> Tensor:
        error = (observed[k] - x @ READOUT.t()) / OBS_STD
        return (-0.5 * error.square() - math.log(OBS_STD * math.sqrt(2 * math.pi))).sum(-1)

    return log_likelihood


def kalman(chain: Chain, observed: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the whole path given the observations, as one Gaussian."""
    mean, cov = chain.dense_law()
    readout = torch.block_diag(*[READOUT] * BINS)
    seen_var = readout @ cov @ readout.t() + OBS_STD**2 * torch.eye(BINS * DIM).double()
    gain = cov @ readout.t() @ torch.linalg.inv(seen_var)
    return mean + gain @ (observed.flatten() - readout @ mean), cov - gain @ readout @ cov


def law_of(proposal: str, chain: Chain, observed: Tensor) -> PathLaw:
    """The same trial many times, under a posterior that is not the best one."""
    steering: Steering | None = None
    context, law = None, InitialLaw.standard_normal(1, DIM, observed)
    if proposal != "prior":
        control, best, _ = chain.best_posterior(observed, H)
        steering, context = AffineSteering(), (0.7 * control).flatten(1)[None]
        law = InitialLaw(best.mean + 0.2, 1.3 * best.factor)
    return PathLaw(law, GRID, None, steering, context).repeated(TRIALS)


@cache
def smoothed(kind: str, proposal: str, pilots: int) -> tuple[SmoothedPaths, Chain, Tensor]:
    dynamics = PROCESSES[kind]
    chain = Chain.of(dynamics, H)
    observed = chain.sample(seed=5)
    law = law_of(proposal, chain, observed)
    found = smooth(
        law.chain(dynamics),
        law.initial,
        linear_likelihood(observed),  # type: ignore[arg-type]
        PARTICLES,
        SAMPLES,
        generator(),
        pilots,
    )
    return found, chain, observed


@each_process
@PROPOSALS
def test_paths_have_the_moments_of_kalman_smoothing(kind: str, proposal: str) -> None:
    """Means, variances and covariances of neighbours, from 40 independent runs of 100 paths."""
    found, chain, observed = smoothed(kind, proposal, 2)
    mean, cov = kalman(chain, observed)
    paths = found.states.flatten(2)
    by_run = paths.mean(1) - mean
    error = by_run.std(0) / TRIALS**0.5
    assert float((by_run.mean(0).abs() / error).max()) < SIGMAS
    apart = paths - mean
    for lag in (0, 1, DIM, DIM + 1):  # of one bin and of the next, each with either coordinate
        products = (apart[..., lag:] * apart[..., : BINS * DIM - lag]).mean(1)
        off = products - cov.diagonal(lag)
        assert float((off.mean(0).abs() / (off.std(0) / TRIALS**0.5)).max()) < SIGMAS
    assert float(found.effective.min()) > PARTICLES / 3


@each_process
@PROPOSALS
def test_the_evidence_is_that_of_the_kalman_filter(kind: str, proposal: str) -> None:
    found, chain, observed = smoothed(kind, proposal, 2)
    off = found.log_evidence - chain.kalman_evidence(observed)
    assert float(off.abs().max()) < 0.02  # a quadratic look-ahead is exact here


def test_the_evidence_is_unbiased_without_a_look_ahead() -> None:
    found, chain, observed = smoothed("Euler steps", "part of the control", 0)
    ratio = (found.log_evidence - chain.kalman_evidence(observed)).exp()
    error = float(ratio.std()) / TRIALS**0.5
    assert 0.01 < error < 0.1
    assert float(ratio.mean()) == pytest.approx(1.0, abs=SIGMAS * error)


def test_the_same_generator_gives_the_same_paths() -> None:
    again = smoothed.__wrapped__("Euler steps", "prior", 2)[0]
    found = smoothed("Euler steps", "prior", 2)[0]
    assert torch.equal(found.states, again.states)
    assert torch.equal(found.log_evidence, again.log_evidence)


# --- a nonlinear chain ------------------------------------------------------------------------

WELL_BINS, WELL_BIN_S = 12, 0.2
WELL_GRID = TimeGrid.over(torch.arange(WELL_BINS, dtype=torch.float64)[None] * WELL_BIN_S)
COUNTS = torch.tensor([0, 1, 0, 0, 2, 1, 0, 3, 0, 1, 6, 3])
POINTS = torch.linspace(-4, 4, 801, dtype=torch.float64)


def double_well() -> Dynamics:
    """Two wells and noise that depends on the state, seen through Poisson counts of rate e^x."""
    return from_function(
        lambda x, u: 3 * torch.tanh(2 * x) - 2 * x,
        1,
        diffusion=lambda x, u: 0.6 + 0.2 * torch.tanh(x),
        timescale_s=1.0,
    ).double()


def count_likelihood(k: int, x: Tensor) -> Tensor:
    # not every bin is observed
    read = COUNTS[k] * x - x.exp() - math.lgamma(1 + float(COUNTS[k]))
    return read[..., 0] if k % 3 else torch.zeros_like(read[..., 0])


def quadrature() -> tuple[Tensor, Tensor, float]:
    """Mean and variance of each bin given all counts, and the log evidence, on a grid."""
    dynamics, h = double_well(), torch.tensor(WELL_BIN_S, dtype=torch.float64)
    with torch.no_grad():
        mean, std = dynamics.step(0.0, POINTS[:, None], h)
    std = std.expand_as(mean)
    step = torch.exp(-0.5 * ((POINTS - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi))
    width = POINTS[1] - POINTS[0]
    likelihood = [count_likelihood(k, POINTS[:, None]).exp() for k in range(WELL_BINS)]
    forward = [torch.exp(-0.5 * POINTS**2) / math.sqrt(2 * math.pi)]
    for k in range(WELL_BINS - 1):
        forward.append(width * (forward[-1] * likelihood[k]) @ step)
    backward = [torch.ones_like(POINTS)]
    for k in range(WELL_BINS - 1, 0, -1):
        backward.append(width * step @ (backward[-1] * likelihood[k]))
    joint = torch.stack(forward) * torch.stack(likelihood) * torch.stack(backward[::-1])
    evidence = joint.sum(1) * width
    density = joint / joint.sum(1, keepdim=True)
    means = density @ POINTS
    return means, density @ POINTS**2 - means**2, float(evidence[0].log())


@pytest.mark.parametrize("pilots", [0, 2])
def test_a_nonlinear_chain_is_smoothed_as_by_quadrature(pilots: int) -> None:
    means, variances, evidence = quadrature()
    law = PathLaw(InitialLaw.standard_normal(60, 1, POINTS), WELL_GRID)
    found = smooth(
        law.chain(double_well()), law.initial, count_likelihood, 200, 100, generator(3), pilots
    )
    ratio = (found.log_evidence - evidence).exp()
    assert float(ratio.mean()) == pytest.approx(
        1.0, abs=SIGMAS * float(ratio.std()) / len(ratio) ** 0.5
    )
    off = found.states[..., 0].mean(1) - means
    assert float((off.mean(0).abs() / (off.std(0) / len(off) ** 0.5)).max()) < SIGMAS
    square = (found.states[..., 0] - means).square().mean(1) - variances
    assert float((square.mean(0).abs() / (square.std(0) / len(off) ** 0.5)).max()) < SIGMAS


# --- parts ------------------------------------------------------------------------------------


def test_resampling_is_unbiased_and_even() -> None:
    """Each particle as often as its share says on average, and within one of it every time."""
    log_weights = 2 * normal(1, 20).expand(4000, -1)
    start = torch.rand(4000, 1, dtype=torch.float64, generator=generator())
    index = systematic(log_weights, start)
    counts = torch.zeros(4000, 20).scatter_add_(1, index, torch.ones(4000, 20))
    wanted = 20 * log_weights[0].softmax(-1)
    assert float((counts - wanted).abs().max()) < 1 + 1e-6
    # a count is one of two neighbours: its deviation is at most a half
    assert float((counts.mean(0) - wanted).abs().max()) < SIGMAS * 0.5 / 4000**0.5


def test_the_effective_number_counts_equal_weights() -> None:
    log_weights = torch.tensor([[0.0, 0.0, -math.inf, -math.inf], [3.0, 3.0, 3.0, 3.0]])
    assert effective_number(log_weights).tolist() == pytest.approx([2.0, 4.0])


def test_without_noise_in_all_coordinates_paths_are_lines_of_ancestors() -> None:
    dynamics = SecondOrderOscillators(4, timescale_s=0.3).double()
    law = PathLaw(InitialLaw.standard_normal(3, 4, POINTS), GRID)
    chain = law.chain(dynamics)
    assert chain.degenerate
    seen = lambda k, x: -0.5 * (x[..., 0] - 1.0).square()  # noqa: E731
    run = run_particles(chain, law.initial, seen, 50, generator())
    paths, effective = sample_backwards(chain, run, 20, generator(1))
    last = run.states[-1]
    for trial in range(3):
        end = paths[trial, :, -1]
        index = (end[:, None] == last[trial][None]).all(-1).float().argmax(-1)
        for k in range(len(chain) - 1, -1, -1):
            index = run.ancestors[k][trial, index]
            assert torch.equal(paths[trial, :, k], run.states[k][trial, index])
    # lines of ancestors only ever meet, going back
    assert bool((effective.diff(dim=1) > -1e-6).all())
    assert float(effective[:, 0].max()) < 0.9 * float(effective[:, -1].min())
