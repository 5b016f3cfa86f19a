"""`NetworkModel`: a model that is a network, built for a population, counted, saved and loaded."""

import copy
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import numpy as np
from torch import nn

from undertow import checks
from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.dynamics import Dynamics
from undertow.errors import ModelError
from undertow.models import persistence
from undertow.models.base import Estimator
from undertow.models.population import Population
from undertow.models.sizes import NOTHING, Size, check_training
from undertow.randomness import isolated_seed
from undertow.training import Training, choose_device, kept_row, threads, threads_for

LEAST_SAMPLES, MOST_SAMPLES = 5, 10**6
PREDICTED_AT_ONCE = 256
"""Trials that a prediction takes in one pass, about."""
Network = TypeVar("Network", bound=nn.Module)


class NetworkModel(Estimator, Generic[Network]):
    """Model whose predictions are those of a network.

    A concrete model takes `samples`, `seed`, `device` and `training` among its arguments and
    implements `build_network`; how it is fitted is left to `TrainedModel`.

    Attributes:
        network_: the fitted network.
        population_: what the network knows of the trials it was fitted on.
        history_: one row per validation.
        validation_score_: the score of the epoch that was kept; NaN without validation.
        notes_: sentences on what the fit chose beside that; empty in a model that was loaded.
    """

    samples: int
    seed: int
    device: str
    training: Training
    network_: Network
    population_: Population
    history_: list[dict[str, float]]
    notes_: list[str]
    trained_bins: int = 0
    """Bins of the training trials, where a fit has begun."""

    # --- building ----------------------------------------------------------------------------

    @abstractmethod
    def build_network(self, population: Population) -> Network:
        """Build an untrained network; weights come from torch's global generator, already seeded.

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
        checks.whole("samples", self.samples, 1, MOST_SAMPLES)
        choose_device(self.device)

    def _build(self, population: Population, trials: TrialSet) -> None:
        """Build a fresh network for this population, if there is memory to train it."""
        self.trained_bins = int(trials.lengths.sum())
        with isolated_seed(self.seed):
            size = self.network_size(population)
        bins = min(self.training.batch_size, trials.n_trials) * trials.n_time
        check_training(size, bins, "the widths of the model's parts")
        with isolated_seed(self.seed):
            network = self.build_network(population)
        self.population_, self.network_ = population, network.to(choose_device(self.device))
        self._remember_population(trials)

    def _threads(self, trials: TrialSet, at_once: int) -> int:
        """Return the number of threads that passes over so many of these trials are worth."""
        weights = sum(weight.numel() for weight in self.network_.parameters())
        return threads_for(weights, min(at_once, trials.n_trials) * trials.n_time)

    def _few_threads(self, trials: TrialSet) -> AbstractContextManager[None]:
        """Predict inside on as many threads as that is worth."""
        return threads(self._threads(trials, PREDICTED_AT_ONCE))

    # --- reading -----------------------------------------------------------------------------

    def read(self, trials: TrialSet) -> Batch:
        """Return trials as the network reads them, on its device.

        Raises:
            ModelError: for other signals than it was fitted on.
        """
        return self.population_.batch(trials, next(self.network_.parameters()).device)

    def _samples(self, samples: int | None, seed: int) -> int:
        """Return the number of posterior samples to draw: as asked for, else the model's own.

        Raises:
            ModelError: for a number of samples or a seed that is none.
        """
        checks.seed("seed", seed)
        if samples is None:
            return self.samples
        checks.whole("samples", samples, 1, MOST_SAMPLES)
        return int(samples)

    def thinned(self, times: int) -> Self:
        """Return the fitted model with so many times fewer samples, at least 5."""
        few = copy.copy(self)
        few.samples = min(self.samples, max(LEAST_SAMPLES, self.samples // times))
        return few

    # --- looking -----------------------------------------------------------------------------

    @property
    def dynamics_(self) -> Dynamics:
        """Fitted dynamics, a torch module; their parameters are in general not identifiable.

        Raises:
            ModelError: before fitting, and for a model without dynamics.
        """
        self._check_fitted()
        found = self.parts().get("dynamics")
        if not isinstance(found, Dynamics):
            raise ModelError(f"this {type(self).__name__} has no latent dynamics.")
        return found

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
        """
        model, tensors, header = persistence.load(cls, path, params)
        model.population_ = known = Population.read(header.population, path)
        model.neuron_ids_, model.bin_s_ = np.array(known.neuron_ids), known.bin_s
        model.heldout_ = np.array(known.heldout, dtype=bool)
        model.check_settings()
        # the weights drawn here are replaced at once; the caller's generator must not notice
        with isolated_seed(0):
            persistence.check_size(model.network_size(known), tensors, path)
            model.network_ = model.build_network(known)
        persistence.restore(model.network_, tensors, path)
        model.network_.to(choose_device(model.device)).eval()
        model.history_, model.notes_ = header.history, []
        model.validation_score_ = kept_row(model.history_).get("validation_score", float("nan"))
        return model


def _learned(part: nn.Module | None) -> int:
    return 0 if part is None else sum(p.numel() for p in part.parameters() if p.requires_grad)
