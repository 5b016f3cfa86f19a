"""`TrainedModel`: what all models that are trained by gradients have in common.

A concrete model says how its network is built, what is minimised, what is validated and what it
predicts. Splitting, fitting, refitting, checkpoints, saving and loading are done here.
"""

import copy
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from undertow import checks
from undertow.data import TrialSet, as_trials, join_trials, split_validation
from undertow.data.arrays import TrialsLike
from undertow.data.batches import Batch
from undertow.dynamics import Dynamics
from undertow.errors import ModelError
from undertow.memory import give_back
from undertow.models import persistence
from undertow.models.base import Estimator, ProgressReport
from undertow.models.population import Population
from undertow.models.sizes import NOTHING, Size, check_training
from undertow.models.unused import warn_of_unused
from undertow.randomness import isolated_seed
from undertow.training import (
    Progress,
    Solve,
    Training,
    Validate,
    choose_device,
    clock,
    kept_row,
    reporter,
    train,
)

VALIDATION_SHARE, LEAST_SAMPLES, MOST_SAMPLES = 0.15, 5, 10**6
Network = TypeVar("Network", bound=nn.Module)


class TrainedModel(Estimator, Generic[Network]):
    """Model whose network is trained by gradients.

    A concrete model takes `samples`, `seed`, `device` and `training` among its arguments and
    implements `build_network`, `objective`, `validator` and `predict`.

    Attributes:
        network_: the fitted network.
        population_: what the network knows of the trials it was fitted on.
        history_: one row per validation.
        validation_score_: the score of the epoch that was kept; NaN without validation.
    """

    samples: int
    seed: int
    device: str
    training: Training
    network_: Network
    population_: Population
    history_: list[dict[str, float]]

    # --- what a model says of itself ---------------------------------------------------------

    @abstractmethod
    def build_network(self, population: Population) -> Network:
        """Build an untrained network; weights come from torch's global generator, already seeded.

        Raises:
            ModelError: naming the setting and the rule it breaks.
        """

    @abstractmethod
    def objective(
        self, batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute what is minimised, and its terms by name, at a share `progress` of training."""

    @abstractmethod
    def validator(self, trials: TrialSet, batch: Batch) -> Validate:
        """Return a function network → score on the validation trials, higher is better.

        Raises:
            ModelError: where these trials do not allow the score.
        """

    def network_size(self, population: Population) -> Size:
        """Size of the network, at least, before it is built; nothing where that is not known."""
        return NOTHING

    def describe(self, trials: TrialSet) -> Population:
        """Describe the training trials as far as the network needs to know them."""
        return Population.of(trials)

    def parts(self) -> Mapping[str, nn.Module | None]:
        """Parts of the network whose parameters are counted on their own."""
        return {}

    def readouts(self) -> Sequence[nn.Module]:
        """Last layers of the network, which map features to what is observed."""
        return ()

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """Weights whose step sizes are set apart: 'dynamics' and 'readout'."""
        dynamics = self.parts().get("dynamics")
        return {
            "dynamics": [] if dynamics is None else list(dynamics.parameters()),
            "readout": [weight for part in self.readouts() for weight in part.parameters()],
        }

    def closed_form(self, batch: Batch) -> Solve | None:
        """Return a function that solves parts of a network in closed form on the training trials.

        None, the default, where nothing has a closed form.
        """
        return None

    def finish(self, validation: Batch) -> None:
        """Do what remains once the network is fitted, such as warnings; nothing by default."""

    # --- fitting -----------------------------------------------------------------------------

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
        """Learn from trials; held-out neurons and forward bins in them are learned from too.

        Args:
            trials: a `TrialSet`; or a (trials, time, neurons) array of counts, a list of (time,
                neurons) arrays or an xarray, with `bin_s`.
            validation: as `trials`, to choose the epoch on; by default a stratified 15 % of them.
            bin_s: bin width of arrays, in seconds.
            checkpoint: folder for checkpoints and the CSV log.
            resume: continue from the checkpoint; the run then ends as one never interrupted.
            progress: called with (row, share done, seconds left) after each validation; by default
                a line on a terminal or in a notebook, and nothing elsewhere.
            verbose: False for silence where no `progress` is given.

        Raises:
            ModelError: when an option breaks its rule, or the trials lack what it asks for.
            Interrupted: on Ctrl-C, after the state was saved.
        """
        self.check_settings()
        report, started = reporter(progress, verbose), time.monotonic()
        trials = as_trials(trials, bin_s)
        warn_of_unused(self.unused_signals(trials))
        if validation is None:
            trials, validation = split_validation(trials, VALIDATION_SHARE, seed=self.seed)
        validation = as_trials(validation, bin_s)
        self._build(self.describe(trials), trials)
        self._check_population(validation)
        held = self.read(validation)
        validate: Validate | None = self.validator(validation, held)
        folder = None if checkpoint is None else Path(checkpoint)
        if self.training.refit and self.training.keep == "last":
            # nothing is chosen: the one training is on all trials
            validate, trials = None, join_trials(trials, validation)
        self.history_ = self._train(trials, validate, folder, resume, report)
        self.validation_score_ = kept_row(self.history_).get("validation_score", float("nan"))
        # fresh weights: the kept epoch counts from an untrained network, so the refit must too
        if self.training.refit and validate is not None and self.history_:
            # described by the first training trials as before: the network stays the same
            self._build(self.population_, trials)
            together, folder = join_trials(trials, validation), folder and folder / "refit"
            # stop where the first run was best; schedules keep the length of the whole budget
            share = kept_row(self.history_)["epoch"] / self._epochs(trials)
            last = max(1, round(share * self._epochs(together)))
            self._train(together, None, folder, resume, report, last)
        self.network_.eval()
        if isinstance(report, Progress):
            report.finish(self._summary(time.monotonic() - started, trials))
        self.finish(held)
        give_back()  # minibatches leave much behind that what follows could not use
        return self

    def _train(
        self,
        trials: TrialSet,
        validate: Validate | None,
        folder: Path | None,
        resume: bool,
        report: ProgressReport,
        last_epoch: int | None = None,
    ) -> list[dict[str, float]]:
        batch = self.read(trials)
        return train(
            self.network_,
            batch,
            self.objective,
            validate,
            self.training,
            self.seed,
            folder,
            resume,
            report,
            last_epoch,
            self.parameter_groups(),
            self.closed_form(batch),
        )

    def _epochs(self, trials: TrialSet) -> int:
        """Number of epochs of the whole budget on these trials."""
        return self.training.epochs_of(len(trials))

    def _summary(self, seconds: float, trials: TrialSet) -> str:
        """Say in a line what was fitted, in what time, and what was kept."""
        kept = kept_row(self.history_)
        score = f", validation {self.validation_score_:.4f}" if "validation_score" in kept else ""
        epochs = f"{int(kept.get('epoch', 0))} of {self._epochs(trials)}"
        return f"{type(self).__name__}: fitted in {clock(seconds)}, epoch {epochs} kept{score}"

    def check_settings(self) -> None:
        super().check_settings()
        checks.whole("samples", self.samples, 1, MOST_SAMPLES)
        choose_device(self.device)

    def _build(self, population: Population, trials: TrialSet) -> None:
        """Build a fresh network for this population, if there is memory to train it."""
        with isolated_seed(self.seed):
            size = self.network_size(population)
        bins = min(self.training.batch_size, trials.n_trials) * trials.n_time
        check_training(size, bins, "the widths of the model's parts")
        with isolated_seed(self.seed):
            network = self.build_network(population)
        self.population_, self.network_ = population, network.to(choose_device(self.device))
        self._remember_population(trials)

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
        model.history_ = header.history
        model.validation_score_ = kept_row(model.history_).get("validation_score", float("nan"))
        return model


def _learned(part: nn.Module | None) -> int:
    return 0 if part is None else sum(p.numel() for p in part.parameters() if p.requires_grad)
