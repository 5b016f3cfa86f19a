"""Double wells: by hand, their fixed points, and the exact path between them."""

import math

import pytest
import torch

from tests.dynamics.fixtures import chosen, path_of, rolled, vector
from tests.dynamics.variants import normal
from undertow.dynamics import DoubleWellAttractor


def test_drift_by_hand() -> None:
    dynamics = chosen(
        DoubleWellAttractor(2, input_dim=1),
        log_rate=vector(2.0, 3.0).log(),
        tilt=vector(0.1, -0.2),
        coupling__constant=torch.tensor([[9.0, 0.3], [-0.4, 9.0]]),
        input_map__weight=vector(1.0, -2.0)[:, None],
    )
    x, y, u = 0.5, -1.5, 0.4
    expected = [
        2 * x * (1 - x**2) + 0.3 * y + 0.1 + u,
        3 * y * (1 - y**2) - 0.4 * x - 0.2 - 2 * u,
    ]
    assert dynamics.drift(0.0, vector(x, y)[None], vector(u)[None])[0].tolist() == pytest.approx(
        expected
    )


@pytest.mark.parametrize("integrator", ["splitting", "rk4"])
@pytest.mark.parametrize(("start", "end"), [(0.01, 1.0), (-3.0, -1.0), (0.0, 0.0), (1.0, 1.0)])
def test_fixed_points(integrator: str, start: float, end: float) -> None:
    dynamics = chosen(
        DoubleWellAttractor(
            1, noise=False, coupling="none", integrator=integrator, timescale_s=1.0
        ),
        tilt=0.0,
    )
    assert float(path_of(dynamics, vector(start), 200, 0.1)[-1]) == pytest.approx(end, abs=1e-9)


def test_the_way_into_a_well_is_exact_at_any_step() -> None:
    """x² follows x₀² / (x₀² + (1 − x₀²) e^{−2λs}); λ = 2 at the start."""
    dynamics = DoubleWellAttractor(1, noise=False, coupling="none", timescale_s=1.0).double()
    exact = 0.04 / (0.04 + 0.96 * math.exp(-4 * 0.9))
    for n in (1, 3, 9):
        assert float(path_of(dynamics, vector(-0.2), n, 0.9 / n)[-1]) == pytest.approx(
            -math.sqrt(exact), rel=1e-6
        )


def test_a_strong_input_leaves_one_well() -> None:
    """λ x (1 − x²) + I has one root where I > 2λ / 3√3."""
    dynamics = chosen(
        DoubleWellAttractor(1, noise=False, coupling="none", timescale_s=1.0), tilt=1.0
    )
    end = float(path_of(dynamics, vector(-1.0), 4000, 0.01)[-1])
    assert end == pytest.approx(1.19, abs=0.02)
    assert 2 * end * (1 - end**2) + 1.0 == pytest.approx(0, abs=0.05)


def test_the_splitting_is_bounded_from_far_away() -> None:
    dynamics = DoubleWellAttractor(8).double()
    path = rolled(dynamics, 1000 * normal(8, 8), normal(8, 20, 1, 8), 0.5).states
    assert path[:, 1:].abs().max() < 5
