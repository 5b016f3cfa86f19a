"""`Estimator`: what every model and baseline can do: fit, predict, score, save and load."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from undertow import checks
from undertow.data import Prediction, TrialSet, as_trials
from undertow.data.arrays import TrialsLike
from undertow.dynamics import Dynamics
from undertow.errors import ModelError
from undertow.evaluation import Score
from undertow.evaluation import scores as scoring
from undertow.models import parameters
from undertow.names import nearest

ProgressReport = Callable[[dict[str, float], float, float], None]


class Generated(NamedTuple):
    """Prediction from the first bins of each trial alone.

    Attributes:
        prediction: rates, latents and more for all bins.
        seen_bins: how many bins the model was shown; it had to generate those that follow.
    """

    prediction: Prediction
    seen_bins: int


class Estimator(ABC):
    """Model of binned trials; constructor arguments are its parameters, in scikit-learn style.

    After `fit`, `neuron_ids_` holds the neurons that the model was fitted on, in order. Trials of
    other neurons, or of the same neurons in another order, are refused by name. Models whose
    `irregular_times` is False also refuse trials with irregular times.
    """

    cli_name: ClassVar[str]
    irregular_times: ClassVar[bool] = False
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
    ) -> Self:
        """Learn from trials.

        Args:
            trials: a `TrialSet`; or a (trials, time, neurons) array of counts, a list of (time,
                neurons) arrays or an xarray, with `bin_s`.
            validation: as `trials`, to make choices on; by default a stratified 15 % of `trials`.
            bin_s: bin width of arrays, in seconds.
            checkpoint: folder for the state of a long training.
            resume: continue from the state in `checkpoint`.
            progress: called with (row, share done, seconds left) after each validation.

        Models that do not train for long ignore the last three.
        """

    @abstractmethod
    def predict(self, trials: TrialsLike, samples: int | None = None, seed: int = 0) -> Prediction:
        """Predict rates and latents; with `samples=N` the N posterior samples are kept as well."""

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

    def unused_signals(self, trials: TrialSet) -> list[str]:
        """Say what this model does not use of `trials`, a sentence each; `fit` warns of it."""
        return []

    def check_settings(self) -> None:
        """Refuse settings that break a rule, before any trial is read.

        Raises:
            ModelError: naming the setting and its rule.
        """
        names = parameters.parameter_names(type(self))
        for name in names:
            self.piece(name)
        if "seed" in names:
            checks.seed("seed", self.get_params(deep=False)["seed"])

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

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return constructor arguments; `deep` adds those of pieces: 'training__epochs'."""
        own = {name: getattr(self, name) for name in parameters.parameter_names(type(self))}
        return own | self._nested_params() if deep else own

    def _nested_params(self) -> dict[str, Any]:
        return {
            f"{name}{parameters.SEPARATOR}{key}": value
            for name in parameters.parameter_names(type(self))
            for key, value in self.parameters_of(name).items()
        }

    def parameters_of(self, name: str) -> dict[str, Any]:
        """Return the parameters of the piece that an argument holds; empty for plain values."""
        value = self.piece(name)
        if isinstance(value, Estimator):
            return value.get_params()
        return parameters.nested(value, self._width_of(name))

    def piece(self, name: str) -> Any:
        """Return what an argument stands for: the options themselves where it names them."""
        value, annotation = getattr(self, name), parameters.annotations(type(self))[name]
        if parameters.option_classes(annotation):
            return parameters.as_options(name, value, annotation)
        return value

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments, or parameters of a piece ('training__epochs').

        A piece given by name keeps the values it shares with the piece it replaces: another decoder
        stays as wide.

        Raises:
            ModelError: for an unknown name, with the nearest one, or a value that breaks its rule.
        """
        known = parameters.parameter_names(type(self))
        inner: dict[str, dict[str, Any]] = {}
        for name, value in params.items():
            own, _, key = name.partition(parameters.SEPARATOR)
            if own not in known:
                near = nearest(name, known)
                raise ModelError(f"{type(self).__name__} has no parameter {name!r}: {near}")
            if key:
                inner.setdefault(own, {})[key] = value
            else:
                self._exchange(own, value)
        for own, changes in inner.items():  # last, so that they change the new piece, not the old
            setattr(self, own, self._changed(own, changes))
        return self

    def _exchange(self, name: str, value: Any) -> None:
        annotation = parameters.annotations(type(self))[name]
        if isinstance(value, str) and parameters.option_classes(annotation):
            plain = parameters.as_options(name, value, annotation)
            kept = parameters.exchanged(self.piece(name), plain)
            value = value if kept == plain else kept
        setattr(self, name, value)

    def _changed(self, name: str, changes: Mapping[str, Any]) -> Any:
        value = self.piece(name)
        if isinstance(value, Estimator):
            return value.copy(**changes)
        return parameters.changed(name, value, changes, self._width_of(name))

    def _width_of(self, name: str) -> int | None:
        """Return the width of dynamics given by name; None where the argument names no dynamics."""
        return None

    def copy(self, **changes: Any) -> Self:
        """Return an unfitted copy with the same parameters, `changes` made as in `set_params`."""
        return type(self)(**self.get_params(deep=False)).set_params(**changes)

    def __sklearn_tags__(self) -> Any:
        """Return the tags scikit-learn reads before it splits, clones and scores."""
        from sklearn.utils import InputTags, Tags, TargetTags

        tags = InputTags(two_d_array=False, three_d_array=True, allow_nan=True)
        return Tags(None, TargetTags(required=False), input_tags=tags)

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = (
            f"{k}={_shown(v)}"
            for k, v in self.get_params(deep=False).items()
            if v != defaults[k].default
        )
        return f"{type(self).__name__}({', '.join(changed)})"

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


def _shown(value: Any) -> str:
    """Format a parameter on one line; pieces show only what differs from their defaults."""
    if isinstance(value, Dynamics):
        settings = value.settings
    elif is_dataclass(value) and not isinstance(value, type):
        settings = {
            f.name: getattr(value, f.name)
            for f in fields(value)
            if getattr(value, f.name) != f.default
        }
    else:
        return repr(value)
    given = ", ".join(f"{name}={each!r}" for name, each in settings.items())
    return f"{type(value).__name__}({given})"
