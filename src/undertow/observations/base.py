"""`Observation`: features → likelihood; `BehaviorObservation`: the same for behaviour."""

from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn

Per = Literal["bin", "trial"]
"""How often something is observed."""


class Observation(nn.Module, ABC):
    """Law of what is observed in each bin, or once in each trial, given the decoder's features.

    Attributes:
        per: 'bin', or 'trial' for one observation per trial, whose features first go through
            `pool` first.
        of_neurons: every recording has one of its own.
    """

    per: Per = "bin"
    of_neurons = True

    def pool(self, features: Tensor, valid: Tensor) -> Tensor:
        """Pool features (…, time, features) as the likelihood takes them.

        Per bin they are left alone; per trial they are averaged over the trial's valid bins. A
        linear readout of mean features is the mean of its readouts, such as logits.
        """
        if self.per == "bin":
            return features
        inside = valid[..., None]
        return torch.where(inside, features, 0.0).sum(-2) / inside.sum(-2).clamp(min=1)

    @abstractmethod
    def log_prob(self, features: Tensor, observed: Tensor) -> Tensor:
        """Log-likelihood of each entry of `observed`, in nats; zero where that is NaN."""

    @abstractmethod
    def mean(self, features: Tensor) -> Tensor:
        """Expected value of each entry."""

    @abstractmethod
    def mean_and_log_prob(self, features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        """Compute both in one pass, as a prediction needs them for every posterior sample."""

    @abstractmethod
    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Draw each entry."""


class BehaviorObservation(Observation):
    """Law of behaviour in each bin, (…, channels), NaN where missing; encoders may read it too.

    Attributes:
        n_channels: number of channels.
    """

    n_channels: int

    @abstractmethod
    def predicted(self, features: Tensor) -> Tensor:
        """Best guess on each channel, (…, channels): the mean, or the likeliest category."""

    @abstractmethod
    def solve(self, features: Tensor, observed: Tensor, samples: Tensor | None = None) -> None:
        """Set the linear readouts to those that fit best, in place.

        Penalties are chosen by leaving out trials.

        Args:
            features: (trials, time, features).
            observed: (trials, time, channels), NaN where missing.
            samples: (samples, trials, time, features) where `features` are their mean, and what is
                observed is predicted by the mean over samples.
        """

    @abstractmethod
    def encoded(self, observed: Tensor) -> Tensor:
        """Turn behaviour into inputs of an encoder.

        These are numbers of order 1, zero where nothing is known; then, for each channel, 1 where
        it is known and 0 elsewhere.
        """
