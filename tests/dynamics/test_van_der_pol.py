"""Van der Pol oscillators: by hand, and their limit cycle."""

import math

import numpy as np
import pytest
import torch

from tests.dynamics.fixtures import chosen, path_of, rolled, scalar, vector
from tests.dynamics.variants import normal
from undertow.dynamics import VanDerPol
from undertow.errors import ModelError


def test_drift_by_hand() -> None:
    dynamics = VanDerPol(4, input_dim=1).double()
    k = torch.tensor([[9.0, 0.3], [-0.2, 9.0]])  # a diffusive coupling has no diagonal
    chosen(
        dynamics,
        omega=vector(2.0, 3.0),
        log_nonlinearity=vector(0.5, 1.5).log(),
        coupling__constant=k,
    )
    chosen(dynamics, input_map__weight=vector(1.0, -2.0)[:, None])
    x, y, v, w, u = 0.5, -1.5, 0.7, 0.1, 0.4
    expected = [
        v,
        w,
        0.5 * (1 - x**2) * v - 4 * x + 0.3 * (y - x) + 1.0 * u,
        1.5 * (1 - y**2) * w - 9 * y - 0.2 * (x - y) - 2.0 * u,
    ]
    found = dynamics.drift(0.0, vector(x, y, v, w)[None], vector(u)[None])[0]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("integrator", ["splitting", "rk4"])
def test_a_weakly_nonlinear_oscillator_has_amplitude_two_and_its_own_frequency(
    integrator: str,
) -> None:
    """ẋ is nearly harmonic for μ ≪ ω: amplitude 2 and period 2π/ω (1 + μ²/16ω²)."""
    dynamics = chosen(
        VanDerPol(2, noise=False, coupling="none", integrator=integrator, timescale_s=1.0),
        omega=5.0,
        log_nonlinearity=math.log(0.4),
    )
    path = path_of(dynamics, vector(0.3, 0.0), 3000, 0.01)[-1200:]
    x = path[:, 0].numpy()
    assert x.max() == pytest.approx(2, rel=0.01)
    rising = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    times = 0.01 * (rising - x[rising] / (x[rising + 1] - x[rising]))
    assert np.diff(times).mean() == pytest.approx(2 * math.pi / 5 * (1 + 0.4**2 / 400), rel=1e-3)


def test_the_splitting_is_bounded_from_far_away() -> None:
    dynamics = VanDerPol(16).double()
    path = rolled(dynamics, 100 * normal(8, 16), normal(8, 100, 1, 8), 0.1).states
    assert path.abs().max() < 2000
    assert (
        path[:, 50:, :8].abs().max() < path[:, 0, :8].abs().max()
    )  # positions creep back, as in truth


def test_noise_enters_the_velocities_alone_and_pairs_are_read_out() -> None:
    dynamics = VanDerPol(4).double()
    assert dynamics.step(0.0, normal(2, 4), scalar(0.1))[1].shape == (2,)
    assert list(dynamics.readout(normal(2, 4))) == ["x", "v"]
    with pytest.raises(ModelError, match="state_dim is 3: oscillators take two coordinates each"):
        VanDerPol(3)
