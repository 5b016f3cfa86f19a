"""Measured orders of convergence against the Ornstein–Uhlenbeck process dx = −rate x ds + σ dW on 0
… 1."""

import math

import numpy as np
import torch

from tests.dynamics.fixtures import rolled
from tests.dynamics.variants import normal
from undertow.dynamics import Dynamics

STEPS = (8, 16, 32, 64)
SIGMA, START = 0.5, 1.3
PATHS, FINE = 4000, 2048


def slope(errors: list[float]) -> float:
    """The order p of errors ∝ hᵖ, by least squares on logarithms."""
    return -float(np.polyfit(np.log(STEPS[: len(errors)]), np.log(errors), 1)[0])


def law_errors(dynamics: Dynamics, rate: float) -> tuple[list[float], list[float]]:
    """Errors of the mean and the variance at time 1, exactly: a linear step is a factor and a
    standard deviation."""
    true_mean, true_var = START * math.exp(-rate), -(SIGMA**2) * math.expm1(-2 * rate) / (2 * rate)
    mean_errors, var_errors = [], []
    for n in STEPS:
        h = torch.tensor(1 / n, dtype=torch.float64)
        mean, std = dynamics.step(0.0, torch.ones(1, 1, dtype=torch.float64), h)
        factor, var = float(mean.detach()), float(std.detach().square())
        total_var = sum(var * factor ** (2 * k) for k in range(n))
        mean_errors.append(abs(START * factor**n - true_mean))
        var_errors.append(abs(total_var - true_var))
    return mean_errors, var_errors


@torch.no_grad()
def strong_errors(dynamics: Dynamics, rate: float) -> tuple[list[float], float]:
    """Mean |x(1) − exact path| for the same Brownian motion, and the standard error of their
    slope."""
    fine = normal(PATHS, FINE)
    left = (
        torch.arange(FINE, dtype=torch.float64) + 0.5
    ) / FINE  # midpoints: an error far below that of any step here
    exact = START * math.exp(-rate) + SIGMA * FINE**-0.5 * (
        fine * torch.exp(-rate * (1 - left))
    ).sum(1)
    errors, relative = [], []
    for n in STEPS:
        noise = fine.view(PATHS, n, 1, FINE // n).sum(-1, keepdim=True) * (n / FINE) ** 0.5
        x0 = torch.full((PATHS, 1), START, dtype=torch.float64)
        miss = (rolled(dynamics, x0, noise, 1 / n).states[:, -1, 0] - exact).abs()
        errors.append(float(miss.mean()))
        relative.append(float(miss.std() / miss.mean()) / PATHS**0.5)
    return errors, max(relative) * 2 / math.log(STEPS[-1] / STEPS[0])
