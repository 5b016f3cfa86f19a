"""`Observation`: features → likelihood."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Observation(nn.Module, ABC):
    """What is observed in each bin given the decoder's features."""

    @abstractmethod
    def log_prob(self, features: Tensor, observed: Tensor) -> Tensor:
        """Log-likelihood in nats of each entry of `observed`, same shape; entries that are NaN get zero."""

    @abstractmethod
    def mean(self, features: Tensor) -> Tensor:
        """Expected value of each entry."""

    @abstractmethod
    def mean_and_log_prob(self, features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        """Both, in one pass: what a prediction needs of every posterior sample."""

    @abstractmethod
    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """A draw of each entry."""
