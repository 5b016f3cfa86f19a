"""The models of a cross-validation, each used for the trials that it did not see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import Prediction, TrialSet, join_trials
from undertow.errors import ModelError
from undertow.experiments.cells import Cell
from undertow.experiments.cross_validation import CELLS
from undertow.models import Ensemble
from undertow.models.base import Estimator
from undertow.models.loading import load_model

OF_TRIALS = {
    "rates": 0,
    "behavior": 0,
    "behavior_std": 0,
    "effective_samples": 0,
    "rate_samples": 1,
    "behavior_samples": 1,
}
"""Arrays of a prediction that folds share, with their axis of trials."""
TABLES = ("behavior_probabilities", "label_probabilities", "terms")
"""Tables of arrays whose first axis is that of trials."""


@dataclass(frozen=True, eq=False)
class Fold:
    """A fold's model, with the ids of the trials of each part, as run.json has them."""

    model: Estimator
    ids: Mapping[str, Sequence[Any]]

    def parts(self, trials: TrialSet) -> tuple[TrialSet, TrialSet]:
        """Trials the model was fitted on, validation trials among them, and its test trials."""
        train, validation, test = (
            trials[np.isin(trials.trial_ids, self.ids[part])]
            for part in ("train", "validation", "test")
        )
        # in the order in which they were joined for the fit
        return join_trials(train, validation), test


def saved_folds(directory: Path, about: Mapping[str, Any], **params: Any) -> list[Fold]:
    """The folds of the cross-validation in a directory; none where it holds no such run.

    Args:
        about: what run.json says.
        params: replace settings of the models, such as `device`.

    Raises:
        ModelError: for a fold whose model is not there.
    """
    if not (directory / CELLS).is_dir():
        return []
    splits = {name: ids for name, ids in about.get("splits", {}).items() if name != "split"}
    seed = about.get("seeds", {}).get("seed") or 0
    found = []
    for k, ids in enumerate(splits.values()):
        cell = Cell(str(about.get("model")), "trials", k, seed)
        file = directory / CELLS / f"{cell.name}.safetensors"
        if not file.exists():
            raise ModelError(
                f"{file} is not there: the cross-validation in {directory} did not finish; its "
                "fit with --resume goes on."
            )
        found.append(Fold(load_model(file, **params), ids))
    return found


def together(folds: Sequence[Fold]) -> Ensemble:
    """The model that averages what the folds' models predict; its latents are the first one's."""
    return Ensemble.of([fold.model for fold in folds])


def joined(predictions: Sequence[Prediction], trials: TrialSet) -> Prediction:
    """Predictions of parts of `trials` as one of all of them, in their order.

    Latents are left out: each model has coordinates of its own.
    """
    ids = np.concatenate([each.trials.trial_ids for each in predictions])
    places = {trial: k for k, trial in enumerate(ids.tolist())}
    order = np.array([places[trial] for trial in trials.trial_ids.tolist()])
    first = predictions[0]
    values: dict[str, Any] = {}
    for name, axis in OF_TRIALS.items():
        parts = [getattr(each, name) for each in predictions]
        if all(part is not None for part in parts):
            values[name] = np.concatenate(parts, axis).take(order, axis)
    for name in TABLES:
        tables = [getattr(each, name) for each in predictions]
        shared = [key for key in tables[0] if all(_fits(each, tables[0], key) for each in tables)]
        values[name] = {k: np.concatenate([each[k] for each in tables])[order] for k in shared}
    return Prediction(
        trials=trials,
        behavior_names=first.behavior_names,
        behavior_categories=first.behavior_categories,
        label_categories={k: first.label_categories[k] for k in values["label_probabilities"]},
        **values,
    )


def _fits(table: Mapping[str, np.ndarray], first: Mapping[str, np.ndarray], key: str) -> bool:
    """Whether a fold has this quantity, of the same categories."""
    return key in table and table[key].shape[1:] == first[key].shape[1:]
