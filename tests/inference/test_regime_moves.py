"""Which regime follows which: the bound of its logarithm, and the best law given pairs."""

import pytest
import torch
from torch import Tensor

from tests.inference.markov_models import normal
from undertow.inference import RegimeMoves
from undertow.inference.regime_moves import SLOPE_PRECISION, SPREAD, STICKY

DIM, REGIMES, STEPS = 2, 3, 600


def moves(recurrent: bool = True) -> RegimeMoves:
    made = RegimeMoves(DIM, REGIMES, recurrent).double()
    with torch.no_grad():
        made.logits.copy_(normal(REGIMES, REGIMES, seed=1))
        if recurrent:
            made.slopes.copy_(normal(REGIMES, DIM, seed=2))
    return made


def states(n: int) -> tuple[Tensor, Tensor]:
    root = 0.4 * normal(n, DIM, DIM, seed=4)
    return normal(n, DIM, seed=3), root @ root.transpose(-1, -2)


def test_a_regime_starts_sticky_and_knows_nothing_of_the_state() -> None:
    made = RegimeMoves(DIM, REGIMES, True).double()
    law = made.probabilities(torch.tensor([0, 1]), normal(2, DIM))
    assert torch.allclose(law.sum(1), torch.ones(2).double())
    assert torch.allclose(law[:, 0], torch.tensor([0.9 + 0.1 / 3, 0.1 / 3]).double(), atol=1e-6)
    assert torch.allclose(made.initial.exp(), torch.full((3,), 1 / 3).double(), atol=1e-6)


def test_the_bound_lies_below_the_mean_of_many_draws_and_near_it() -> None:
    """Within 5 standard errors of 40,000 draws; exact where the state is known."""
    made, (mean, cov), n = moves(), states(4), 40_000
    noise = normal(n, 4, DIM, 1, seed=5)
    x = mean + (torch.linalg.cholesky(cov + 1e-9 * torch.eye(DIM).double()) @ noise)[..., 0]
    bound = made.expected_logs(mean, cov).detach()
    for k in range(REGIMES):
        logs = made.probabilities(torch.full((n * 4,), k), x.flatten(0, 1)).log()
        logs = logs.unflatten(0, (n, 4))
        error = logs.std(0) / n**0.5
        assert (bound[:, k] < logs.mean(0) + 5 * error).all()
        assert (bound[:, k] > logs.mean(0) - 0.5).all()
    known = made.expected_logs(mean, torch.zeros_like(cov))
    exact = made.probabilities(torch.zeros(4, dtype=torch.long), mean).log()
    assert torch.allclose(known[:, 0], exact, atol=1e-12)


def test_without_a_say_of_the_state_the_expectation_is_exact_and_its_best_are_counts() -> None:
    made, (mean, cov) = moves(recurrent=False), states(STEPS)
    law = torch.log_softmax(made.logits, -1)
    assert torch.allclose(made.expected_logs(mean, cov), law.expand(STEPS, -1, -1))
    pair = torch.rand(STEPS, REGIMES, REGIMES, generator=torch.Generator().manual_seed(0)).double()
    first = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]).double()
    made.learn(mean, cov, pair, first)
    counts = pair.sum(0) + SPREAD + STICKY * torch.eye(REGIMES).double()
    assert torch.allclose(made.logits.exp(), counts / counts.sum(1, keepdim=True))
    assert torch.allclose(made.initial.exp(), torch.tensor([2.0, 1.0, 0.5]).double() / 3.5)
    assert not made.slopes.any()


def objective(made: RegimeMoves, mean: Tensor, cov: Tensor, pair: Tensor) -> Tensor:
    """What `learn` climbs: expectation and priors."""
    added = SPREAD + STICKY * torch.eye(REGIMES).double()
    told = (pair * made.expected_logs(mean, cov)).sum()
    prior = (added * torch.log_softmax(made.logits, -1)).sum()
    return told + prior - SLOPE_PRECISION * made.slopes.square().sum() / 2


def drawn_pairs(true: RegimeMoves, mean: Tensor) -> Tensor:
    """Pairs of regimes that the law makes at known states, (steps, regimes, regimes)."""
    generator = torch.Generator().manual_seed(7)
    before = torch.randint(REGIMES, (len(mean),), generator=generator)
    after = torch.multinomial(true.probabilities(before, mean), 1, generator=generator)[:, 0]
    pair = torch.zeros(len(mean), REGIMES, REGIMES, dtype=torch.float64)
    pair[torch.arange(len(mean)), before, after] = 1.0
    return pair


@pytest.mark.parametrize("uncertain", [True, False])
def test_learning_never_falls_and_ends_where_the_slope_vanishes(uncertain: bool) -> None:
    true, (mean, cov) = moves(), states(STEPS)
    cov = cov if uncertain else torch.zeros_like(cov)
    pair, first = drawn_pairs(true, mean), torch.ones(1, REGIMES).double() / REGIMES
    made = RegimeMoves(DIM, REGIMES, True).double()
    values = []
    for _ in range(40):
        values.append(objective(made, mean, cov, pair).detach())
        made.learn(mean, cov, pair, first)
    assert (torch.stack(values).diff() >= -1e-9 * values[0].abs()).all()
    slopes = torch.autograd.grad(objective(made, mean, cov, pair), [made.logits, made.slopes])
    assert max(float(slope.abs().max()) for slope in slopes) < 1e-3


def test_a_planted_say_of_the_state_is_found() -> None:
    """Probabilities near those planted: 4 · 3,000 draws leave errors of a few hundredths."""
    true, mean = moves(), normal(12_000, DIM, seed=8)
    pair, none = drawn_pairs(true, mean), torch.zeros(12_000, DIM, DIM).double()
    made = RegimeMoves(DIM, REGIMES, True).double()
    for _ in range(10):
        made.learn(mean, none, pair, torch.ones(1, REGIMES).double() / REGIMES)
    at = normal(200, DIM, seed=9)
    for k in range(REGIMES):
        regime = torch.full((200,), k)
        miss = made.probabilities(regime, at) - true.probabilities(regime, at)
        assert miss.abs().max() < 0.1
        assert miss.square().mean().sqrt() < 0.03
