"""`TrainedModel`: what all models that are trained by gradients have in common.

A concrete model says how its network is built, what is minimised, validated and predicted.
Splitting, fitting, refitting and checkpoints are done here.
"""

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from undertow.data import TrialSet, join_trials
from undertow.data.arrays import TrialsLike, learning_parts
from undertow.data.batches import Batch
from undertow.data.lazy_batch import LazyBatch, few
from undertow.errors import ModelError
from undertow.memory import give_back
from undertow.models.base import Estimator, ProgressReport
from undertow.models.distilling import check_distill, softened, teacher_of
from undertow.models.network_model import Network, NetworkModel
from undertow.models.population import Population
from undertow.models.racing import REFIT, Recipe, check_recipes, settle
from undertow.models.unused import warn_of_unused
from undertow.training import (
    Progress,
    Solve,
    Validate,
    clock,
    kept_row,
    own_folder,
    reporter,
    threads,
    train,
)

STEPPING = frozenset({"training__learning_rate", "training__weight_decay", "training__clip_norm"})
"""Settings of the training loop that may change from one epoch to the next."""


class TrainedModel(NetworkModel[Network]):
    """Model whose network is trained by gradients.

    A concrete model implements `build_network`, `objective`, `validator` and `predict`; see
    `NetworkModel` for its arguments and attributes.
    """

    _teacher: Estimator | None = None

    # --- what a model says of itself ---------------------------------------------------------

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

    def describe(self, trials: TrialSet) -> Population:
        """Describe the training trials as far as the network needs to know them."""
        return Population.of(trials)

    def readouts(self) -> Sequence[nn.Module]:
        """Last layers of the network, which map features to what is observed."""
        return ()

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """Weights whose step sizes are set apart: 'dynamics' and 'readout'.

        Networks inside the dynamics step as all other networks do.
        """
        dynamics = self.parts().get("dynamics")
        return {
            "dynamics": [] if dynamics is None else _quantities(dynamics),
            "readout": [weight for part in self.readouts() for weight in part.parameters()],
        }

    def closed_form(self, batch: Batch) -> Solve | None:
        """Return a function that solves parts of a network in closed form on the training trials.

        None, the default, where nothing has a closed form.
        """
        return None

    def choose(self, trials: TrialSet, validation: TrialSet) -> None:
        """Choose on validation trials what the training loop has not; nothing by default.

        The network has just been trained on `trials` alone; a refit may follow.
        """

    def complete(self, trials: TrialSet) -> None:
        """Learn what the training loop has not, from the trials it ended on; nothing by default."""

    def finish(self, validation: Batch) -> None:
        """Do what remains once the network is fitted, such as warnings; nothing by default."""

    recipes: ClassVar[Mapping[str, Recipe]] = {}
    """Settings by name, which `Training(recipes=…)` races."""
    adjustable: ClassVar[frozenset[str]] = STEPPING
    """Settings that may change amid a training; not the network, nor its budget."""

    def scores_by_trial(self, trials: TrialSet) -> np.ndarray:
        """Score each validation trial; the sum is in bits per spike, up to a constant.

        Raises:
            ModelError: by default: a model that can be raced says how.
        """
        raise ModelError(f"{type(self).__name__} has no scores by trial: it cannot be raced.")

    def check_settings(self) -> None:
        super().check_settings()
        check_distill(self)
        check_recipes(type(self).__name__, self.training.recipes, self.recipes)

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

        The arguments are those of `Estimator.fit`. The folder `checkpoint` holds checkpoints and a
        CSV log; a fit that is resumed from it ends as one never interrupted.

        Raises:
            ModelError: when an option breaks its rule, or the trials lack what it asks for.
            Interrupted: on Ctrl-C, after the state was saved.
        """
        self.check_settings()
        report, started, self.notes_ = reporter(progress, verbose), time.monotonic(), []
        trials, validation = learning_parts(trials, validation, bin_s, self.seed)
        warn_of_unused(self.unused_signals(trials))
        with ExitStack() as stack:
            folder = stack.enter_context(own_folder(checkpoint))
            if self.training.recipes:
                folder = folder or Path(stack.enter_context(TemporaryDirectory()))
                chosen = settle(self, trials, validation, folder, resume, report)
                self._note(chosen, report)
                resume = True
            self._teacher = teacher_of(self, trials, validation, folder, resume, report)
            self._fit(trials, validation, folder, resume, report, started)
        self._teacher = None
        give_back()  # minibatches leave much behind that what follows could not use
        return self

    def _note(self, sentence: str, report: ProgressReport) -> None:
        """Keep a sentence on what was chosen, and say it."""
        self.notes_.append(sentence)
        if isinstance(report, Progress):
            report.finish(sentence)

    def check_fit(self, trials: TrialSet) -> None:
        """Refuse settings that cannot be trained on these trials, with a `ModelError`."""
        self.check_settings()
        self._build(self.describe(trials), trials)

    def advance(
        self,
        trials: TrialSet,
        validation: TrialSet,
        share: float,
        folder: Path,
        report: ProgressReport,
    ) -> None:
        """Train up to a share of the budget, from the state in a folder; keep the best epoch.

        At its end, choose what is chosen then.
        """
        self.notes_ = []
        self._build(self.describe(trials), trials)
        validate = self.validator(few(validation), self.read(few(validation)))
        last = max(1, round(share * self._epochs(trials)))
        with threads(self._threads(trials, self.training.batch_size)):
            self.history_ = self._train(trials, validate, folder, True, report, last)
            self.validation_score_ = kept_row(self.history_).get("validation_score", float("nan"))
            self.network_.eval()
            if share == 1:
                self.choose(few(trials), few(validation))

    def _fit(
        self,
        trials: TrialSet,
        validation: TrialSet,
        folder: Path | None,
        resume: bool,
        report: ProgressReport,
        started: float,
    ) -> None:
        """Train a fresh network, and do what follows."""
        raced = len(self.notes_)
        self._build(self.describe(trials), trials)
        self._check_population(validation)
        held = self.read(few(validation))
        validate: Validate | None = self.validator(few(validation), held)
        if self.training.refit and self.training.keep == "last":
            # nothing is chosen: the one training is on all trials
            validate, trials = None, join_trials(trials, validation)
        n_threads = self._threads(trials, self.training.batch_size)
        with threads(n_threads):
            learned = self._learn(trials, validation, validate, folder, resume, report)
            self.complete(few(learned))
            if isinstance(report, Progress):
                for note in self.notes_[raced:]:
                    report.finish(note)
                report.finish(self._summary(time.monotonic() - started, trials, n_threads))
            self.finish(held)

    def _learn(
        self,
        trials: TrialSet,
        validation: TrialSet,
        validate: Validate | None,
        folder: Path | None,
        resume: bool,
        report: ProgressReport,
    ) -> TrialSet:
        """Train, and refit where asked for; return the trials learned from at the end."""
        learned = trials
        self.history_ = self._train(trials, validate, folder, resume, report)
        self.validation_score_ = kept_row(self.history_).get("validation_score", float("nan"))
        if validate is not None:
            self.network_.eval()
            self.choose(few(trials), few(validation))
        # fresh weights: the kept epoch counts from an untrained network, so the refit must too
        if self.training.refit and validate is not None and self.history_:
            # described by the first training trials as before: the network stays the same
            self._build(self.population_, trials)
            # stop where the first run was best; schedules keep the length of the whole budget
            share = kept_row(self.history_)["epoch"] / self._epochs(trials)
            learned, folder = join_trials(trials, validation), folder and folder / REFIT
            last = max(1, round(share * self._epochs(learned)))
            self._train(learned, None, folder, resume, report, last)
        self.network_.eval()
        return learned

    def _train(
        self,
        trials: TrialSet,
        validate: Validate | None,
        folder: Path | None,
        resume: bool,
        report: ProgressReport,
        last_epoch: int | None = None,
    ) -> list[dict[str, float]]:
        batch = self.learned_from(trials)
        return train(
            self.network_,
            softened(batch, trials, self._teacher, self.training.distill),
            self.objective,
            validate,
            self.training,
            self.seed,
            folder,
            resume,
            report,
            last_epoch,
            self.parameter_groups(),
            self.closed_form(self.read(few(trials)) if isinstance(batch, LazyBatch) else batch),
        )

    def _epochs(self, trials: TrialSet) -> int:
        """Number of epochs of the whole budget on these trials."""
        return self.training.epochs_of(len(trials))

    def _summary(self, seconds: float, trials: TrialSet, n_threads: int) -> str:
        """Say in a line what was fitted, in what time, and what was kept."""
        kept = kept_row(self.history_)
        score = f", validation {self.validation_score_:.4f}" if "validation_score" in kept else ""
        epochs = f"{int(kept.get('epoch', 0))} of {self._epochs(trials)}"
        on = f"{n_threads} thread{'s' * (n_threads > 1)}"
        name = type(self).__name__
        return f"{name}: fitted in {clock(seconds)} on {on}, epoch {epochs} kept{score}"


def _quantities(dynamics: nn.Module) -> list[nn.Parameter]:
    """Learned numbers of the dynamics that are no weights of a network inside them."""
    networks = (m for m in dynamics.modules() if isinstance(m, nn.Linear | nn.RNNCellBase))
    apart = {id(weight) for network in networks for weight in network.parameters()}
    return [weight for weight in dynamics.parameters() if id(weight) not in apart]
