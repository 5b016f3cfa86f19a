"""`Estimator`: the face every model and baseline shows — fit, predict, score, save, load."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.dynamics import Dynamics
from undertow.errors import ModelError
from undertow.evaluation import Score, combine, generation_statistics, sufficient_statistics

ProgressReport = Callable[[dict[str, float], float, float], None]


class Generated(NamedTuple):
    """A prediction from the first bins of each trial alone.

    Attributes:
        prediction: for all bins.
        seen_bins: how many the model was shown; what follows it had to generate.
    """

    prediction: Prediction
    seen_bins: int


class Estimator(ABC):
    """A model of binned trials; constructor arguments are its parameters, scikit-learn style.

    After `fit`, `neuron_ids_` holds the neurons it was fitted on, in order; trials of other
    neurons, or of the same in another order, are refused by name. So are irregular times, by models
    that do not have `irregular_times`.
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
        trials: TrialSet,
        validation: TrialSet | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: ProgressReport | None = None,
    ) -> Self:
        """Learn from `trials`; choices are made on `validation`, split off the trials (15 %) when
        not given.

        A model that trains for long keeps its state in the folder `checkpoint`, goes on from there
        with `resume`, and calls `progress(row, share done, seconds left)`; one that does not has no
        use for the three.
        """

    @abstractmethod
    def predict(self, trials: TrialSet, samples: int | None = None, seed: int = 0) -> Prediction:
        """Rates and latents for `trials`; with `samples=N` the N posterior samples are kept too."""

    def predict_exchanged(self, trials: TrialSet, seed: int = 0) -> Prediction | None:
        """Rates with each trial's latents replaced by another's, all else kept; None where that
        means nothing.

        What a score loses by it is what the latents carry beyond the rest of what the decoder sees.
        """
        return None

    def predict_generated(
        self, trials: TrialSet, samples: int | None = None, seed: int = 0
    ) -> Generated | None:
        """Prediction from the first bins of each trial and its stimulus alone; None for models that
        do not generate."""
        return None

    def parameter_counts(self) -> Mapping[str, int]:
        """Numbers learned, in 'all' and by part; empty for a model that does not count them."""
        return {}

    def score(self, trials: TrialSet, train: TrialSet | None = None) -> dict[str, Score]:
        """Every score `trials` allow, by name, with 95 % intervals; those of velocity and PSTHs
        need `train` too.

        Args:
            trials: to score; neither fitted nor chosen on.
            train: the training trials, on which decoders are fitted.
        """
        fitted_on = None if train is None else self.predict(train)
        inferred, generated = self.predict(trials), self.predict_generated(trials)
        found = sufficient_statistics(inferred, fitted_on)
        if generated is not None:
            found |= generation_statistics(inferred, *generated, train)
        return combine([[found]])

    @abstractmethod
    def save(self, path: str | Path) -> Path:
        """Write the fitted model to one safetensors file (settings in its JSON header),
        atomically."""

    @classmethod
    @abstractmethod
    def load(cls, path: str | Path, **params: Any) -> Self:
        """Read a model written by `save`; `params` replace constructor arguments, such as code no
        file holds."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments by name."""
        return {name: getattr(self, name) for name in parameter_names(type(self))}

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments; an unknown name is refused."""
        known = parameter_names(type(self))
        for name, value in params.items():
            if name not in known:
                raise ModelError(
                    f"{type(self).__name__} has no parameter {name!r}: it has {', '.join(known)}."
                )
            setattr(self, name, value)
        return self

    def copy(self, **changes: Any) -> Self:
        """An unfitted model of the same parameters, but for these; an unknown name is refused."""
        return type(self)(**self.get_params()).set_params(**changes)

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = (
            f"{k}={_shown(v)}" for k, v in self.get_params().items() if v != defaults[k].default
        )
        return f"{type(self).__name__}({', '.join(changed)})"

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
        """Refuse trials of other neurons, another order, other held-out neurons, another bin width,
        irregular times."""
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
    """A parameter on one line; dynamics by the settings they were made with."""
    if not isinstance(value, Dynamics):
        return repr(value)
    settings = ", ".join(f"{name}={each!r}" for name, each in value.settings.items())
    return f"{type(value).__name__}({settings})"


def parameter_names(cls: type) -> list[str]:
    """The constructor's argument names."""
    return [name for name in inspect.signature(cls).parameters if name != "self"]
