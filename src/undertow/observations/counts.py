"""`CountObservation`: rates read from features, above a floor, for all laws of spike counts."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from undertow.checks import one_of
from undertow.decoders import BlockLinear
from undertow.errors import ModelError
from undertow.observations.base import Observation

Link = Literal["exp", "softplus"]
"""From a linear readout to a rate."""
MOST_LOOKED_UP = 10_000  # spikes in a bin
LOG_E_MINUS_1 = math.log(math.e - 1)  # its softplus is 1


class CountObservation(Observation):
    """Spike counts with mean rate · bin, rate = floor + link(linear(features)).

    The floor keeps the log-rates of sparse neurons from running off to where a missing spike costs
    nothing more.

    Args:
        feature_dim: features per bin.
        mean_rates: starting rates in spikes/s, (neurons,); the readout starts at these.
        bin_s: bin width in seconds.
        floor_hz: the least rate, in spikes/s; zero for none.
        link: 'exp', or 'softplus': r · softplus(·) with r the neuron's starting rate, which grows
            in proportion to the features, not exponentially.
        region: the region of each neuron, 0, 1, …, where the features of as many regions stand side
            by side in equal shares: each neuron then reads its region's alone. None where all read
            all.
        n_regions: how many regions there are, where some have no neurons; None for as many as
            `region` numbers.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    log_scale: Tensor

    def __init__(
        self,
        feature_dim: int,
        mean_rates: Tensor,
        bin_s: float,
        floor_hz: float = 0.0,
        link: Link = "exp",
        region: Sequence[int] | None = None,
        n_regions: int | None = None,
    ) -> None:
        super().__init__()
        self.link = one_of("link", link, get_args(Link))
        self.bin_s, self.floor_hz = bin_s, floor_hz
        self.readout = _readout(feature_dim, len(mean_rates), region, n_regions)
        log_start = (mean_rates - floor_hz).clamp(min=1e-2).log()
        if link == "softplus":
            self.register_buffer("log_scale", log_start)
        with torch.no_grad():
            for parameter in self.readout.parameters():
                parameter.mul_(0.1)
            self.readout.bias.copy_(
                log_start if link == "exp" else torch.full_like(log_start, LOG_E_MINUS_1)
            )

    def log_rates(self, features: Tensor) -> Tensor:
        """Logarithm of the rates above the floor, in spikes/s.

        It is at most that of 1e5, which no neuron reaches.
        """
        return self._linked(self.readout(features))

    def _linked(self, values: Tensor) -> Tensor:
        """The same of the readout's values."""
        if self.link == "softplus":
            values = _log_softplus(values) + self.log_scale
        return values.clamp(max=math.log(1e5))

    def mean(self, features: Tensor) -> Tensor:
        """Expected spikes per bin."""
        return self.mean_of(self.readout(features))

    def mean_of(self, values: Tensor) -> Tensor:
        """The same of the readout's values."""
        return self.rates_of(values) * self.bin_s

    def rates_of(self, values: Tensor) -> Tensor:
        """Rates in spikes/s of the readout's values."""
        return self._linked(values).exp() + self.floor_hz

    def log_prob(self, features: Tensor, observed: Tensor) -> Tensor:
        return self.mean_and_log_prob(features, observed)[1]

    def mean_and_log_prob(self, features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        log_mean = self.log_rates(features) + math.log(self.bin_s)
        mean = log_mean.exp()
        if self.floor_hz:
            mean = mean + self.floor_hz * self.bin_s
            log_mean = mean.log()
        return mean, self.count_log_prob(log_mean, mean, observed)

    @abstractmethod
    def count_log_prob(self, log_mean: Tensor, mean: Tensor, counts: Tensor) -> Tensor:
        """Log-probability of each count, given its mean and that mean's logarithm.

        It is zero where the count is NaN.
        """

    @abstractmethod
    def relative_log_prob(self, log_mean: Tensor, mean: Tensor, counts: Tensor) -> Tensor:
        """The same of counts without NaN, up to what depends on a count alone.

        That is its log-probability where `log_mean` and `mean` are zero.
        """


def _readout(
    feature_dim: int, n_neurons: int, region: Sequence[int] | None, n_regions: int | None
) -> nn.Linear | BlockLinear:
    """Make one linear map, or one per region that has neurons."""
    if region is None:
        return nn.Linear(feature_dim, n_neurons)
    regions = [int(k) for k in region]
    known = range(max(regions, default=-1) + 1 if n_regions is None else n_regions)
    missing = n_regions is None and set(regions) != set(known)
    if len(regions) != n_neurons or not set(regions) <= set(known) or missing:
        raise ModelError(
            f"region has {len(regions)} entries for {n_neurons} neurons, up to region "
            f"{len(known) - 1}: give one per neuron, and each region from 0 on at least one neuron."
        )
    if feature_dim % len(known):
        raise ModelError(
            f"{feature_dim} features cannot be shared equally by {len(known)} regions."
        )
    width, there = feature_dim // len(known), sorted(set(regions))
    return BlockLinear(
        [range(k * width, (k + 1) * width) for k in there],
        [[neuron for neuron, own in enumerate(regions) if own == k] for k in there],
    )


def _log_softplus(x: Tensor) -> Tensor:
    """Compute log log(1 + eˣ); it is x far below zero, where the softplus would underflow."""
    return torch.where(x < -20, x, F.softplus(x.clamp(min=-20)).log())


def log_factorial(n: Tensor) -> Tensor:
    """Look up log n! of whole counts: lgamma takes five times as long on a CPU."""
    table = up_to_largest(n)
    if table is None:
        return torch.lgamma(n + 1)
    return torch.lgamma(table + 1).index_select(0, n.flatten().int()).view_as(n)


def up_to_largest(n: Tensor) -> Tensor | None:
    """Return 0, 1, …, the largest of whole counts, to tabulate a function of them.

    None where a look-up does not pay, since it waits for the largest.
    """
    if (
        n.device.type != "cpu"
        or torch.compiler.is_compiling()
        or (largest := int(n.max())) > MOST_LOOKED_UP
    ):
        return None
    return torch.arange(largest + 1, dtype=n.dtype)
