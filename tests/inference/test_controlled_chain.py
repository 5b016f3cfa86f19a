"""One step at a time against all steps at once, and densities of steps against their laws."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from tests.inference.posteriors import (
    BINS,
    DIM,
    GRIDS,
    POSTERIORS,
    SEEN,
    SHARED,
    TRIALS,
    X0,
    build,
    each_posterior,
    input_at,
    inputs_of,
    noise_of,
    normal,
    run,
    step_size,
)
from undertow.dynamics import Dynamics, Kuramoto
from undertow.inference import ControlledChain, LookAhead, TimeGrid
from undertow.inference.look_ahead import learn_look_ahead

PARTICLES = 5
INSIDE = torch.arange(BINS - 1) < torch.tensor([[BINS - 1], [4], [1]])


def chain_of(name: str, grid: TimeGrid) -> tuple[ControlledChain, Dynamics]:
    dynamics, steering = build(name)
    chain = ControlledChain(dynamics, grid, inputs_of(dynamics), steering, SEEN, INSIDE)
    return chain, dynamics


@each_posterior
@GRIDS
@torch.no_grad()
def test_steps_one_at_a_time_are_those_of_a_path(name: str, grid: TimeGrid) -> None:
    chain, dynamics = chain_of(name, grid)
    path = run(dynamics, chain.steering, grid, inside=INSIDE)
    x, noise = X0[:, None].expand(-1, 2, -1), noise_of(dynamics)
    for k in range(len(chain)):
        x, log_ratio = chain.step(k, x, noise[:, None, k].expand(-1, 2, -1))
        for particle in range(2):
            torch.testing.assert_close(x[:, particle], path.states[:, k + 1])
            torch.testing.assert_close(log_ratio[:, particle], path.step_log_ratios[:, k])
    torch.testing.assert_close(path.step_log_ratios.sum(1), path.log_ratio)


def prior_law(dynamics: Dynamics, grid: TimeGrid, k: int, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and factor of the state after step k of each trial and particle."""
    u, h = input_at(dynamics, k), step_size(dynamics, grid, k)
    means, factors = [], []
    for particle in x.unbind(1):
        mean, std = dynamics.step(0.0, particle, h, u)
        factor = std if dynamics.correlated else torch.diag_embed(std.expand(TRIALS, DIM))
        means.append(mean)
        factors.append(factor.expand(TRIALS, DIM, DIM))
    return torch.stack(means, 1), torch.stack(factors, 1)


@pytest.mark.parametrize("name", [each for each in POSTERIORS if each.endswith("drift")])
@GRIDS
@torch.no_grad()
def test_the_density_of_a_step_is_that_of_its_gaussian(name: str, grid: TimeGrid) -> None:
    """Up to a constant of where it ends: all particles' differences from the first."""
    chain, dynamics = chain_of(name, grid)
    assert not chain.degenerate
    x, after = 50 + normal(TRIALS, PARTICLES, DIM), 50 + normal(TRIALS, 3, DIM, seed=1)
    found = chain.log_density(2, x, after)
    mean, factor = prior_law(dynamics, grid, 2, x)
    law = MultivariateNormal(mean[:, None], scale_tril=factor[:, None])
    expected = law.log_prob(after[:, :, None])
    torch.testing.assert_close(found - found[..., :1], expected - expected[..., :1])


@pytest.mark.parametrize("name", [each for each in POSTERIORS if each.endswith("drift")])
@GRIDS
@torch.no_grad()
def test_the_density_of_a_path_is_the_product_of_its_steps(name: str, grid: TimeGrid) -> None:
    chain, dynamics = chain_of(name, grid)
    states, expected = normal(TRIALS, PARTICLES, BINS, DIM), torch.zeros(TRIALS, PARTICLES)
    for k in range(len(chain)):
        mean, factor = prior_law(dynamics, grid, k, states[:, :, k])
        law = MultivariateNormal(mean, scale_tril=factor)
        expected = expected + law.log_prob(states[:, :, k + 1])
    free = 0.5 * len(chain) * DIM * math.log(2 * math.pi)
    torch.testing.assert_close(chain.path_log_density(states), expected + free)


@each_posterior
@GRIDS
@torch.no_grad()
def test_the_effect_of_noise_on_a_step_is_linear(name: str, grid: TimeGrid) -> None:
    chain, dynamics = chain_of(name, grid)
    free = replace(chain, steering=None)
    x = normal(TRIALS, 1, DIM)
    noise = normal(TRIALS, 1, dynamics.noise_dim, seed=2)
    mean, effect = free.next_law(1, x)
    torch.testing.assert_close(free.step(1, x, noise)[0], mean + noise @ effect.mT)


def test_a_look_ahead_of_particles_gives_proposals_with_their_densities() -> None:
    """The mean weight of a pushed step is one, and of its exponential value the closed form."""
    chain = chain_of("diagonal noise, control", SHARED)[0]
    states = normal(BINS, TRIALS, 400, DIM)
    with torch.no_grad():
        ahead: LookAhead = learn_look_ahead(chain, states, -states.square().sum(-1))
        push, n = ahead.pushes[3], 20_000
        mean, effect = chain.next_law(3, states[3, :, :1])
        noise, log_ratio = push.propose(mean.expand(-1, n, -1), normal(TRIALS, n, DIM, seed=7))
        value = push.constant + _quadratic(push, mean + noise @ effect.mT)
    weights = log_ratio.exp()
    error = weights.std(1) / n**0.5
    assert float(((weights.mean(1) - 1).abs() / error).max()) < 4.5
    # under the proposal, value and log ratio add up to the same for every noise
    torch.testing.assert_close(value + log_ratio, push.log_mean(mean).expand(-1, n))


def _quadratic(push: object, x: Tensor) -> Tensor:
    z = (x - push.middle) / push.scale  # type: ignore[attr-defined]
    slope, curvature = push.slope, push.curvature  # type: ignore[attr-defined]
    return (z * slope).sum(-1) + (z @ curvature * z).sum(-1)


def test_a_wide_state_looks_ahead_by_its_squares() -> None:
    dynamics = Kuramoto(20, timescale_s=0.1).double()
    chain = ControlledChain(dynamics, TimeGrid.over(torch.arange(4.0).double()[None] * 0.02))
    states = normal(4, 2, 100, 20)
    with torch.no_grad():
        ahead = learn_look_ahead(chain, states, -(states**2).sum(-1))
    assert ahead.weights.shape == (4, 2, 41, 1)
    # exp(−x²) after each entry: what lies nearer to zero is worth more
    assert bool((ahead(0, torch.zeros(2, 1, 20)) > ahead(0, 3 * torch.ones(2, 1, 20))).all())
