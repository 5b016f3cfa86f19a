"""Attention over neurons is a law over them; NT-Xent is its formula."""

import math

import numpy as np
import pytest
import torch

from undertow.models.ndt.neurons import NeuronAttention, nt_xent


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_nt_xent_is_its_formula(temperature: float) -> None:
    """−log of the share of exp(cosine / temperature) that the partner has among all others."""
    one, other = draw(4, 6), draw(4, 6, seed=1)
    views, total = np.concatenate([one.numpy(), other.numpy()]), 0.0
    for i in range(8):
        similar = []
        for j in range(8):
            cosine = views[i] @ views[j] / math.sqrt(views[i] @ views[i] * (views[j] @ views[j]))
            similar.append(math.exp(cosine / temperature))
        total -= math.log(similar[(i + 4) % 8] / sum(similar[j] for j in range(8) if j != i))
    assert float(nt_xent(one, other, temperature)) == pytest.approx(total / 8, rel=1e-12)


def test_nt_xent_is_low_where_views_agree_and_log_of_the_others_where_all_are_alike() -> None:
    one = torch.eye(5, dtype=torch.float64)
    assert float(nt_xent(one, one, 0.05)) < 1e-6
    alike = torch.ones(5, 3, dtype=torch.float64)
    assert float(nt_xent(alike, alike, 0.05)) == pytest.approx(math.log(9))
    assert float(nt_xent(one[:1], one[1:2], 0.05)) == 0  # a trial alone has no other to resemble


def test_weights_are_shares_of_neurons_and_follow_their_order() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        attention = NeuronAttention(5).double()
    counts, observed = draw(3, 7, 5).abs(), torch.ones(3, 7, dtype=torch.bool)
    time_s = torch.arange(7, dtype=torch.float64) * 0.02
    with torch.no_grad():
        weights = attention(counts, observed, time_s)
        order = torch.tensor([3, 0, 4, 1, 2])
        attention.identity.copy_(attention.identity[order])
        other = attention(counts[..., order], observed, time_s)
    assert (weights > 0).all()
    assert torch.allclose(weights.sum(-1), torch.ones(3, 5, dtype=torch.float64))
    assert torch.allclose(other, weights[:, order][:, :, order])


def test_it_starts_with_a_weight_of_about_a_half_on_the_neuron_itself() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        attention = NeuronAttention(40)
    silent = torch.zeros(1, 7, 40)
    with torch.no_grad():
        weights = attention(silent, torch.ones(1, 7, dtype=torch.bool), torch.arange(7) * 0.02)
    assert weights.diagonal(dim1=1, dim2=2).mean() == pytest.approx(0.5, abs=0.1)
