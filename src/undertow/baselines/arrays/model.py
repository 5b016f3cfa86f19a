"""`ArrayBaseline`: a baseline whose fit is a handful of arrays."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from undertow import checks
from undertow.data import Prediction, TrialSet, join_trials
from undertow.data.arrays import TrialsLike, learning_parts
from undertow.errors import ModelError
from undertow.models.base import ProgressReport
from undertow.models.fitted_network import FittedNetwork
from undertow.models.population import Population
from undertow.models.unused import unused_by_spikes_alone, warn_of_unused
from undertow.names import printable

Shape = tuple[str | int, ...]
"""Sizes of an array: numbers, those of `ArrayBaseline.sizes` by name, or one that only arrays
know."""


class Arrays(nn.Module):
    """Arrays in float64, by name."""

    def __init__(self, arrays: Mapping[str, np.ndarray | Tensor]) -> None:
        super().__init__()
        for name, array in arrays.items():
            held = array if isinstance(array, Tensor) else torch.from_numpy(np.array(array, float))
            self.register_buffer(name, held)

    def __getitem__(self, name: str) -> np.ndarray:
        found: np.ndarray = self.get_buffer(name).numpy()
        return found


class ArrayBaseline(FittedNetwork[Arrays]):
    """Baseline whose fit is a handful of arrays, found in closed form.

    A concrete one says in `shapes` what arrays these are, and implements `learn` and `respond`.
    What it chooses it chooses on validation trials; then it learns from these too. Attributes are
    those of `FittedNetwork`.
    """

    seeded = False
    shapes: ClassVar[Mapping[str, Shape]]
    """Name of each array → its sizes."""
    positive: ClassVar[tuple[str, ...]] = ()
    """Arrays whose numbers are above zero."""

    @abstractmethod
    def learn(
        self, trials: TrialSet, validation: TrialSet, everything: TrialSet
    ) -> dict[str, np.ndarray]:
        """Choose on validation trials and learn from all; return the arrays.

        Args:
            trials: to learn from while choosing.
            validation: to choose on.
            everything: both.
        """

    @abstractmethod
    def respond(
        self, trials: TrialSet, samples: int | None, seed: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
        """Return rates in spikes/s, latents, and further fields of the prediction, by name.

        Values past a trial's end are of no matter.
        """

    def check_trials(self, trials: TrialSet) -> None:
        """Refuse trials that lack what the baseline needs; none by default."""

    def unused_signals(self, trials: TrialSet) -> list[str]:
        return unused_by_spikes_alone(type(self).__name__, trials)

    def describe(self, trials: TrialSet) -> Population:
        """Describe the training trials as far as predictions need to know them."""
        return Population.of(trials)

    def fit(
        self,
        trials: TrialsLike,
        validation: TrialsLike | None = None,
        *,
        bin_s: float | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: ProgressReport | None = None,
        verbose: bool = True,
    ) -> Self:
        """Choose on validation trials, and learn from all trials given.

        Args:
            trials: to learn from.
            validation: to choose on; 15 % of the trials when not given.
            bin_s: bin width in seconds of arrays.
            checkpoint, resume, progress, verbose: of no use here; a fit is short and starts anew.

        Raises:
            ModelError: when an option breaks its rule, or the trials lack what it asks for.
        """
        self.check_settings()
        given, held = learning_parts(trials, validation, bin_s, self.seed)
        self.check_trials(given)
        warn_of_unused(self.unused_signals(given))
        self._remember_population(given)
        self._check_population(held)
        everything = join_trials(given, held)
        self.population_ = self.describe(everything)
        self.history_, self.notes_ = [], []
        self.network_ = Arrays(self.learn(given, held, everything))
        return self

    def predict(self, trials: TrialsLike, samples: int | None = None, seed: int = 0) -> Prediction:
        """Predict rates in spikes/s, NaN past the end of a trial.

        Args:
            trials: the model's neurons in its order, at its bin width.
            samples: keep so many posterior samples, of a baseline that has a posterior.
            seed: of the samples.

        Raises:
            ModelError: when the model is not fitted, the neurons differ, or there is no posterior
                to sample from.
        """
        trials = self.checked(trials)
        self.check_trials(trials)
        checks.seed("seed", seed)
        rates, latents, further = self.respond(trials, samples, seed)
        past = ~trials.valid[..., None]
        return Prediction(
            rates=np.where(past, np.nan, rates).astype(np.float32),
            trials=trials,
            latents={k: np.where(past, np.nan, v) for k, v in latents.items()},
            **further,
        )

    def parameter_counts(self) -> dict[str, int]:
        self._check_fitted()
        return {"all": sum(array.numel() for array in self.network_.state_dict().values())}

    def has_posterior(self) -> bool:
        return False

    # --- files -------------------------------------------------------------------------------

    def build_network(self, population: Population) -> Arrays:
        raise ModelError(f"{type(self).__name__} is made of arrays: fit it, or load it.")

    def _loaded_network(self, tensors: dict[str, Tensor], path: str | Path) -> Arrays:
        if why := self._misfit(tensors):
            raise ModelError(f"{path} holds other arrays than {self.cli_name} has ({why}).")
        return Arrays(tensors)

    def sizes(self) -> dict[str, int]:
        """Sizes of arrays that follow from the population and the settings, by name."""
        known = self.population_
        return {
            "neurons": len(known.neuron_ids),
            "heldin": known.n_heldin,
            "channels": len(known.behavior_names),
            "conditions": len(known.conditions),
        }

    def _misfit(self, tensors: Mapping[str, Tensor]) -> str:
        """Say how arrays of a file break `shapes` or `positive`; empty where they do not."""
        if unknown := sorted(tensors.keys() - self.shapes.keys()):
            return f"{printable(unknown[0])} is unknown"
        sizes = self.sizes()
        for name, shape in self.shapes.items():
            if name not in tensors:
                return f"{name} is missing"
            held = tensors[name]
            if held.dtype != torch.float64 or not bool(held.isfinite().all()):
                return f"{name} must hold finite numbers"
            if name in self.positive and not bool((held > 0).all()):
                return f"{name} must hold numbers above zero"
            if held.ndim != len(shape):
                return f"{name} has {held.ndim} axes, not {len(shape)}"
            for size, wanted in zip(held.shape, shape, strict=True):
                # a size that only arrays know is that of the first, and not zero
                known = wanted if isinstance(wanted, int) else sizes.setdefault(wanted, size or 1)
                if size != known:
                    return f"{name} has the shape {tuple(held.shape)}, {wanted} is {known}"
        return ""
