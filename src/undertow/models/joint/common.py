"""`Common`: what the networks of all sessions have in common, by what is known of trials."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from undertow.data import TrialSet
from undertow.data.lazy_batch import few
from undertow.encoders import ReadIn
from undertow.errors import ModelError
from undertow.models.joint.alignment import Alignment, start_read_in
from undertow.models.joint.tying import refuse_neurons_in_shared, tie
from undertow.models.population import Population


@dataclass
class Common:
    """What a session's network is built from beside its own trials.

    Attributes:
        duration_s: length of the longest trial of any session.
        regions: names of the regions of all sessions, in order.
        spikes: training spikes of a held-in neuron, on average.
        alignment: where read-ins start; None for nowhere in particular.
        seed: of what read-ins start at beside that.
        network: one whose shared parts all others use; None until there is one.
    """

    duration_s: float
    regions: list[str]
    spikes: float
    alignment: Alignment | None = None
    seed: int = 0
    network: nn.Module | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        populations: Sequence[Population],
        spikes: float,
        alignment: Alignment | None,
        seed: int,
    ) -> "Common":
        """Describe sessions together; regions are in the order in which sessions name them."""
        regions = list(dict.fromkeys(name for each in populations for name in each.regions))
        longest = max(each.duration_s for each in populations)
        return cls(longest, regions, spikes, alignment, seed)

    def population(self, population: Population) -> Population:
        """Describe one session as a part of all: with all regions, and the longest trial.

        Raises:
            ModelError: for a region that no session has had before.
        """
        if new := [name for name in population.regions if name not in self.regions]:
            raise ModelError(
                f"the trials have neurons in {', '.join(new)}, and the model knows "
                f"{', '.join(self.regions)}: leave those neurons out, or fit all sessions again."
            )
        places = [self.regions.index(name) for name in population.regions]
        return replace(
            population,
            duration_s=self.duration_s,
            regions=list(self.regions),
            region_of=[places[k] for k in population.region_of],
        )

    def join(self, network: nn.Module, trials: TrialSet) -> None:
        """Make a session's fresh network one of all: shared parts are those of the first."""
        if self.network is None:
            refuse_neurons_in_shared(network)
            self.network = network
        elif self.network is not network:
            tie(network, self.network)
        generator = torch.Generator().manual_seed(self.seed)
        for module in network.modules():
            if isinstance(module, ReadIn):
                start_read_in(module, few(trials), self.alignment, generator)
