"""FitzHugh–Nagumo units: by hand, at rest and firing."""

import pytest
import torch
from scipy.optimize import brentq

from tests.dynamics.fixtures import chosen, path_of, rolled, vector
from tests.dynamics.variants import normal
from undertow.dynamics import FitzHughNagumo
from undertow.errors import ModelError


def unit(current: float, **options: object) -> FitzHughNagumo:
    """The classic parameters, a = 0.7, b = 0.8, ε = 0.08, sped up tenfold."""
    dynamics = FitzHughNagumo(2, noise=False, coupling="none", timescale_s=1.0, **options)
    return chosen(dynamics, log_epsilon=vector(0.08).log(), current=current)


def test_drift_by_hand() -> None:
    dynamics = chosen(
        FitzHughNagumo(4, input_dim=1),
        log_rate=vector(2.0, 3.0).log(),
        log_epsilon=vector(0.1, 0.2).log(),
        a=vector(0.7, 0.6),
        log_b=vector(0.8, 0.9).log(),
        current=vector(0.5, -0.1),
        coupling__constant=torch.tensor([[9.0, 0.3], [-0.2, 9.0]]),
        input_map__weight=vector(1.0, -2.0)[:, None],
    )
    v, y, w, z, u = 0.5, -1.5, 0.7, 0.1, 0.4
    expected = [
        2 * (v - v**3 / 3 - w + 0.5 + 1.0 * u + 0.3 * (y - v)),
        3 * (y - y**3 / 3 - z - 0.1 - 2.0 * u - 0.2 * (v - y)),
        2 * 0.1 * (v + 0.7 - 0.8 * w),
        3 * 0.2 * (y + 0.6 - 0.9 * z),
    ]
    found = dynamics.drift(0.0, vector(v, y, w, z)[None], vector(u)[None])[0]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


def test_without_current_it_rests_where_both_nullclines_cross() -> None:
    rest = brentq(lambda v: v - v**3 / 3 - (v + 0.7) / 0.8, -3, 3)
    path = path_of(unit(0.0, integrator="rk4"), vector(0.0, 0.0), 1000, 0.02)
    assert path[-1].tolist() == pytest.approx([rest, (rest + 0.7) / 0.8], abs=1e-5)
    path = path_of(unit(0.0), vector(0.0, 0.0), 1500, 0.01)
    assert path[-1].tolist() == pytest.approx([rest, (rest + 0.7) / 0.8], abs=0.03)


@pytest.mark.parametrize("integrator", ["splitting", "rk4"])
def test_with_current_it_fires_on_and_on(integrator: str) -> None:
    v = path_of(unit(0.5, integrator=integrator), vector(0.0, 0.0), 1500, 0.02)[500:, 0]
    crossings = torch.nonzero((v[:-1] < 0) & (v[1:] >= 0)).flatten()
    assert len(crossings) in (
        4,
        5,
    )  # the classic period near 40 at this ε, in 20 units sped up tenfold
    assert v.max() > 1.5
    assert v.min() < -1.5


def test_the_splitting_is_bounded_from_far_away() -> None:
    dynamics = FitzHughNagumo(16).double()
    path = rolled(dynamics, 100 * normal(8, 16), normal(8, 60, 1, 16), 0.1).states
    assert path[:, 40:].abs().max() < 20


def test_an_odd_state_is_refused() -> None:
    with pytest.raises(
        ModelError, match="state_dim is 3: units take two coordinates each, so use 2 or 4"
    ):
        FitzHughNagumo(3)
