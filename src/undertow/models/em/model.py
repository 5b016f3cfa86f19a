"""`EMModel`: what all models that are fitted by expectation–maximisation have in common."""

import time
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Self

from undertow.data import TrialSet
from undertow.data.arrays import TrialsLike, learning_parts
from undertow.memory import give_back
from undertow.models.base import ProgressReport
from undertow.models.em.learner import Learner
from undertow.models.em.loop import EMLoop, Validate
from undertow.models.em.options import EM
from undertow.models.fitted_network import FittedNetwork, Network
from undertow.models.population import Population
from undertow.models.unused import warn_of_unused
from undertow.training import Progress, clock, kept_row, reporter, threads, threads_for


class EMModel(FittedNetwork[Network]):
    """Model that is fitted by expectation–maximisation.

    A concrete model takes `em` and `seed` among its arguments and implements `build_network`,
    `learner`, `validator` and `predict`. Attributes are those of `FittedNetwork`.
    """

    em: EM

    def describe(self, trials: TrialSet) -> Population:
        """Describe the training trials as far as the network needs to know them."""
        return Population.of(trials)

    @abstractmethod
    def learner(self, trials: TrialSet) -> Learner[Network]:
        """The state of a fit of the network on these trials, before it starts."""

    @abstractmethod
    def validator(self, trials: TrialSet) -> Validate:
        """Return a function network → score on the validation trials, higher is better.

        Raises:
            ModelError: where these trials do not allow the score.
        """

    def check_memory(self, trials: TrialSet) -> None:
        """Refuse trials whose fit would take more memory than there is; none by default."""

    def check_trials(self, trials: TrialSet, validation: TrialSet) -> None:
        """Refuse trials that do not allow what the settings ask for; none by default."""

    def complete(self, trials: TrialSet, validation: TrialSet) -> None:
        """Learn what the iterations have not, once they ended; nothing by default."""

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

        Validation measures bits per spike of held-out neurons given the others, or, where none are
        held out, the evidence bound in bits per spike.

        Args:
            trials: a `TrialSet`; or a (trials, time, neurons) array of counts, a list of (time,
                neurons) arrays or an xarray, with `bin_s`.
            validation: as `trials`, to choose the iteration on; by default a stratified 15 % of
                them.
            bin_s: bin width of arrays, in seconds.
            checkpoint: folder for checkpoints and the CSV log.
            resume: continue from the checkpoint; the fit then ends as one never interrupted.
            progress: called with (row, share done, seconds left) after each validation; by default
                a line on a terminal or in a notebook, and nothing elsewhere.
            verbose: False for silence where no `progress` is given.

        Raises:
            ModelError: when an option breaks its rule, or the trials lack what it asks for.
            Interrupted: on Ctrl-C, after the state was saved.
        """
        self.check_settings()
        report, started = reporter(progress, verbose), time.monotonic()
        trials, validation = learning_parts(trials, validation, bin_s, self.seed)
        warn_of_unused(self.unused_signals(trials))
        self._remember_population(trials)
        self._check_population(validation)
        self.check_memory(trials)
        self.check_trials(trials, validation)
        self.population_, self.notes_ = self.describe(trials), []
        self.network_ = self._new_network(self.population_, self.seed)
        folder = None if checkpoint is None else Path(checkpoint)
        with threads(threads_for(0, trials.n_trials)):  # its matrices are small ones
            self._iterate(trials, validation, folder, resume, report)
            self.complete(trials, validation)
            if isinstance(report, Progress):
                for note in self.notes_:
                    report.finish(note)
                report.finish(self._summary(time.monotonic() - started))
        give_back()
        return self

    def _iterate(
        self,
        trials: TrialSet,
        validation: TrialSet,
        folder: Path | None,
        resume: bool,
        report: Callable[[dict[str, float], float, float], None],
    ) -> None:
        """Run the iterations, and keep the network that validated best."""
        validate, learner = self.validator(validation), self.learner(trials)
        learner.start()
        self.history_ = EMLoop(learner, validate, folder, report).run(resume)
        self.validation_score_ = kept_row(self.history_).get("validation_score", float("nan"))

    def _summary(self, seconds: float) -> str:
        kept = int(kept_row(self.history_).get("epoch", 0))
        return (
            f"{type(self).__name__}: fitted in {clock(seconds)}, iteration {kept} of "
            f"{self.em.iterations} kept, validation {self.validation_score_:.4f}"
        )
