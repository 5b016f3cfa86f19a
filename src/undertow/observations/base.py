"""`Observation`: features → likelihood."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from undertow.errors import ModelError


class Observation(nn.Module, ABC):
    """What is observed in each bin, or once in each trial, given the decoder's features.

    Attributes:
        per: 'bin', or 'trial' where there is one observation a trial: `pool` then comes before all
            else.
    """

    per: str = "bin"

    def pool(self, features: Tensor, valid: Tensor) -> Tensor:
        """Features (…, time, features) as the likelihood takes them: of each bin, or their mean
        over a trial's valid bins.

        The mean of the features gives the mean of what a linear readout makes of them, such as
        logits.
        """
        if self.per == "bin":
            return features
        inside = valid[..., None]
        return torch.where(inside, features, 0.0).sum(-2) / inside.sum(-2).clamp(min=1)

    @abstractmethod
    def log_prob(self, features: Tensor, observed: Tensor) -> Tensor:
        """Log-likelihood in nats of each entry of `observed`, same shape; entries that are NaN get
        zero."""

    @abstractmethod
    def mean(self, features: Tensor) -> Tensor:
        """Expected value of each entry."""

    @abstractmethod
    def mean_and_log_prob(self, features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        """Both, in one pass: what a prediction needs of every posterior sample."""

    @abstractmethod
    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """A draw of each entry."""


def check_per(per: str) -> str:
    """Refuse what is neither a bin nor a trial.

    Raises:
        ModelError: naming the choices.
    """
    if per not in ("bin", "trial"):
        raise ModelError(f"per is {per!r}: observations are made per 'bin' or per 'trial'.")
    return per
