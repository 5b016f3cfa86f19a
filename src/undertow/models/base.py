"""`Estimator`: what every model and baseline can do: fit, predict, score, save and load."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from undertow import checks
from undertow.data import Prediction, TrialSet, as_trials
from undertow.data.arrays import TrialsLike
from undertow.errors import ModelError
from undertow.evaluation import Score
from undertow.evaluation import scores as scoring
from undertow.models.search_space import SearchSpace
from undertow.models.settable import Settable
from undertow.models.streaming import BehaviorDecoder, Stepper, Stream

ProgressReport = Callable[[dict[str, float], float, float], None]


class Generated(NamedTuple):
    """Prediction from the first bins of each trial alone.

    Attributes:
        prediction: rates, latents and more for all bins.
        seen_bins: how many bins the model was shown; it had to generate those that follow. Of
            irregular times it was shown all before so many bin widths had passed.
    """

    prediction: Prediction
    seen_bins: int


class Estimator(Settable):
    """Model of binned trials; constructor arguments are its parameters, in scikit-learn style.

    After `fit`, `neuron_ids_` holds the neurons that the model was fitted on, in order. Trials of
    other neurons, or of the same neurons in another order, are refused by name. Models whose
    `irregular_times` is False also refuse trials with irregular times.
    """

    cli_name: ClassVar[str]
    irregular_times: ClassVar[bool] = False
    compared: ClassVar[bool] = True
    """Whether comparisons include it where no models are named."""
    told: ClassVar[str] = ""
    """What it is told of test trials and other models are not, such as 'condition'."""
    seeded: ClassVar[bool] = True
    """Whether a fit with validation trials depends on `seed`."""
    settings_before: ClassVar[Mapping[str, Any]] = {}
    """What settings were, in effect, before files held them."""
    search_space: ClassVar[SearchSpace] = {}
    """What a search over settings varies by default; empty where nothing is worth it."""
    neuron_ids_: np.ndarray
    heldout_: np.ndarray
    bin_s_: float
    validation_score_: float = float("nan")

    @abstractmethod
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
        """Learn from trials.

        Args:
            trials: a `TrialSet`; or a (trials, time, neurons) array of counts, a list of (time,
                neurons) arrays or an xarray, with `bin_s`.
            validation: as `trials`, to make choices on; by default a stratified 15 % of `trials`.
            bin_s: bin width of arrays, in seconds.
            checkpoint: folder for the state of a long training.
            resume: continue from the state in `checkpoint`.
            progress: called with (row, share done, seconds left) after each validation; by default
                a line on a terminal or in a notebook, and nothing elsewhere.
            verbose: False for silence where no `progress` is given.

        Models that do not train for long ignore the last four.
        """

    @abstractmethod
    def predict(self, trials: TrialsLike, samples: int | None = None, seed: int = 0) -> Prediction:
        """Predict rates and latents; with `samples=N` the N posterior samples are kept as well."""

    def has_posterior(self) -> bool:
        """Whether `predict(samples=N)` draws from a posterior; else it refuses to."""
        return True

    def refuse_samples(self, samples: int | None) -> None:
        """Refuse to sample from a posterior that does not exist.

        Raises:
            ModelError: where samples are asked for.
        """
        if samples is not None:
            raise ModelError(
                f"{type(self).__name__} has no posterior to sample from: call predict(trials) "
                "without samples."
            )

    def predict_exchanged(self, trials: TrialSet, seed: int = 0) -> Prediction | None:
        """Predict rates with each trial's latents replaced by another trial's, all else kept.

        The score lost by it measures what the latents carry beyond everything else that the decoder
        sees. None where an exchange has no meaning.
        """
        return None

    def predict_generated(
        self, trials: TrialSet, samples: int | None = None, seed: int = 0
    ) -> Generated | None:
        """Predict from each trial's start and stimulus alone; None for models that cannot."""
        return None

    def predict_hidden(
        self, trials: TrialSet, masks: int = scoring.MASKS, seed: int = 0
    ) -> Prediction | None:
        """Predict each held-in entry of the window while it is hidden, see `hidden_prediction`.

        None for a model that cannot do without single entries; it has no 'held-in bps' then.
        """
        return scoring.hidden_prediction(self.thinned(masks).predict, trials, masks, seed)

    def thinned(self, times: int) -> Self:
        """Return the fitted model with so many times fewer posterior samples, where it has any."""
        return self

    def stream(
        self,
        behavior: bool | TrialsLike | None = None,
        *,
        lag_s: float = 0.1,
        samples: int | None = None,
        seed: int = 0,
    ) -> Stream:
        """Return this model as a stream, which reads one bin after another (`Stream`).

        Each of its steps gives what `predict` gives in the last bin of a trial that ends there.

        Args:
            behavior: what behaviour is given: None for the model's own where it has learned some,
                True to insist on that, False for none; or training trials, on which a decoder of
                log rates is fitted (`BehaviorDecoder`).
            lag_s: by how much behaviour follows rates, for that decoder, in seconds.
            samples: posterior samples averaged, as in `predict`; the model's own number by default.
            seed: of the samples.

        Raises:
            ModelError: for a model whose rates depend on later bins, or that has learned no
                behaviour where that is asked for.
        """
        self._check_fitted()
        checks.seed("seed", seed)
        stepper, decoder = self.stepper(samples, seed), None
        if behavior is not None and not isinstance(behavior, bool):
            decoder = BehaviorDecoder(self.predict(behavior), lag_s)
        elif behavior and stepper.behavior is None:
            raise ModelError(
                f"this {type(self).__name__} has learned no behaviour: give training trials to "
                "learn a decoder from, stream(behavior=trials)."
            )
        who = (type(self).__name__, self.neuron_ids_, self.heldout_, self.bin_s_)
        return Stream(stepper, *who, decoder, own_behavior=behavior in (None, True))

    def stepper(self, samples: int | None, seed: int) -> Stepper:
        """Return what goes from bin to bin in a stream; the arguments are those of `stream`.

        Raises:
            ModelError: by default, and where a setting lets rates depend on later bins.
        """
        remedy = ": fit one with causal=True" if "causal" in self.get_params(deep=False) else ""
        raise ModelError(
            f"this {type(self).__name__} cannot be streamed, as its rates depend on later bins of "
            f"a trial{remedy}."
        )

    def unused_signals(self, trials: TrialSet) -> list[str]:
        """Say what this model does not use of `trials`, a sentence each; `fit` warns of it."""
        return []

    def judging_settings(self, trials: TrialSet) -> list[str]:
        """Name the settings that change what the validation score of these trials measures.

        A search leaves them alone: scores under different ones cannot be compared.
        """
        return [name for name in self.get_params() if name.endswith("monitor")]

    def parameter_counts(self) -> Mapping[str, int]:
        """Count learned numbers: 'all' and by part; empty for a model that does not count them."""
        return {}

    def score(self, trials: TrialsLike, train: TrialsLike | None = None) -> dict[str, Score]:
        """Compute every score that `trials` allow, by name, each with its 95 % interval.

        The scores of velocity and of trial averages (PSTHs) need `train` too.

        Args:
            trials: test trials, used neither for fitting nor for choosing the epoch.
            train: the training trials, on which decoders are fitted.
        """
        trials = self.checked(trials)
        fitted_on = None if train is None else self.predict(train)
        found = scoring.model_statistics(self, self.predict(trials), fitted_on)
        return scoring.combine([[found]])

    @abstractmethod
    def save(self, path: str | Path) -> Path:
        """Write the model to one safetensors file, atomically; settings are in its JSON header."""

    @classmethod
    @abstractmethod
    def load(cls, path: str | Path, **params: Any) -> Self:
        """Read a saved model; `params` replace arguments, such as functions no file can hold."""

    def checked(self, data: TrialsLike) -> TrialSet:
        """Return a `TrialSet`, from one or from arrays, of the population the model was fitted on.

        Raises:
            ModelError: before fitting; for other neurons, another order, other held-out neurons,
                another bin width, or irregular times the model does not take.
        """
        self._check_fitted()
        known = isinstance(data, TrialSet)  # arrays have the model's bins
        trials = as_trials(data, None if known else self.bin_s_)
        self._check_population(trials)
        return trials

    def _remember_population(self, trials: TrialSet) -> None:
        self._refuse_irregular(trials)
        self.neuron_ids_, self.heldout_, self.bin_s_ = (
            trials.neuron_ids,
            trials.heldout,
            trials.bin_s,
        )

    def _refuse_irregular(self, trials: TrialSet) -> None:
        if trials.times is not None and not self.irregular_times:
            raise ModelError(
                f"the trials have irregular times and {type(self).__name__} steps from bin to bin: "
                "give trials of regular bins, or use LatentSDE."
            )

    def _check_fitted(self) -> None:
        if not hasattr(self, "neuron_ids_"):
            raise ModelError(
                f"this {type(self).__name__} is not fitted: call fit(trials) or load(path) first."
            )

    def _check_population(self, trials: TrialSet) -> None:
        """Refuse trials of another population, other bins or irregular times."""
        self._check_fitted()
        self._refuse_irregular(trials)
        mine, given = self.neuron_ids_, trials.neuron_ids
        if len(mine) != len(given) or (mine != given).any():
            missing = [str(i) for i in mine if i not in set(given.tolist())][:5]
            extra = [str(i) for i in given if i not in set(mine.tolist())][:5]
            what = (
                f"missing {missing}, unknown {extra}"
                if missing or extra
                else "the same ids in another order"
            )
            raise ModelError(
                f"the trials have {len(given)} neurons, the model was fitted on {len(mine)}: "
                f"{what}. Select the model's neurons, in its order."
            )
        if (self.heldout_ != trials.heldout).any():
            wrong = given[self.heldout_ != trials.heldout][:5].tolist()
            raise ModelError(
                f"neurons {wrong} are held out in only one of model and trials: hold out the same "
                "neurons."
            )
        if abs(self.bin_s_ - trials.bin_s) > 1e-9:
            raise ModelError(
                f"the trials have bins of {trials.bin_s:g} s, the model of {self.bin_s_:g} s: "
                "rebin the trials."
            )


def share_of(progress: ProgressReport, k: int, size: int) -> ProgressReport:
    """Return a report for the k-th of `size` equal fits that counts it as a part of the whole."""

    def report(row: dict[str, float], done: float, left_s: float) -> None:
        whole_s = left_s / (1 - done) if done < 1 else row.get("seconds", 0.0)
        progress(row, (k + done) / size, left_s + (size - k - 1) * whole_s)

    return report
