"""Bounds from weights of paths."""

import math

import pytest
import torch

from undertow.inference import evidence_bound, importance_weighted_bound

WEIGHTS = torch.randn(64, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_the_bound_of_one_path_is_likelihood_less_divergences() -> None:
    likelihood, initial, path = (
        torch.tensor([-3.0, -1.0]),
        torch.tensor([0.5, 0.0]),
        torch.tensor([1.0, 2.0]),
    )
    assert evidence_bound(likelihood, initial, path).tolist() == [-4.5, -3.0]


def test_one_path_bounds_by_its_weight_and_more_by_the_log_of_their_mean() -> None:
    assert torch.equal(importance_weighted_bound(WEIGHTS[:1]), WEIGHTS[0])
    assert torch.allclose(
        importance_weighted_bound(WEIGHTS), WEIGHTS.exp().mean(0).log(), atol=1e-12
    )
    assert (importance_weighted_bound(WEIGHTS) > WEIGHTS.mean(0)).all()


def test_equal_weights_are_the_bound_however_small() -> None:
    bound = importance_weighted_bound(torch.full((1000, 1), -1e5, dtype=torch.float64))
    assert float(bound) == pytest.approx(-1e5, abs=1e-9)


def test_it_is_at_most_the_largest_weight_and_not_far_below() -> None:
    bound, largest = importance_weighted_bound(WEIGHTS), WEIGHTS.max(0).values
    assert (bound <= largest).all()
    assert (bound >= largest - math.log(len(WEIGHTS))).all()
