"""`BehaviorObservation`: what is observed of behaviour in each bin, on one or several channels."""

from abc import abstractmethod

from torch import Tensor

from undertow.observations.base import Observation


class BehaviorObservation(Observation):
    """Channels of behaviour, (…, channels) and NaN where missing, which an encoder may read too.

    Attributes:
        n_channels: their number.
    """

    n_channels: int

    @abstractmethod
    def predicted(self, features: Tensor) -> Tensor:
        """The value to answer with on each channel: the mean, or the likeliest category's, (…,
        channels)."""

    @abstractmethod
    def encoded(self, observed: Tensor) -> Tensor:
        """Numbers of order 1 for an encoder, zero where nothing is known, and then for each channel
        whether it is known."""
