"""Negative binomial spike counts: more variable than Poisson, by a dispersion per neuron."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from undertow.errors import ModelError
from undertow.observations.counts import CountObservation, Link, log_factorial, up_to_largest

LEAST_DISPERSION = 1e-8  # below it a gamma draw of single precision has no spread left
MOST_DISPERSION = 1e6


class NegativeBinomialObservation(CountObservation):
    """Counts with mean μ = rate · bin and variance μ + α μ².

    This is a Poisson law whose rate is itself gamma-distributed.

    log p(n) = Σ_{k<n} log(1 + kα) + n log μ − log n! − (n + 1/α) log(1 + αμ), which is the Poisson
    law as α → 0.

    Args:
        feature_dim, mean_rates, bin_s, floor_hz, link, region: see `CountObservation`.
        dispersion: starting α of every neuron; learned as its logarithm.

    Raises:
        ModelError: for a dispersion that is not above zero.
    """

    def __init__(
        self,
        feature_dim: int,
        mean_rates: Tensor,
        bin_s: float,
        floor_hz: float = 0.0,
        link: Link = "exp",
        region: Sequence[int] | None = None,
        dispersion: float = 0.1,
    ) -> None:
        super().__init__(feature_dim, mean_rates, bin_s, floor_hz, link, region)
        if not 0 < dispersion <= MOST_DISPERSION:
            raise ModelError(
                f"dispersion is {dispersion}: it must be above zero; for none, use Poisson counts."
            )
        self.log_dispersion = nn.Parameter(torch.full((len(mean_rates),), math.log(dispersion)))

    @property
    def dispersion(self) -> Tensor:
        """Dispersion α, (neurons,): the variance above that of a Poisson law, per squared mean."""
        return self.log_dispersion.exp() + LEAST_DISPERSION

    def count_log_prob(self, log_mean: Tensor, mean: Tensor, counts: Tensor) -> Tensor:
        missing = counts.isnan()
        n = counts.masked_fill(missing, 0.0)
        alpha = self.dispersion
        log_prob = n * log_mean - log_factorial(n) - (n + 1 / alpha) * torch.log1p(alpha * mean)
        return (log_prob + _log_rising(n, alpha)).masked_fill(missing, 0.0)

    def relative_log_prob(self, log_mean: Tensor, mean: Tensor, counts: Tensor) -> Tensor:
        alpha = self.dispersion
        return counts * log_mean - (counts + 1 / alpha) * torch.log1p(alpha * mean)

    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        alpha, mean = self.dispersion, self.mean(features)
        # a gamma draw of mean 1 and variance α times a Poisson draw: mean μ, variance μ + αμ²
        gain = alpha * torch._standard_gamma(
            (1 / alpha).expand_as(mean).contiguous(), generator=generator
        )
        return torch.poisson(mean * gain, generator=generator)


def count_dispersion(observation: nn.Module) -> np.ndarray | None:
    """α of each neuron, (neurons,), as `Prediction` holds it; None for laws without one."""
    if not isinstance(observation, NegativeBinomialObservation):
        return None
    alpha: np.ndarray = observation.dispersion.detach().cpu().numpy()
    return alpha


def _log_rising(n: Tensor, alpha: Tensor) -> Tensor:
    """Look up Σ_{k<n} log(1 + kα) of whole counts n (…, neurons), summed once per neuron."""
    whole = up_to_largest(n)
    if whole is None:  # in double precision: two large numbers that almost cancel where α is small
        r = 1 / alpha.double()
        return (torch.lgamma(n + r) - torch.lgamma(r) - n * r.log()).to(n.dtype)
    sums = torch.log1p(whole[:-1, None] * alpha).cumsum(0)
    table = torch.cat([sums.new_zeros(1, len(alpha)), sums])
    return table.gather(0, n.flatten(0, -2).long()).view_as(n)
