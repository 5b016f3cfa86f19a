"""Underdamped Langevin dynamics to be tested against closed forms."""

from typing import Any

import numpy as np
import torch
from scipy.linalg import solve_discrete_lyapunov
from torch import Tensor

from undertow.dynamics import Potential, UnderdampedLangevin


class Free(Potential):
    """No force anywhere."""

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        return 0.0 * z.sum(-1)


def langevin(dim: int, potential: Any, **constants: float) -> UnderdampedLangevin:
    """With internal time in seconds, in float64."""
    return UnderdampedLangevin(2 * dim, potential, timescale_s=1.0, **constants).double()


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def step_matrix(dynamics: UnderdampedLangevin, h: float) -> np.ndarray:
    """The mean of one step as a matrix acting on columns [z, v]; the step is linear."""
    eye = torch.eye(dynamics.state_dim, dtype=torch.float64)
    mean, _ = dynamics.step(0.0, eye, torch.tensor(h, dtype=torch.float64))
    return mean.detach().numpy().T


def spectral_radius(dynamics: UnderdampedLangevin, h: float) -> float:
    return float(np.abs(np.linalg.eigvals(step_matrix(dynamics, h))).max())


def stationary_covariance(dynamics: UnderdampedLangevin, h: float) -> np.ndarray:
    """Of [z, v] under the step itself, from the discrete Lyapunov equation Σ = AΣAᵀ + Q."""
    step = torch.tensor(h, dtype=torch.float64)
    _, std = dynamics.decay_and_std(step)
    still = torch.zeros(dynamics.noise_dim, dynamics.state_dim, dtype=torch.float64)
    noise_in = dynamics.displaced(still, torch.diag(std), step).detach().numpy()
    return solve_discrete_lyapunov(step_matrix(dynamics, h), noise_in.T @ noise_in)
