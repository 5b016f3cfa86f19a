"""Quadrature: points and weights whose sums are expectations under a standard normal law."""

from itertools import combinations, product

import numpy as np
import torch
from torch import Tensor

from undertow.dynamics.limits import width

HERMITE_DIM, HERMITE_NODES = 3, 3
FIFTH_DEGREE_DIM = 4


def sigma_points(dim: int, like: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Points (points, dim) and positive weights (points,) of a rule for N(0, I).

    Up to three dimensions three Gauss–Hermite nodes in each, exact for polynomials of degree 5 in
    every coordinate; in four the rule of degree 5 on the axes and the diagonals between them, whose
    weights are all positive there; above, the 2 · dim points at √dim on the axes, of degree 3
    (Stroud 1971). Weights are never negative, so that second moments stay covariances.

    Args:
        dim: dimension of the law.
        like: a tensor whose dtype and device the rule is made in; float64 on the CPU by default.
    """
    dim = width("dim", dim)
    if dim <= HERMITE_DIM:
        points, weights = _hermite(dim)
    elif dim == FIFTH_DEGREE_DIM:
        points, weights = _fifth_degree(dim)
    else:
        points = np.sqrt(dim) * np.concatenate([np.eye(dim), -np.eye(dim)])
        weights = np.full(2 * dim, 0.5 / dim)
    kind = torch.zeros(0, dtype=torch.float64) if like is None else like
    return kind.new_tensor(points), kind.new_tensor(weights)


def _hermite(dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Product of one-dimensional Gauss–Hermite rules."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(HERMITE_NODES)
    weights = weights / weights.sum()
    grid = np.array(list(product(nodes, repeat=dim)))
    return grid, np.prod(np.array(list(product(weights, repeat=dim))), axis=1)


def _fifth_degree(dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Centre, ±√(n + 2) on the axes and ±√((n + 2) / 2) on the diagonals of all planes."""
    axes = np.sqrt(dim + 2) * np.concatenate([np.eye(dim), -np.eye(dim)])
    diagonals = [
        a * np.eye(dim)[i] + b * np.eye(dim)[j]
        for i, j in combinations(range(dim), 2)
        for a, b in product((1, -1), repeat=2)
    ]
    points = np.concatenate(
        [np.zeros((1, dim)), axes, np.sqrt((dim + 2) / 2) * np.array(diagonals)]
    )
    shares = (2 / (dim + 2), (4 - dim) / (2 * (dim + 2) ** 2), 1 / (dim + 2) ** 2)
    weights = np.repeat(shares, [1, len(axes), len(diagonals)])
    kept = weights > 0  # in four dimensions the axes have none
    return points[kept], weights[kept]
