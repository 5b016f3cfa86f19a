"""Poisson spike counts with a log-linear readout."""

import math

import torch
from torch import Tensor, nn

from undertow.observations.base import Observation

MOST_LOOKED_UP = 10_000  # spikes in a bin


class PoissonObservation(Observation):
    """counts ~ Poisson(rate · bin), log rate = linear(features) (LangevinFlow eq. 3).

    Args:
        feature_dim: features per bin.
        mean_rates: starting rates in spikes/s, (neurons,); the readout starts at these.
        bin_s: bin width in seconds.
    """

    def __init__(self, feature_dim: int, mean_rates: Tensor, bin_s: float) -> None:
        super().__init__()
        self.bin_s = bin_s
        self.readout = nn.Linear(feature_dim, len(mean_rates))
        with torch.no_grad():
            self.readout.weight.mul_(0.1)
            self.readout.bias.copy_(mean_rates.clamp(min=1e-2).log())

    def log_rates(self, features: Tensor) -> Tensor:
        """Log of the rates in spikes/s; bounded above at 1e5 spikes/s, which no neuron reaches."""
        log_rates: Tensor = self.readout(features)
        return log_rates.clamp(max=math.log(1e5))

    def log_prob(self, features: Tensor, observed: Tensor) -> Tensor:
        return poisson_log_prob(self.log_rates(features) + math.log(self.bin_s), observed)

    def mean(self, features: Tensor) -> Tensor:
        """Expected spikes per bin."""
        return self.log_rates(features).exp() * self.bin_s

    def mean_and_log_prob(self, features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        log_mean = self.log_rates(features) + math.log(self.bin_s)
        mean = log_mean.exp()
        return mean, _log_prob(log_mean, mean, observed)

    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        return torch.poisson(self.mean(features), generator=generator)


def poisson_log_prob(log_mean: Tensor, counts: Tensor) -> Tensor:
    """n log λ − λ − log n! for each whole count n; zero where it is NaN."""
    return _log_prob(log_mean, log_mean.exp(), counts)


def _log_prob(log_mean: Tensor, mean: Tensor, counts: Tensor) -> Tensor:
    missing = counts.isnan()
    n = counts.masked_fill(missing, 0.0)
    return (n * log_mean - mean - _log_factorial(n)).masked_fill(missing, 0.0)


def _log_factorial(n: Tensor) -> Tensor:
    """log n! of whole counts, each number looked up: lgamma takes five times as long on a CPU."""
    if n.device.type != "cpu" or torch.compiler.is_compiling() or (largest := int(n.max())) > MOST_LOOKED_UP:
        return torch.lgamma(n + 1)  # a look-up waits for the largest count
    table = torch.lgamma(torch.arange(largest + 1, dtype=n.dtype) + 1)
    return table.index_select(0, n.flatten().int()).view_as(n)
