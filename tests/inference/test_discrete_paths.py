"""Hidden Markov chains against the sum over all their paths."""

from itertools import product

import pytest
import torch
from torch import Tensor

from tests.inference.markov_models import normal
from undertow.inference import infer_regimes

TRIALS, BINS, REGIMES = 2, 5, 3


def potentials(bins: int, shared: bool) -> tuple[Tensor, Tensor, Tensor]:
    moves = normal(1 if shared else TRIALS, bins - 1, REGIMES, REGIMES, seed=1)
    return normal(REGIMES, seed=2), moves, 2 * normal(TRIALS, bins, REGIMES, seed=3)


def enumerated(initial: Tensor, moves: Tensor, told: Tensor) -> dict[tuple[int, ...], Tensor]:
    """Log weight of each path of regimes, (trials,)."""
    bins, found = told.shape[1], {}
    for path in product(range(REGIMES), repeat=bins):
        weight = initial[path[0]] + told[:, 0, path[0]]
        for t in range(1, bins):
            weight = weight + moves[:, t - 1, path[t - 1], path[t]] + told[:, t, path[t]]
        found[path] = weight
    return found


@pytest.mark.parametrize("bins", [1, 2, BINS])
@pytest.mark.parametrize("shared", [True, False])
def test_the_law_is_that_of_all_paths(bins: int, shared: bool) -> None:
    given = potentials(bins, shared)
    paths = enumerated(*given)
    logs = torch.stack(list(paths.values()))
    law = infer_regimes(*given)
    total = torch.logsumexp(logs, 0)
    assert torch.allclose(law.log_normaliser, total, atol=1e-10)
    share = torch.zeros(TRIALS, bins, REGIMES, dtype=torch.float64)
    pair = torch.zeros(TRIALS, bins - 1, REGIMES, REGIMES, dtype=torch.float64)
    for path, weight in zip(paths, (logs - total).exp(), strict=True):
        for t, regime in enumerate(path):
            share[:, t, regime] += weight
            if t:
                pair[:, t - 1, path[t - 1], regime] += weight
    assert torch.allclose(law.share, share, atol=1e-12)
    assert torch.allclose(law.pair, pair, atol=1e-12)


def test_filtered_shares_know_no_later_bin() -> None:
    initial, moves, told = potentials(BINS, shared=False)
    law = infer_regimes(initial, moves, told)
    for t in range(BINS):
        cut = infer_regimes(initial, moves[:, :t], told[:, : t + 1])
        assert torch.allclose(law.filtered[:, t].exp(), cut.share[:, -1], atol=1e-12)


def test_drawn_paths_come_as_often_as_they_are_likely() -> None:
    """Frequencies of all paths of 3 bins among 20,000, within 5 standard errors."""
    n = 20_000
    initial, moves, told = potentials(3, shared=True)
    told = told[:1]
    law = infer_regimes(initial, moves, told.expand(n, -1, -1))
    uniform = torch.rand(n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn = law.sample(uniform)
    logs = {path: float(weight) for path, weight in enumerated(initial, moves, told).items()}
    total = float(infer_regimes(initial, moves, told).log_normaliser)
    for path, weight in logs.items():
        chance = float(torch.tensor(weight - total, dtype=torch.float64).exp())
        share = float((drawn == torch.tensor(path)).all(1).double().mean())
        assert abs(share - chance) < 5 * (chance * (1 - chance) / n) ** 0.5 + 1e-12


def test_long_chains_neither_over_nor_underflow() -> None:
    told = -1e4 + normal(1, 400, REGIMES, seed=5)
    law = infer_regimes(torch.zeros(REGIMES).double(), normal(1, 399, REGIMES, REGIMES), told)
    assert torch.isfinite(law.log_normaliser).all()
    assert torch.allclose(law.share.sum(-1), torch.ones(1, 400).double())
