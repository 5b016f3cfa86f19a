"""`NetworkModel`: a model that is a network trained by gradients; most draw posterior samples."""

import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol, Self

from undertow import checks
from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.data.counts import totals
from undertow.data.large import LazyCounts
from undertow.data.lazy_batch import LazyBatch
from undertow.dynamics import Dynamics
from undertow.errors import ModelError
from undertow.models.fitted_network import FittedNetwork, Network
from undertow.models.population import Population
from undertow.models.sizes import check_training
from undertow.randomness import isolated_seed
from undertow.training import Training, choose_device, threads, threads_for

LEAST_SAMPLES, MOST_SAMPLES = 5, 10**6
PREDICTED_AT_ONCE = 256
"""Trials that a prediction takes in one pass, about."""


class Shared(Protocol):
    """What the network of one session has in common with those of others."""

    spikes: float

    def population(self, population: Population) -> Population:
        """Describe the session as a part of all."""

    def join(self, network: Any, trials: TrialSet) -> None:
        """Make a fresh network one of all."""


class NetworkModel(FittedNetwork[Network]):
    """Model whose predictions are means over samples of a network.

    A concrete model takes `seed`, `device`, `training` and, where it draws, `samples` among its
    arguments and implements `build_network`; how it is fitted is left to `TrainedModel`. Attributes
    are those of `FittedNetwork`.
    """

    samples: int = 1
    training: Training
    acausal: ClassVar[Mapping[str, Any]] = {}
    """Settings under which it sees whole trials: those of its teacher, `Training(distill=…)`."""
    trained_spikes: float = 0.0
    """Training spikes of a held-in neuron, on average, where a fit has begun."""
    _common: Shared | None = None

    # --- building ----------------------------------------------------------------------------

    def check_settings(self) -> None:
        super().check_settings()
        checks.whole("samples", self.samples, 1, MOST_SAMPLES)

    def _build(self, population: Population, trials: TrialSet) -> None:
        """Build a fresh network for this population, if there is memory to train it."""
        self.trained_spikes = float(totals(trials.spikes)[0][~trials.heldout].mean())
        if self._common is not None:
            population = self._common.population(population)
            self.trained_spikes = self._common.spikes
        with isolated_seed(self.seed):
            size = self.network_size(population)
        bins = min(self.training.batch_size, trials.n_trials) * trials.n_time
        check_training(size, bins, "the widths of the model's parts")
        network = self._new_network(population, self.seed)
        if self._common is not None:
            self._common.join(network, trials)
        self.population_, self.network_ = population, network
        self._remember_population(trials)

    def _threads(self, trials: TrialSet, at_once: int) -> int:
        """Return the number of threads that passes over so many of these trials are worth."""
        weights = sum(weight.numel() for weight in self.network_.parameters())
        return threads_for(weights, min(at_once, trials.n_trials) * trials.n_time)

    def _few_threads(self, trials: TrialSet) -> AbstractContextManager[None]:
        """Predict inside on as many threads as that is worth."""
        return threads(self._threads(trials, PREDICTED_AT_ONCE))

    # --- reading -----------------------------------------------------------------------------

    def learned_from(self, trials: TrialSet) -> Batch | LazyBatch:
        """Return what minibatches are drawn from; counts that are no array are read by and by."""
        if isinstance(trials.spikes, LazyCounts):
            return LazyBatch(trials, self.read, choose_device(self.device))
        return self.read(trials)

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
