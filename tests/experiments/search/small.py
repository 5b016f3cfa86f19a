"""A search small enough for a test: a tiny LangevinFlow, its trials, and where they lie."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import make_small_trials
from tests.models.small import small
from undertow.baselines import PCA
from undertow.data import Prediction, Splits, split_trials
from undertow.experiments.search import Search, SearchResult, checked_space, search
from undertow.models import Estimator, LangevinFlow, Range

TRIALS = make_small_trials().hold_out(2, seed=0)
SPLITS: Splits = split_trials(TRIALS)
SPACE = {
    "training__learning_rate": Range(1e-3, 3e-2, "log"),
    "dropout": Range(0.0, 0.4),
    "kl__peak": Range(0.01, 1.0, "log"),
}
UNUSED = "ignore:.*initial latent coordinates carry:undertow.training.TrainingWarning"


def model(epochs: int = 6, **settings: Any) -> LangevinFlow:
    return small(epochs, **settings)


def searched(
    folder: Path, kind: Any = "random", samples: int = 4, of: Estimator | None = None, **more: Any
) -> SearchResult:
    """A search of a tiny model, silent; further options of `Search`, or 'report'."""
    report = more.pop("report", None)
    space = more.pop("space", SPACE)
    options = Search(kind, samples, **more)
    chosen = model() if of is None else of
    found = checked_space(chosen, space, options, SPLITS.validation)
    return search(chosen, SPLITS.train, SPLITS.validation, options, found, folder, report)


def scores(found: SearchResult) -> list[float]:
    return [each.score for each in found.trials]


class Failing(PCA):
    """Factors that cannot be fitted with eight dimensions."""

    def find(self, values: np.ndarray, number: int) -> Any:
        if self.latent_dim == 4:
            raise FloatingPointError("four is not enough")
        return super().find(values, number)


def fitted_quietly(model: Estimator) -> Prediction:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(SPLITS.train, validation=SPLITS.validation)
    return model.predict(SPLITS.test)


class Fragile(LangevinFlow):
    """A model whose training breaks off at large steps."""

    cli_name = "fragile"

    def advance(self, *given: Any) -> None:
        if self.training.learning_rate > 0.02:
            raise FloatingPointError("the steps were too large")
        super().advance(*given)
