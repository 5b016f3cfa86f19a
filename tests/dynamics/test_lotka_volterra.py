"""Lotka–Volterra in logarithms: by hand, logistic growth, coexistence and safety far away."""

import math

import numpy as np
import pytest
import torch

from tests.dynamics.fixtures import chosen, path_of, rolled, vector
from tests.dynamics.variants import normal
from undertow.dynamics import LotkaVolterra


def two(k: list[list[float]], **options: object) -> LotkaVolterra:
    return chosen(
        LotkaVolterra(2, noise=False, timescale_s=1.0, **options),
        growth=vector(2.0, 1.5),
        log_limit=vector(1.0, 0.8).log(),
        coupling__constant=torch.tensor(k),
    )


def test_drift_by_hand() -> None:
    """d log n_i = r_i − a_i n_i + Σ_{j≠i} K_ij n_j + (B u)_i."""
    dynamics = chosen(
        LotkaVolterra(2, input_dim=1),
        growth=vector(2.0, 1.5),
        log_limit=vector(1.0, 0.8).log(),
        coupling__constant=torch.tensor([[9.0, -0.3], [0.4, 9.0]]),
        input_map__weight=vector(1.0, -2.0)[:, None],
    )
    n, m, u = 1.7, 0.6, 0.4
    expected = [2.0 - 1.0 * n - 0.3 * m + u, 1.5 - 0.8 * m + 0.4 * n - 2 * u]
    found = dynamics.drift(0.0, vector(n, m).log()[None], vector(u)[None])[0]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


def test_alone_a_population_grows_logistically_at_any_step() -> None:
    exact = [r / (a + (r / 0.1 - a) * math.exp(-r * 0.9)) for r, a in ((2.0, 1.0), (1.5, 0.8))]
    for n in (1, 4):
        end = path_of(two([[0.0, 0.0], [0.0, 0.0]]), vector(0.1, 0.1).log(), n, 0.9 / n)[-1]
        assert end.exp().tolist() == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("integrator", ["splitting", "rk4"])
def test_predator_and_prey_coexist_at_the_solution_of_the_linear_system(integrator: str) -> None:
    k = [[0.0, -0.6], [0.5, 0.0]]
    expected = np.linalg.solve([[1.0, 0.6], [-0.5, 0.8]], [2.0, 1.5])
    end = path_of(two(k, integrator=integrator), vector(0.3, 0.2).log(), 1500, 0.02)[-1].exp()
    assert end.tolist() == pytest.approx(
        expected.tolist(), rel=0.04 if integrator == "splitting" else 1e-6
    )


def test_the_splitting_is_finite_from_anywhere_also_its_gradient() -> None:
    dynamics = LotkaVolterra(16)
    x0 = (200 * normal(8, 16)).float()
    path = rolled(dynamics, x0, normal(8, 30, 1, 16).float(), 0.1).states
    path[:, -1].sum().backward()
    assert torch.isfinite(path).all()
    assert path[:, 1:].max() < 20
    assert all(torch.isfinite(p.grad).all() for p in dynamics.parameters() if p.grad is not None)
