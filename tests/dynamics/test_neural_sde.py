"""The neural SDE: its network by hand, its size, its input."""

import numpy as np
import pytest
import torch

from tests.dynamics.variants import normal
from undertow.dynamics import NeuralSDE
from undertow.errors import ModelError


def test_drift_by_hand() -> None:
    dynamics = NeuralSDE(3, input_dim=2, hidden_dim=5).double()
    x, u = normal(4, 3), normal(4, 2, seed=1)
    value = torch.cat([x, u], -1).numpy()
    weights = [p.detach().numpy() for p in dynamics.network.parameters()]
    for k in (0, 2):
        value = np.tanh(value @ weights[k].T + weights[k + 1])
    expected = value @ weights[4].T + weights[5]
    np.testing.assert_allclose(dynamics.drift(0.0, x, u).detach().numpy(), expected, rtol=1e-12)


def test_the_published_size() -> None:
    learned = sum(p.numel() for p in NeuralSDE(16).parameters() if p.requires_grad)
    assert learned == (16 + 1) * 64 + (64 + 1) * 64 + (64 + 1) * 16 + 16


def test_a_wrong_width_is_refused() -> None:
    with pytest.raises(ModelError, match="hidden_dim is 0: it must be a whole number, at least 1"):
        NeuralSDE(4, hidden_dim=0)
