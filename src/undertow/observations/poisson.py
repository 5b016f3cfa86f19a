"""Poisson spike counts with a log-linear readout above a floor."""

import math

import torch
from torch import Tensor, nn

from undertow.observations.base import Observation

MOST_LOOKED_UP = 10_000  # spikes in a bin


class PoissonObservation(Observation):
    """counts ~ Poisson(rate · bin), rate = floor + exp(linear(features)) (LangevinFlow eq. 3, with a floor).

    The floor keeps the log-rates of sparse neurons from running off to where a missing spike costs nothing more.

    Args:
        feature_dim: features per bin.
        mean_rates: starting rates in spikes/s, (neurons,); the readout starts at these.
        bin_s: bin width in seconds.
        floor_hz: the least rate, in spikes/s; zero for none.
    """

    def __init__(self, feature_dim: int, mean_rates: Tensor, bin_s: float, floor_hz: float = 0.0) -> None:
        super().__init__()
        self.bin_s, self.floor_hz = bin_s, floor_hz
        self.readout = nn.Linear(feature_dim, len(mean_rates))
        with torch.no_grad():
            self.readout.weight.mul_(0.1)
            self.readout.bias.copy_((mean_rates - floor_hz).clamp(min=1e-2).log())

    def log_rates(self, features: Tensor) -> Tensor:
        """Log of what the rates in spikes/s have above the floor; at most that of 1e5, which no neuron reaches."""
        log_rates: Tensor = self.readout(features)
        return log_rates.clamp(max=math.log(1e5))

    def mean(self, features: Tensor) -> Tensor:
        """Expected spikes per bin."""
        return (self.log_rates(features).exp() + self.floor_hz) * self.bin_s

    def log_prob(self, features: Tensor, observed: Tensor) -> Tensor:
        return self.mean_and_log_prob(features, observed)[1]

    def mean_and_log_prob(self, features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        log_mean = self.log_rates(features) + math.log(self.bin_s)
        mean = log_mean.exp()
        if self.floor_hz:
            mean = mean + self.floor_hz * self.bin_s
            log_mean = mean.log()
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
