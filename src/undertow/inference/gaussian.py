"""Gaussian laws of the initial state and their divergences, in nats."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Positive = Literal["exp", "softplus"]
"""What makes a variance of a number of either sign."""
LEAST_VAR = 1e-6


class GaussianHead(nn.Module):
    """Map from features to mean and std of a diagonal Gaussian; starts near N(0, I).

    Args:
        n_inputs: number of features.
        dim: coordinates.
        variance: 'exp' or 'softplus' of the map's output.
    """

    def __init__(self, n_inputs: int, dim: int, variance: Positive = "exp") -> None:
        super().__init__()
        self.linear, self.variance = nn.Linear(n_inputs, 2 * dim), variance
        with torch.no_grad():
            self.linear.weight.mul_(0.1)
            self.linear.bias.zero_()
            if variance == "softplus":
                self.linear.bias[dim:] = math.log(math.expm1(1.0))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        mean, logvar = self.linear(features).chunk(2, -1)
        if self.variance == "softplus":
            return mean, (F.softplus(logvar) + LEAST_VAR).sqrt()
        # clamped: neither the std nor its KL can overflow, however large the features
        return mean, (0.5 * logvar.clamp(-12.0, 6.0)).exp()


def kl_to_standard_normal(mean: Tensor, std: Tensor) -> Tensor:
    """KL(N(mean, std²) ‖ N(0, 1)) of each coordinate."""
    return 0.5 * (mean.square() + std.square() - 1.0) - std.log()


def gaussian_kl(mean_q: Tensor, std_q: Tensor, mean_p: Tensor, std_p: Tensor) -> Tensor:
    """KL(N(mean_q, std_q²) ‖ N(mean_p, std_p²)) of each coordinate."""
    ratio_var = (std_q / std_p).square()
    return 0.5 * (((mean_q - mean_p) / std_p).square() + ratio_var - 1.0 - ratio_var.log())


def released_step_kl(sample: Tensor, gamma: Tensor, prior_var: float = 0.1) -> Tensor:
    """Per-step KL of the code released with LangevinFlow, of each coordinate.

    That code calls it with the sampled velocity as mean and 2γ as *log*-variance, against N(0,
    0.1). This is not a divergence of the path's law; it is kept to reproduce that code.

    It is called with the sampled velocity as mean and 2γ as *log*-variance, against N(0, 0.1): no
    divergence of the path's law, kept to reproduce that code.
    """
    logvar = 2 * gamma
    ratio = (sample.square() + logvar.exp()) / prior_var
    return 0.5 * (ratio - 1 + math.log(prior_var) - logvar)
