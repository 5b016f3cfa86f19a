"""Wilson–Cowan columns: by hand, bounded, and oscillating at the start."""

import math

import pytest
import torch

from tests.dynamics.fixtures import chosen, path_of, rolled, vector
from tests.dynamics.variants import normal
from undertow.dynamics import WilsonCowan
from undertow.errors import ModelError


def sigmoid(y: float) -> float:
    return 1 / (1 + math.exp(-y))


def test_drift_by_hand() -> None:
    weights = torch.tensor([[6.0, 7.0], [5.0, 4.0], [3.0, 2.0], [1.0, 0.5]])
    dynamics = chosen(
        WilsonCowan(4, input_dim=1),
        log_weights=weights.log(),
        log_rate=vector(2.0, 3.0, 4.0, 5.0).log(),
        current=vector(0.1, 0.2, -0.3, -0.4),
        coupling__constant=torch.tensor([[9.0, 0.3], [-0.2, 9.0]]),
        input_map__weight=vector(1.0, -2.0, 0.5, 0.0)[:, None],
    )
    e, f, i, j, u = 0.2, 0.6, 0.3, 0.1, 0.4
    expected = [
        2 * (sigmoid(6 * e - 5 * i + 0.3 * f + 0.1 + u) - e),
        3 * (sigmoid(7 * f - 4 * j - 0.2 * e + 0.2 - 2 * u) - f),
        4 * (sigmoid(3 * e - 1 * i - 0.3 + 0.5 * u) - i),
        5 * (sigmoid(2 * f - 0.5 * j - 0.4) - j),
    ]
    found = dynamics.drift(0.0, vector(e, f, i, j)[None], vector(u)[None])[0]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


def test_a_column_oscillates_at_the_start() -> None:
    dynamics = WilsonCowan(2, noise=False, integrator="rk4", timescale_s=1.0).double()
    e = path_of(dynamics, vector(0.2, 0.1), 2000, 0.005)[1000:, 0]
    crossings = torch.nonzero((e[:-1] < e.mean()) & (e[1:] >= e.mean())).flatten()
    assert len(crossings) >= 5
    for half in e.chunk(2):
        assert half.max() - half.min() > 0.1


def test_rates_stay_between_zero_and_one_without_noise() -> None:
    dynamics = WilsonCowan(16, noise=False).double()
    x0 = torch.sigmoid(3 * normal(16, 16))
    path = rolled(dynamics, x0, torch.zeros(16, 30, 1, 0).double(), 0.7).states
    assert ((path >= 0) & (path <= 1)).all()


def test_an_odd_state_is_refused() -> None:
    with pytest.raises(ModelError, match="populations take two coordinates each, so use 4 or 6"):
        WilsonCowan(5)
