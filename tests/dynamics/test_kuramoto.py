"""Kuramoto phases: by hand, alone, and locked."""

import math

import pytest
import torch

from tests.dynamics.fixtures import chosen, path_of, vector
from tests.dynamics.variants import normal
from undertow.dynamics import Kuramoto


def test_drift_by_hand() -> None:
    dynamics = Kuramoto(3, input_dim=1).double()
    theta, u, k = [0.4, -1.0, 2.5], 0.3, dynamics.coupling_matrix().tolist()
    shift = dynamics.input_map.weight[:, 0].tolist()
    expected = [
        dynamics.omega[i].item()
        + sum(k[i][j] * math.sin(theta[j] - theta[i]) for j in range(3))
        + shift[i] * u
        for i in range(3)
    ]
    assert dynamics.drift(0.0, vector(*theta)[None], vector(u)[None])[0].tolist() == pytest.approx(
        expected
    )


def test_alone_each_phase_turns_at_its_frequency() -> None:
    dynamics = chosen(
        Kuramoto(2, noise=False, timescale_s=0.5), omega=vector(3.0, -4.0), coupling__constant=0.0
    )
    path = path_of(dynamics, vector(0.1, 0.2), 10, 0.1)
    assert path[-1].tolist() == pytest.approx([0.1 + 2 * 3.0, 0.2 - 2 * 4.0])
    assert dynamics.natural_frequencies_hz.tolist() == pytest.approx([3 / math.pi, -4 / math.pi])


def test_two_phases_lock_at_the_known_angle() -> None:
    """Δω = 2K sin(θ₂ − θ₁) for equal coupling K: locked where |Δω| < 2K."""
    dynamics = chosen(
        Kuramoto(2, noise=False, integrator="rk4", timescale_s=1.0),
        omega=vector(3.0, 3.8),
        coupling__constant=torch.ones(2, 2),
    )
    path = path_of(dynamics, vector(0.0, 2.0), 400, 0.05)
    assert float(path[-1, 1] - path[-1, 0]) == pytest.approx(math.asin(0.4), abs=1e-6)
    assert float(path[-1, 0] - path[-2, 0]) == pytest.approx(0.05 * 3.4, rel=1e-6)


def test_decoders_see_cosines_and_sines() -> None:
    x = normal(2, 3, 5)
    parts = Kuramoto(5).readout(x)
    assert torch.equal(parts["cos"], x.cos())
    assert torch.equal(parts["sin"], x.sin())
    turned = Kuramoto(5).units(x + 2 * math.pi)
    assert torch.allclose(Kuramoto(5).units(x), turned)
