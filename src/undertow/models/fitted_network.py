"""`FittedNetwork`: a model whose fit is a network's tensors: built, counted, saved and loaded."""

import copy
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import numpy as np
from torch import Tensor, nn

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.models import persistence
from undertow.models.base import Estimator
from undertow.models.population import Population
from undertow.models.sizes import NOTHING, Size
from undertow.randomness import isolated_seed
from undertow.training import choose_device, kept_row

Network = TypeVar("Network", bound=nn.Module)


class FittedNetwork(Estimator, Generic[Network]):
    """Model whose predictions are those of a network, by whatever it is fitted.

    Attributes:
        network_: the fitted network.
        population_: what the network knows of the trials it was fitted on.
        history_: one row per validation; empty for a fit without them.
        validation_score_: the score of the fit that was kept; NaN without validation.
        notes_: sentences on what the fit chose beside that; empty in a model that was loaded.
    """

    seed: int
    device: str = "cpu"
    network_: Network
    population_: Population
    history_: list[dict[str, float]]
    notes_: list[str]

    @abstractmethod
    def build_network(self, population: Population) -> Network:
        """Build an unfitted network; weights come from torch's global generator, already seeded.

        Raises:
            ModelError: naming the setting and the rule it breaks.
        """

    def network_size(self, population: Population) -> Size:
        """Size of the network, at least, before it is built; nothing where that is not known."""
        return NOTHING

    def parts(self) -> Mapping[str, nn.Module | None]:
        """Parts of the network whose parameters are counted on their own."""
        return {}

    def check_settings(self) -> None:
        super().check_settings()
        choose_device(self.device)

    def _new_network(self, population: Population, seed: int) -> Network:
        with isolated_seed(seed):
            network = self.build_network(population)
        return network.to(choose_device(self.device))

    def network_on_cpu(self) -> Network:
        """The network itself where it is on the CPU, else a copy of it there."""
        self._check_fitted()
        held = next(iter(self.network_.state_dict().values()))
        return self.network_ if held.device.type == "cpu" else copy.deepcopy(self.network_).cpu()

    def read(self, trials: TrialSet) -> Batch:
        """Return trials as the network reads them, on its device.

        Raises:
            ModelError: for other signals than it was fitted on.
        """
        held = next(iter(self.network_.state_dict().values()))
        return self.population_.batch(trials, held.device)

    def parameter_counts(self) -> dict[str, int]:
        """Count learned numbers: 'all' and by part, 0 for a part that was left out."""
        self._check_fitted()
        return {"all": _learned(self.network_)} | {k: _learned(v) for k, v in self.parts().items()}

    # --- files -------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write weights and settings to one safetensors file, atomically."""
        self._check_fitted()
        population = asdict(self.population_)
        return persistence.save(
            self, self.network_.state_dict(), self.history_, population, Path(path)
        )

    @classmethod
    def load(cls, path: str | Path, **params: Any) -> Self:
        """Read a model written by `save`.

        A potential, dynamics or functions of your own, which no file holds, are given again:
        `load(path, dynamics=…)`.

        Raises:
            ModelError: when the file is missing, damaged or of another model.
        """
        model, tensors, header = persistence.load(cls, path, params)
        model.population_ = known = Population.read(header.population, path)
        model.neuron_ids_, model.bin_s_ = np.array(known.neuron_ids), known.bin_s
        model.heldout_ = np.array(known.heldout, dtype=bool)
        model._check_loaded(tensors, path)
        model.network_ = model._loaded_network(tensors, path)
        model.network_.eval()
        model.history_, model.notes_ = header.history, []
        model.validation_score_ = kept_row(model.history_).get("validation_score", float("nan"))
        return model

    def _loaded_network(self, tensors: dict[str, Tensor], path: str | Path) -> Network:
        """Build the network that a file holds the tensors of."""
        # the weights drawn here are replaced at once; the caller's generator must not notice
        network = self._new_network(self.population_, 0)
        persistence.restore(network, tensors, path)
        return network

    def _check_loaded(self, tensors: Mapping[str, Tensor], path: str | Path) -> None:
        """Refuse settings of a file that break a rule, or make a larger network than it holds."""
        self.check_settings()
        with isolated_seed(0):
            persistence.check_size(self.network_size(self.population_), tensors, path)


def _learned(part: nn.Module | None) -> int:
    return 0 if part is None else sum(p.numel() for p in part.parameters() if p.requires_grad)
