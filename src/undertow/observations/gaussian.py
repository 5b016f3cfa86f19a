"""Continuous behaviour: a Gaussian whose mean and variance are read from features."""

import math
from typing import get_args

import torch
from torch import Tensor, nn

from undertow.checks import number, one_of
from undertow.errors import ModelError
from undertow.observations.base import BehaviorObservation, Per
from undertow.observations.closed_form import log_variance, ridge

LARGEST_LOGVAR = 10.0
"""Of the data's variance: beyond it lies only a fit that has run away."""


class GaussianObservation(BehaviorObservation):
    """Gaussian law b ~ N(m, v), with m and log v linear in the features.

    This is ElGazzar & van Gerven's eq. 11, in units of the data's spread:

        m = mean₀ + std₀ · (W x + a),   v = std₀² · (exp(W' x + a') + floor).

    It starts near mean₀ and std₀, whatever the units of behaviour. Observed are (…, channels).

    Args:
        feature_dim: features per bin.
        n_channels: channels of behaviour.
        means, stds: mean₀ and std₀, each (channels,); 0 and 1 by default. A channel that does not
            vary has 1.
        floor: least variance as a share of the data's.
        per: 'bin', or 'trial' for one observation a trial; see `Observation.pool`.

    Raises:
        ModelError: naming the argument or the channel, and the rule it breaks.
    """

    center: Tensor
    scale: Tensor

    def __init__(
        self,
        feature_dim: int,
        n_channels: int,
        means: Tensor | None = None,
        stds: Tensor | None = None,
        floor: float = 1e-3,
        per: Per = "bin",
    ) -> None:
        super().__init__()
        number("floor", floor, 0.0, above=True)
        self.per = one_of("per", per, get_args(Per))
        self.floor, self.n_channels = floor, n_channels
        scale = torch.ones(n_channels) if stds is None else _checked("stds", stds, n_channels)
        center = torch.zeros(n_channels) if means is None else _checked("means", means, n_channels)
        self.register_buffer("center", center)
        self.register_buffer("scale", torch.where(scale > 0, scale, 1.0))
        self.readout_mean = _near_zero(feature_dim, n_channels)
        self.readout_logvar = _near_zero(feature_dim, n_channels)

    def mean(self, features: Tensor) -> Tensor:
        mean: Tensor = self.center + self.scale * self.readout_mean(features)
        return mean

    def predicted(self, features: Tensor) -> Tensor:
        return self.mean(features)

    def encoded(self, observed: Tensor) -> Tensor:
        """Values in units of the data's spread; then 1 for each channel that is known."""
        known = observed.isfinite()
        values = torch.where(known, (observed - self.center) / self.scale, 0.0)
        return torch.cat([values, known.to(values.dtype)], -1)

    def logvar(self, features: Tensor) -> Tensor:
        """Log-variance of each channel, in squared units of behaviour."""
        relative = self.readout_logvar(features).clamp(max=LARGEST_LOGVAR)
        return (relative.exp() + self.floor).log() + 2 * self.scale.log()

    def log_prob(self, features: Tensor, observed: Tensor) -> Tensor:
        return self.mean_and_log_prob(features, observed)[1]

    def mean_and_log_prob(self, features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        mean, logvar = self.mean(features), self.logvar(features)
        missing = observed.isnan()
        error = observed.masked_fill(missing, 0.0) - mean
        log_prob = -0.5 * (error.square() * (-logvar).exp() + logvar + math.log(2 * math.pi))
        return mean, log_prob.masked_fill(missing, 0.0)

    @torch.no_grad()
    def solve(self, features: Tensor, observed: Tensor, samples: Tensor | None = None) -> None:
        # the mean is a ridge regression, the log-variance then fits the squared errors left
        target = (observed - self.center) / self.scale
        weight, bias = ridge(features, target)
        squares = (target - (features @ weight.T + bias)).square()
        if samples is not None:
            # what a prediction's samples spread by themselves is not noise of an observation
            squares = (squares - (samples @ weight.T).var(0)).clamp(min=0.0)
        self.readout_mean.weight.copy_(weight)
        self.readout_mean.bias.copy_(bias)
        weight, bias = log_variance(features, squares, self.floor)
        self.readout_logvar.weight.copy_(weight)
        self.readout_logvar.bias.copy_(bias)

    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        mean = self.mean(features)
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
        return mean + (0.5 * self.logvar(features)).exp() * noise


def _near_zero(feature_dim: int, n_outputs: int) -> nn.Linear:
    """Make a readout that starts with small weights and no offset."""
    linear = nn.Linear(feature_dim, n_outputs)
    with torch.no_grad():
        linear.weight.mul_(0.1)
        linear.bias.zero_()
    return linear


def _checked(name: str, values: Tensor, n_channels: int) -> Tensor:
    """Check means or standard deviations: one finite number per channel."""
    if values.shape != (n_channels,):
        raise ModelError(
            f"{name} has shape {tuple(values.shape)}: it must have one entry for each of "
            f"{n_channels} channels."
        )
    wrong = ~values.isfinite() | (values < 0 if name == "stds" else False)
    if wrong.any():
        channel = int(wrong.int().argmax())
        raise ModelError(
            f"{name} of channel {channel} is {float(values[channel])}: leave out channels never "
            "observed."
        )
    return values.detach().clone()
