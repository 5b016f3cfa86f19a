"""Second-order oscillators: by hand, without damping or coupling in closed form, and where they
grow."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import expm

from tests.dynamics.fixtures import chosen, path_of, scalar, vector
from tests.dynamics.orders import slope
from tests.dynamics.variants import normal
from undertow.dynamics import SecondOrderOscillators
from undertow.errors import ModelError, StabilityError


def test_drift_by_hand() -> None:
    dynamics = SecondOrderOscillators(6, input_dim=2).double()
    x, u = normal(6), normal(2, seed=1)
    gamma, omega = dynamics.damping.detach().numpy(), dynamics.omega.detach().numpy()
    c = dynamics.coupling_matrix(u).detach().numpy()
    assert (np.diag(c) == 0).all()
    assert (np.abs(c[~np.eye(3, dtype=bool)]) > 0).all()
    position, velocity = x[:3].numpy(), x[3:].numpy()
    force = [
        -gamma[i] * velocity[i]
        - omega[i] ** 2 * position[i]
        + sum(c[i, j] * position[j] for j in range(3) if j != i)
        for i in range(3)
    ]
    found = dynamics.drift(0.0, x[None], u[None])[0].detach().numpy()
    np.testing.assert_allclose(found, [*velocity, *force], rtol=1e-12)


def test_alone_and_undamped_it_rotates_exactly() -> None:
    dynamics = chosen(
        SecondOrderOscillators(2, noise=False), omega=3.0, log_damping=-40.0, coupling__constant=0.0
    )
    path = path_of(dynamics, vector(1.0, 0.0), 30, 0.3)
    angles = 3.0 * 0.3 * torch.arange(31, dtype=torch.float64)
    expected = torch.stack([angles.cos(), -3 * angles.sin()], 1)
    assert torch.allclose(path, expected, atol=1e-9)


def test_the_step_converges_to_the_damped_coupled_flow() -> None:
    dynamics = SecondOrderOscillators(4, noise=False, timescale_s=1.0).double()
    omega, gamma = dynamics.omega.detach(), dynamics.damping.detach()
    c = dynamics.coupling_matrix().detach()
    zero, eye = torch.zeros(2, 2).double(), torch.eye(2).double()
    matrix = torch.cat(
        [torch.cat([zero, eye], 1), torch.cat([c - torch.diag(omega**2), -torch.diag(gamma)], 1)]
    )
    start = vector(0.3, -0.5, 1.0, 0.2)
    exact = torch.from_numpy(expm(matrix.numpy()) @ start.numpy())
    errors = [float((path_of(dynamics, start, n, 1 / n)[-1] - exact).norm()) for n in (16, 32, 64)]
    assert errors[-1] < 1e-2
    assert slope(errors) > 0.9


def test_noise_enters_the_velocities_alone() -> None:
    dynamics = SecondOrderOscillators(6).double()
    assert dynamics.noisy == slice(3, 6)
    assert dynamics.step(0.0, normal(2, 6), scalar(0.1))[1].shape == (3,)


def test_coupling_that_outweighs_the_springs_is_refused() -> None:
    c = torch.tensor([[0.0, 300.0], [300.0, 0.0]])
    dynamics = chosen(SecondOrderOscillators(4), coupling__constant=c)
    with pytest.raises(
        StabilityError,
        match=r"oscillators' step is unstable: its spectral radius is .* weaker coupling",
    ):
        dynamics.check_stable(0.02)
    chosen(SecondOrderOscillators(4, allow_unstable=True), coupling__constant=c).check_stable(0.02)
    for bin_s in (0.001, 0.1, 1.0):
        SecondOrderOscillators(16).check_stable(bin_s)


def test_eulers_step_is_refused_where_it_gains_more_than_damping_takes() -> None:
    dynamics = SecondOrderOscillators(16, integrator="euler")
    with pytest.raises(StabilityError, match="integrator='splitting' or shorter steps"):
        dynamics.check_stable(0.2)
    dynamics.check_stable(0.002)


def test_frequencies_and_settings() -> None:
    dynamics = chosen(
        SecondOrderOscillators(4, timescale_s=0.5), omega=vector(2 * math.pi, 4 * math.pi)
    )
    assert dynamics.natural_frequencies_hz.tolist() == pytest.approx([2.0, 4.0])
    with pytest.raises(ModelError, match="state_dim is 5: oscillators take two coordinates each"):
        SecondOrderOscillators(5)
