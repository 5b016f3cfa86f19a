"""The law of underdamped Langevin steps: stationary variances and the order of convergence."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import expm

from tests.dynamics.fixtures import rolled
from tests.dynamics.langevin import langevin, noise, stationary_covariance, step_matrix
from undertow.dynamics import CoupledOscillatorPotential, HarmonicPotential, UnderdampedLangevin


@pytest.mark.parametrize("gamma", [0.2, 0.7, 3.0])
@pytest.mark.parametrize("h", [0.02, 0.4, 1.0, 1.4])
def test_stationary_variances_in_a_harmonic_well_are_exact_at_any_stable_step(
    h: float, gamma: float
) -> None:
    """var z = k_Bτ/k, var v = k_Bτ/m; at h = 1.4, k = 2 the step is near its limit of √2."""
    k, mass, temperature = 2.0, 1.0, 0.8
    dynamics = exact_constants(
        langevin(1, HarmonicPotential, mass=mass, gamma=gamma), temperature, k
    )
    covariance = stationary_covariance(dynamics, h)
    assert covariance[0, 0] == pytest.approx(temperature / k, rel=1e-9)
    assert covariance[1, 1] == pytest.approx(temperature / mass, rel=1e-9)
    # v is read half a kick early, at an average force of k z
    assert covariance[0, 1] == pytest.approx(h / (2 * mass) * temperature, rel=1e-9)


def exact_constants(
    dynamics: UnderdampedLangevin, temperature: float, curvature: float
) -> UnderdampedLangevin:
    """With temperature and curvature in float64, not rounded to float32 on the way."""
    with torch.no_grad():
        dynamics.log_temperature.fill_(math.log(temperature))
        dynamics.potential.log_curvature.fill_(math.log(curvature))
    return dynamics


def test_stationary_positions_of_coupled_oscillators_have_the_boltzmann_law() -> None:
    """exp(−U/k_Bτ) in U = ½ zᵀKz has covariance k_Bτ K⁻¹, whatever the step."""
    dynamics = langevin(
        8, lambda dim: CoupledOscillatorPotential(dim, 2), mass=1.5, temperature=0.8
    )
    stiffness = torch.block_diag(*dynamics.potential.stiffness().detach()).numpy()
    boltzmann = float(dynamics.temperature[0]) * np.linalg.inv(stiffness)
    for h in (0.02, 0.4, 1.0):
        covariance = stationary_covariance(dynamics, h)
        assert np.abs(covariance[:8, :8] - boltzmann).max() < 1e-7 * boltzmann.max()
        assert np.allclose(covariance[8:, 8:], np.diag(np.diag(covariance)[8:]), atol=1e-12)


@pytest.mark.parametrize("h", [0.1, 0.4, 1.0])
def test_sampled_paths_have_the_stationary_variances(h: float) -> None:
    trials, dim, k, mass, temperature = 3000, 4, 2.0, 1.2, 0.8
    dynamics = langevin(
        dim, lambda d: HarmonicPotential(d, k), mass=mass, gamma=1.0, temperature=temperature
    )
    steps = round(20 / h)
    with torch.no_grad():
        last = rolled(
            dynamics, torch.zeros(trials, 2 * dim).double(), noise(trials, steps, 1, dim), h
        ).states[:, -1]
    spread = 5 * math.sqrt(2 / (trials * dim))
    z, v = last.chunk(2, -1)
    assert float(z.square().mean()) == pytest.approx(temperature / k, rel=spread)
    assert float(v.square().mean()) == pytest.approx(temperature / mass, rel=spread)


# --- order ------------------------------------------------------------------------------------


def law_at(dynamics: UnderdampedLangevin, duration: float, n: int, early: bool) -> np.ndarray:
    """Mean of z and covariance of z at `duration` from z = 1, v = −0.5, in n steps; exactly, as the
    step is linear. `early`: the initial velocity is read half a kick early."""
    h = duration / n
    k, mass = float(dynamics.potential.stiffness()[0]), float(dynamics.mass[0])
    a, mean = step_matrix(dynamics, h), np.array([1.0, -0.5 + early * h / (2 * mass) * k])
    step = torch.tensor(h, dtype=torch.float64)
    std = dynamics.decay_and_std(step)[1]
    q = dynamics.displaced(torch.zeros(1, 2).double(), std[None], step).detach().numpy()
    covariance = np.zeros((2, 2))
    for _ in range(n):
        mean, covariance = a @ mean, a @ covariance @ a.T + q.T @ q
    return np.array([mean[0], covariance[0, 0]])


def exact_law(dynamics: UnderdampedLangevin, duration: float) -> np.ndarray:
    """The same of the continuous process (Van Loan's matrix exponential)."""
    k, mass = float(dynamics.potential.stiffness()[0]), float(dynamics.mass[0])
    gamma, temperature = float(dynamics.gamma[0]), float(dynamics.temperature[0])
    a = np.array([[0.0, 1.0], [-k / mass, -gamma]])
    q = np.diag([0.0, 2 * gamma * temperature / mass])
    blocks = expm(duration * np.block([[-a, q], [np.zeros((2, 2)), a.T]]))
    flow = blocks[2:, 2:].T
    return np.array([(flow @ [1.0, -0.5])[0], (flow @ blocks[:2, 2:])[0, 0]])


@torch.no_grad()
def test_the_law_of_positions_is_of_second_order() -> None:
    """Half the step, a quarter of the error, with the velocity read half a kick early; half of it
    where it is not."""
    dynamics = langevin(1, lambda d: HarmonicPotential(d, 1.7), gamma=0.9, mass=1.3)
    exact = exact_law(dynamics, 2.0)
    steps = (8, 16, 32, 64)
    for early, order in ((True, 2.0), (False, 1.0)):
        errors = np.array([np.abs(law_at(dynamics, 2.0, n, early) - exact) for n in steps])
        measured = np.log2(errors[:-1] / errors[1:])
        assert (measured[-1] > order - 0.1).all()
    assert np.abs(law_at(dynamics, 2.0, 64, True) - exact).max() < 1e-3


@torch.no_grad()
def test_stationary_positions_forget_at_a_rate_of_second_order() -> None:
    """Their autocovariance at a lag of one unit: the law that bins of any width observe."""
    dynamics = langevin(1, lambda d: HarmonicPotential(d, 1.7), gamma=0.9, mass=1.3)
    k, mass, gamma = 1.7, 1.3, 0.9
    flow = expm(np.array([[0.0, 1.0], [-k / mass, -gamma]]))
    errors = []
    for n in (2, 4, 8, 16):
        lagged = np.linalg.matrix_power(step_matrix(dynamics, 1 / n), n)
        covariance = lagged @ stationary_covariance(dynamics, 1 / n)
        errors.append(abs(covariance[0, 0] - flow[0, 0] / k))
    ratios = np.array(errors[:-1]) / errors[1:]
    assert (np.abs(ratios[1:] - 4) < 0.3).all()
