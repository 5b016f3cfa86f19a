"""Marginals in motion where their law is known: a rotating Ornstein–Uhlenbeck process."""

import math
from functools import cache

import pytest
import torch
from torch import Tensor

from tests.inference.chains import normal
from undertow.inference import Flow, Marginal
from undertow.inference.marginals import own_turn, times_factor, turned_by

DECAY, TURN, SIGMA, OBS_STD = 0.8, 3.0, 0.6, 0.3
DIM, BINS, FINE, DURATION = 2, 12, 16, 2.5
NODES = (BINS - 1) * FINE + 1
SPAN = DURATION / (NODES - 1)
DRIFT = torch.tensor([[-DECAY, -TURN], [TURN, -DECAY]], dtype=torch.float64)
STD = torch.full((DIM,), SIGMA, dtype=torch.float64)
TIMES = torch.arange(NODES, dtype=torch.float64) * SPAN
SIGMAS = 4.5  # tolerance in standard errors


@cache
def process() -> tuple[Tensor, Tensor, Tensor]:
    """Covariance of the states at all nodes, (NODES · 2,) square, observations and their matrix.

    x₀ ~ N(0, I), dx = DRIFT x ds + SIGMA dW, y = x + OBS_STD e at every 16th node.
    """
    rest = SIGMA**2 / (2 * DECAY)
    apart = TIMES[:, None] - TIMES
    both = TIMES[:, None] + TIMES
    size = rest * (-DECAY * apart.abs()).exp() + (1 - rest) * (-DECAY * both).exp()
    cos, sin = (TURN * apart).cos(), (TURN * apart).sin()
    turned = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    cov = (size[..., None, None] * turned).transpose(1, 2).reshape(NODES * DIM, NODES * DIM)
    seen = torch.eye(NODES, dtype=torch.float64)[::FINE]
    readout = torch.kron(seen, torch.eye(DIM, dtype=torch.float64))
    states = torch.linalg.cholesky(cov + 1e-10 * torch.eye(len(cov))) @ normal(len(cov), seed=3)
    return cov, readout @ states + OBS_STD * normal(len(readout), seed=4), readout


def evidence() -> float:
    cov, observed, readout = process()
    noise_var = OBS_STD**2 * torch.eye(len(readout), dtype=torch.float64)
    law = torch.distributions.MultivariateNormal(
        torch.zeros_like(observed), readout @ cov @ readout.t() + noise_var
    )
    return float(law.log_prob(observed))


def exact_smoother() -> Marginal:
    """The posterior's marginals at all nodes: it is isotropic, and turns as the prior does."""
    cov, observed, readout = process()
    gram = readout @ cov @ readout.t() + OBS_STD**2 * torch.eye(len(readout))
    gain = torch.linalg.solve(gram, readout @ cov).t()
    mean, narrowed = gain @ observed, (cov - gain @ readout @ cov).diagonal()
    turn = torch.tensor([[0.0, -TURN], [TURN, 0.0]], dtype=torch.float64)
    return Marginal(
        mean.view(NODES, DIM), narrowed.view(NODES, DIM).sqrt(), turn.expand(NODES, DIM, DIM)
    )


def random_marginals(seed: int, full: bool) -> Marginal:
    """Laws about the exact ones, with other circulation, at the observations alone."""
    exact, size = exact_smoother(), 0.05 * (1 + seed)
    mean = exact.mean + size * normal(BINS, DIM, seed=seed).repeat_interleave(FINE, 0)[:NODES]
    factor = exact.factor * (size * normal(DIM, seed=seed + 1)).exp()
    if full:
        factor = torch.diag_embed(factor)
        factor[:, 1, 0] = size * normal(1, seed=seed + 2)
    return Marginal(mean, factor, exact.turn * (1 + size))


def nodes(law: Marginal, index: Tensor) -> Marginal:
    return Marginal(law.mean[index], law.factor[index], law.turn[index])


def bound(law: Marginal, draws: int = 40_000, seed: int = 0) -> tuple[float, float]:
    """The bound on sampled times, as training estimates it, and its standard error."""
    _, observed, _ = process()
    generator = torch.Generator().manual_seed(seed)
    before = torch.randint(NODES - 1, (draws,), generator=generator)
    share = torch.rand(draws, generator=generator, dtype=torch.float64)
    noise = normal(draws, DIM, seed=seed + 10)
    flow = Flow.between(
        nodes(law, before), nodes(law, before + 1), share, torch.full_like(share, SPAN)
    )
    apart = flow.drift(noise, STD) - flow.now.at(noise) @ DRIFT.t()
    price = DURATION * 0.5 * (apart / STD).square().sum(-1)
    bins = torch.randint(BINS, (draws,), generator=generator)
    states = nodes(law, bins * FINE).at(normal(draws, DIM, seed=seed + 11))
    error = (observed.view(BINS, DIM)[bins] - states) / OBS_STD
    log_prob = BINS * (-0.5 * error.square() - math.log(OBS_STD * (2 * math.pi) ** 0.5)).sum(-1)
    start = nodes(law, torch.tensor([0]))
    factor = start.factor if start.factor.ndim > 2 else torch.diag_embed(start.factor)
    spread = factor.square().sum() - DIM - 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum()
    kl = 0.5 * float(start.mean.square().sum() + spread)
    values = log_prob - price
    return float(values.mean()) - kl, float(values.std()) / draws**0.5


def test_with_the_exact_marginals_the_bound_is_the_evidence() -> None:
    """But for the straight lines: their error falls with the square of the nodes' distance."""
    found, error = bound(exact_smoother(), draws=200_000)
    assert error < 0.05
    assert found == pytest.approx(evidence(), abs=SIGMAS * error + 0.1)


@pytest.mark.parametrize("full", [False, True], ids=["variances", "covariances"])
@pytest.mark.parametrize("seed", range(3))
def test_with_any_others_it_is_below(seed: int, full: bool) -> None:
    found, error = bound(random_marginals(seed, full), seed=100 * seed)
    assert found < evidence() + SIGMAS * error
    assert found < evidence() - 0.1


def test_without_circulation_it_is_further_below() -> None:
    exact = exact_smoother()
    still = Marginal(exact.mean, exact.factor, torch.zeros_like(exact.turn))
    found, error = bound(still)
    assert found < evidence() - 1 - SIGMAS * error


# --- flows ------------------------------------------------------------------------------------


def test_a_process_at_rest_costs_nothing_with_the_turn_of_its_own() -> None:
    factor = torch.full((50, DIM), SIGMA / (2 * DECAY) ** 0.5, dtype=torch.float64)
    law = Marginal(torch.zeros_like(factor), factor, own_turn(DRIFT, factor, STD.expand(50, DIM)))
    flow = Flow.between(law, law, torch.full((50,), 0.3).double(), torch.full((50,), 0.1).double())
    noise = normal(50, DIM)
    assert torch.allclose(flow.drift(noise, STD), law.at(noise) @ DRIFT.t())


def price(turn: Tensor, factor: Tensor, std: Tensor, slope: Tensor) -> Tensor:
    """E |σ⁻¹ (L Z ε − ½ σ² L⁻¹ ε − J L ε)|² over ε."""
    scaled = torch.diag(factor) @ turn - torch.diag(0.5 * std**2 / factor) - slope * factor
    return (scaled / std[:, None]).square().sum()


@pytest.mark.parametrize("seed", range(3))
def test_no_other_turn_costs_less_for_a_linear_drift(seed: int) -> None:
    slope, factor, std = normal(4, 4, seed=seed), *(0.3 * normal(2, 4, seed=9).exp())
    best = own_turn(slope, factor, std)
    assert torch.allclose(best, -best.t())
    least = price(best, factor, std, slope)
    for k in range(5):
        other = 0.1 * normal(4, 4, seed=20 + k)
        assert price(best + other - other.t(), factor, std, slope) > least


@pytest.mark.parametrize("full", [False, True], ids=["variances", "covariances"])
def test_the_drift_keeps_the_marginals(full: bool) -> None:
    """dm/ds and d(LLᵀ)/ds under dx = ν ds + σ dW are those of the lines."""
    start, end = (
        nodes(random_marginals(seed, full), torch.tensor([5 * seed + 3])) for seed in (0, 1)
    )
    share, span = torch.tensor([0.4]).double(), torch.tensor([0.2]).double()
    flow = Flow.between(start, end, share, span)
    origin, basis = torch.zeros(1, DIM).double(), torch.eye(DIM).double()
    middle = flow.drift(origin, STD)
    # ν = middle + M ε: its columns, one for each coordinate of ε
    slope = torch.cat([flow.drift(unit[None], STD) - middle for unit in basis]).t()
    factor = torch.cat([times_factor(flow.now.factor, unit[None]) for unit in basis]).t()
    rate = torch.cat([times_factor(flow.factor_rate, unit[None]) for unit in basis]).t()
    widening = slope @ factor.t() + factor @ slope.t() + torch.diag(STD**2)
    assert torch.allclose(middle, (end.mean - start.mean) / 0.2)
    assert torch.allclose(widening, rate @ factor.t() + factor @ rate.t())


def test_a_rotation_is_one_whatever_the_step() -> None:
    turn = normal(5, 3, 3)
    turn = turn - turn.transpose(1, 2)
    for h in (0.01, 1.0, 30.0):
        rotation = turned_by(turn, torch.tensor(h).double())
        assert torch.allclose(rotation @ rotation.transpose(1, 2), torch.eye(3).double())
    small = turned_by(turn, torch.tensor(1e-3).double())
    assert torch.allclose(small, torch.linalg.matrix_exp(1e-3 * turn), atol=1e-8)
