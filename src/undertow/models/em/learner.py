"""`Learner`: the state of a fit by expectation–maximisation, and its next iteration."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from torch import Tensor, nn

from undertow.models.em.given import Given
from undertow.models.em.options import EM

Network = TypeVar("Network", bound=nn.Module)


class Learner(ABC, Generic[Network]):
    """The state of a fit: the model, what is inferred of the training trials, how far it is.

    Args:
        network: the model, changed in place.
        given: training trials, all neurons and bins.
        options: of the fit.
    """

    def __init__(self, network: Network, given: Given, options: EM) -> None:
        self.network, self.given, self.options = network, given, options
        self.iteration = 0

    @abstractmethod
    def start(self) -> None:
        """Set the model, and what is inferred of the trials, to where a fit begins."""

    @abstractmethod
    def iterate(self) -> float:
        """One E-step and one M-step; return the bound that the E-step reached, nats per trial."""

    def inferred(self) -> dict[str, Tensor]:
        """What was inferred of the trials and is needed to go on, by name; nothing by default."""
        return {}

    def restore(self, inferred: dict[str, Tensor]) -> None:
        """Take back what `inferred` returned; nothing by default."""

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of the state, by flat name."""
        held = {f"inferred.{k}": v for k, v in self.inferred().items()}
        held |= {f"network.{k}": v for k, v in self.network.state_dict().items()}
        return {k: v.detach().clone().contiguous() for k, v in held.items()}
