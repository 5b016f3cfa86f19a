"""`RunRecord`: everything one report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.errors import UndertowError
from undertow.evaluation import TRUE_RATES

if TYPE_CHECKING:
    from undertow.evaluation import Score
    from undertow.models import GPSLDS, LatentSDE
    from undertow.models.base import Generated
    from undertow.plots.tuning import Tuned


@dataclass(frozen=True, eq=False)
class RunRecord:
    """Record of one fitted model, its predictions and scores, and how they came about.

    Attributes:
        model_name: the model's key in `scores`, for example 'langevin-flow'.
        title: the page's heading.
        settings: the model's settings by name, as they were used.
        seed: governs weights, noise and batches.
        split_seed: governs held-out neurons and the split of the trials.
        versions: package name → version.
        seconds: what was timed ('fit', 'predict', …) → seconds.
        data_description: facts about the recording and its split, by name.
        prediction: the model's prediction for the test trials; may hold rate and latent samples.
        train_prediction: the same for the training trials; behaviour decoders are fitted on it.
        baseline_prediction: the baseline's prediction for the same test trials.
        baseline_train_prediction: the baseline's prediction for the training trials.
        scores: model name → metric → Score; every name but `model_name` is a baseline, or 'true
            rates'.
        differences: metric → paired difference, model minus baseline.
        history: one row per validation: 'epoch', then any numeric columns.
        prior_latents: latent name → (trials, time, dimension), drawn from the prior without data.
        generated: the prediction from the first bins of the test trials, and how many these are;
            None for models that do not generate.
        models: the fitted models whose dynamics are looked into, several that differ in their seed
            for an ensemble; empty for others.
        tuning: the search by which the settings were found; None where they were given.
        notes: what the reader must know (collapsed latents, silent neurons, …), one sentence each.

    Raises:
        UndertowError: when `model_name` has no scores, or a baseline's trials are not the model's.
    """

    model_name: str
    prediction: Prediction
    scores: "Mapping[str, Mapping[str, Score]]"
    title: str = "undertow report"
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    split_seed: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    data_description: Mapping[str, Any] = field(default_factory=dict)
    train_prediction: Prediction | None = None
    baseline_prediction: Prediction | None = None
    baseline_train_prediction: Prediction | None = None
    differences: "Mapping[str, Score]" = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()
    prior_latents: Mapping[str, np.ndarray] | None = None
    generated: "Generated | None" = None
    models: "Sequence[LatentSDE | GPSLDS]" = ()
    tuning: "Tuned | None" = None
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.model_name not in self.scores:
            raise UndertowError(
                f"scores holds {sorted(self.scores)}: it must hold the model's own, under "
                f"{self.model_name!r}."
            )
        if self.baseline_prediction is None:
            return
        mine, other = self.prediction.rates.shape, self.baseline_prediction.rates.shape
        if mine != other:
            raise UndertowError(
                f"the baseline's rates have shape {other}: they must have the model's, {mine}."
            )

    @property
    def baseline_names(self) -> tuple[str, ...]:
        """Names of the models beside the one reported, in the order given."""
        return tuple(name for name in self.scores if name != self.model_name)

    @property
    def baseline_name(self) -> str:
        """Name of the first baseline, for legends; the true rates are none."""
        return next((n for n in self.baseline_names if n != TRUE_RATES), "baseline")

    @property
    def names(self) -> tuple[str, str]:
        """Names of model and first baseline, for legends."""
        return self.model_name, self.baseline_name

    @property
    def training(self) -> TrialSet | None:
        """Training trials, where they are known."""
        return None if self.train_prediction is None else self.train_prediction.trials

    @property
    def decodable_baseline(self) -> Prediction | None:
        """Prediction of the baseline, where a decoder can be fitted for it."""
        return None if self.baseline_train_prediction is None else self.baseline_prediction

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics that any model has, the reported model's first."""
        names = [*self.scores[self.model_name]]
        for model in self.baseline_names:
            names += [metric for metric in self.scores[model] if metric not in names]
        return tuple(names)
