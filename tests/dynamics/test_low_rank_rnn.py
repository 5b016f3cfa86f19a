"""The low-rank network: by hand, its rank, its relaxation."""

import math

import numpy as np
import pytest
import torch

from tests.dynamics.fixtures import chosen, path_of
from tests.dynamics.variants import normal
from undertow.dynamics import LowRankRNN
from undertow.errors import ModelError


def test_drift_by_hand() -> None:
    dynamics = LowRankRNN(5, input_dim=2, rank=2).double()
    x, u = normal(5).numpy(), normal(2, seed=1).numpy()
    left, right = dynamics.left.detach().numpy(), dynamics.right.detach().numpy()
    current = left @ (right.T @ np.tanh(x)) + dynamics.input_map.weight.detach().numpy() @ u
    found = dynamics.drift(0.0, torch.from_numpy(x)[None], torch.from_numpy(u)[None])[0]
    np.testing.assert_allclose(found.detach().numpy(), 4.0 * (current - x), rtol=1e-6)


@pytest.mark.parametrize("rank", [1, 3])
def test_the_connectivity_has_its_rank(rank: int) -> None:
    assert int(torch.linalg.matrix_rank(LowRankRNN(8, rank=rank).double().connectivity())) == rank


def test_without_connections_it_relaxes_exactly_to_its_offset() -> None:
    dynamics = chosen(LowRankRNN(3, noise=False, timescale_s=1.0), left=0.0, offset=normal(3))
    x = normal(3, seed=1)
    expected = normal(3) + (x - normal(3)) * math.exp(-4.0 * 0.9)
    assert torch.allclose(path_of(dynamics, x, 3, 0.3)[-1], expected, atol=1e-7)


def test_rank_one_has_the_fixed_point_of_its_scalar_equation() -> None:
    """With m = n = ones and N units, x = N tanh(x) for every unit."""
    dynamics = chosen(LowRankRNN(4, rank=1, noise=False, timescale_s=1.0), left=1.0, right=1.0)
    end = path_of(dynamics, torch.full((4,), 0.1).double(), 100, 0.2)[-1]
    assert torch.allclose(end, 4 * torch.tanh(end), atol=1e-9)
    assert (end > 3.9).all()


@pytest.mark.parametrize(
    ("rank", "message"),
    [
        (0, "rank is 0: it must be a whole number, at least 1"),
        (5, "rank is 5: 4 units have a connectivity of rank 4"),
    ],
)
def test_a_wrong_rank_is_refused(rank: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        LowRankRNN(4, rank=rank)
