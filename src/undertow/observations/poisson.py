"""Poisson spike counts with a log-linear readout above a floor."""

import torch
from torch import Tensor

from undertow.observations.counts import CountObservation, log_factorial


class PoissonObservation(CountObservation):
    """Counts ~ Poisson(rate · bin) with rate = floor + exp(linear(features)).

    This is LangevinFlow eq. 3 with a floor.

    Constructed as every `CountObservation`; with `region`, eq. 10 of ElGazzar & van Gerven.
    """

    def count_log_prob(self, log_mean: Tensor, mean: Tensor, counts: Tensor) -> Tensor:
        """Log-probability n log λ − λ − log n! of each count n."""
        return _log_prob(log_mean, mean, counts)

    def relative_log_prob(self, log_mean: Tensor, mean: Tensor, counts: Tensor) -> Tensor:
        return counts * log_mean - mean

    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        return torch.poisson(self.mean(features), generator=generator)


def poisson_log_prob(log_mean: Tensor, counts: Tensor) -> Tensor:
    """Log-probability n log λ − λ − log n! for each whole count n; zero where it is NaN."""
    return _log_prob(log_mean, log_mean.exp(), counts)


def _log_prob(log_mean: Tensor, mean: Tensor, counts: Tensor) -> Tensor:
    missing = counts.isnan()
    n = counts.masked_fill(missing, 0.0)
    return (n * log_mean - mean - log_factorial(n)).masked_fill(missing, 0.0)
