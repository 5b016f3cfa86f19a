"""Quadrature rules against the moments of the standard normal law."""

from itertools import combinations_with_replacement
from math import prod

import pytest
import torch

from undertow.dynamics.sigma_points import sigma_points

MOMENTS = {0: 1.0, 2: 1.0, 4: 3.0}


def moment(powers: list[int]) -> float:
    return prod(MOMENTS.get(power, 0.0) for power in powers)


@pytest.mark.parametrize(("dim", "degree"), [(1, 5), (2, 5), (3, 5), (4, 5), (5, 3), (8, 3)])
def test_polynomials_up_to_its_degree_are_exact(dim: int, degree: int) -> None:
    points, weights = sigma_points(dim)
    for total in range(degree + 1):
        for chosen in combinations_with_replacement(range(dim), total):
            powers = [chosen.count(k) for k in range(dim)]
            found = (weights * points.pow(torch.tensor(powers)).prod(1)).sum()
            assert float(found) == pytest.approx(moment(powers), abs=1e-10), powers


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5, 16])
def test_weights_are_positive_and_sum_to_one(dim: int) -> None:
    points, weights = sigma_points(dim, torch.zeros(0))
    assert (weights > 0).all()
    assert float(weights.sum()) == pytest.approx(1, abs=1e-6)
    assert points.dtype == weights.dtype == torch.float32
    assert points.shape == (len(weights), dim)
