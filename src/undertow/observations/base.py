"""`Observation`: features → likelihood; `BehaviorObservation`: of behaviour, bin by bin."""

from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn

Per = Literal["bin", "trial"]
"""How often something is observed."""


class Observation(nn.Module, ABC):
    """What is observed in each bin, or once in each trial, given the decoder's features.

    Attributes:
        per: 'bin', or 'trial' where there is one observation a trial: features then go through
            `pool` first.
    """

    per: Per = "bin"

    def pool(self, features: Tensor, valid: Tensor) -> Tensor:
        """Features (…, time, features) as the likelihood takes them: of each bin, or their mean
        over a trial's valid bins.

        A linear readout of mean features is the mean of its readouts, such as logits.
        """
        if self.per == "bin":
            return features
        inside = valid[..., None]
        return torch.where(inside, features, 0.0).sum(-2) / inside.sum(-2).clamp(min=1)

    @abstractmethod
    def log_prob(self, features: Tensor, observed: Tensor) -> Tensor:
        """Log-likelihood of each entry of `observed` in nats, of its shape; zero where it is
        NaN."""

    @abstractmethod
    def mean(self, features: Tensor) -> Tensor:
        """Expected value of each entry."""

    @abstractmethod
    def mean_and_log_prob(self, features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        """Both, in one pass: what a prediction needs of every posterior sample."""

    @abstractmethod
    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """A draw of each entry."""


class BehaviorObservation(Observation):
    """Behaviour in each bin, (…, channels), NaN where missing; an encoder may read it too.

    Attributes:
        n_channels: their number.
    """

    n_channels: int

    @abstractmethod
    def predicted(self, features: Tensor) -> Tensor:
        """The best guess on each channel, (…, channels): the mean, or the likeliest category."""

    @abstractmethod
    def encoded(self, observed: Tensor) -> Tensor:
        """What an encoder reads: numbers of order 1, zero where nothing is known; then, for each
        channel, 1 where it is known and 0 elsewhere."""
