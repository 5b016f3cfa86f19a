"""A fitted model on data, read as when it was fitted, and its predictions as files.

Scores are those of the right trials.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import Prediction, TrialSet, join_trials
from undertow.errors import DataError, ModelError
from undertow.evaluation import Score, combine
from undertow.experiments import identity
from undertow.experiments.fitting import statistics_of, train_prediction
from undertow.experiments.preparing import prepare
from undertow.experiments.single_run import MODEL
from undertow.files import read_json
from undertow.models.base import Estimator
from undertow.models.loading import load_model


@dataclass(frozen=True, eq=False)
class SavedRun:
    """A fitted model with what run.json beside it says (empty where there is none)."""

    model: Estimator
    about: Mapping[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> "SavedRun":
        """From a model file, or the directory a run wrote.

        Raises:
            ModelError: when there is no model file.
        """
        path = Path(path)
        file = path / MODEL if path.is_dir() else path
        if not file.exists():
            raise ModelError(
                f"{file} is not there: give a model file, or a directory that a finished fit wrote."
            )
        about = file.parent / identity.FILE
        return cls(load_model(file), read_json(about) if about.exists() else {})

    def read(self, path: str | Path, **options: Any) -> TrialSet:
        """Trials of the model's neurons, in its bins.

        Options that are not given are those the run was fitted with.

        Raises:
            DataError: when the file cannot be read or lacks neurons of the model, or where the
                events of the fit are a file that belongs to another recording.
        """
        given = {name: value for name, value in options.items() if value is not None}
        fitted = {name: value for name, value in self._source.items() if name != "path"}
        if "events" not in given:
            self._check_events(path)
        trials = prepare(
            # no minimum rate: the neurons are the model's, however little they fire here
            path,
            bin_s=self.model.bin_s_,
            heldout=0,
            **{**fitted, **given, "min_rate_hz": None},
        )
        return for_model(trials, self.model.neuron_ids_, self.model.heldout_)

    @property
    def _source(self) -> Mapping[str, Any]:
        return self.about.get("source", {})

    def _check_events(self, path: str | Path) -> None:
        """Refuse to read another recording at the events of the fit, where these are a file."""
        events, fitted = self._source.get("events"), self._source.get("path", "")
        is_file = isinstance(events, str) and Path(events).is_file()
        if is_file and Path(path).resolve() != Path(fitted).resolve():
            raise DataError(
                f"the run was fitted with the events of {fitted}, {events}: give those of {path} "
                "(events, on the command line --events)."
            )

    def predict(
        self, trials: TrialSet, generate: bool = False, samples: int | None = None, seed: int = 0
    ) -> Prediction:
        """The model's prediction; with `generate`, from the first bins of each trial alone.

        Raises:
            ModelError: for a model that does not generate.
        """
        if not generate:
            return self.model.predict(trials, samples, seed)
        generated = self.model.predict_generated(trials, samples, seed)
        if generated is None:
            raise ModelError(f"{self.model.cli_name} does not generate: predict with mode smooth.")
        return generated.prediction

    def parts(self, trials: TrialSet) -> tuple[TrialSet | None, TrialSet]:
        """The training and validation trials, and the trials to score.

        They are those of the run where the data are its own, else (None, all).
        """
        fitted = self.about.get(identity.UNLABELLED) or self.about.get("data", {}).get(
            "fingerprint"
        )
        same = fitted == identity.unlabelled_fingerprint(trials)
        if not same or "split" not in self.about.get("splits", {}):
            return None, trials
        ids = self.about["splits"]["split"]
        parts = [
            trials[np.isin(trials.trial_ids, ids[part])] for part in ("train", "validation", "test")
        ]
        return join_trials(*parts[:2]), parts[2]

    def score(self, trials: TrialSet) -> dict[str, Score]:
        """Scores of the run's test trials, or of all trials where the data are new."""
        train, test = self.parts(trials)
        fitted_on = None if train is None else train_prediction(self.model, train)
        found = statistics_of(self.model, self.model.predict(test), fitted_on)
        return combine([[found]], split="all" if train is None else "test")


def for_model(trials: TrialSet, model_neurons: np.ndarray, model_heldout: np.ndarray) -> TrialSet:
    """The trials with the model's neurons, in its order, and its held-out neurons.

    Raises:
        DataError: naming neurons of the model that the trials do not have.
    """
    where: Mapping[Any, int] = {neuron: k for k, neuron in enumerate(trials.neuron_ids.tolist())}
    missing = [neuron for neuron in model_neurons.tolist() if neuron not in where]
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
        raise DataError(
            f"{len(missing)} of the model's {len(model_neurons)} neurons are not in the data "
            f"({shown}): give a recording of the same neurons, read with the same options."
        )
    order = np.array([where[neuron] for neuron in model_neurons.tolist()])
    same = np.array_equal(order, np.arange(trials.n_neurons))
    return (trials if same else trials.select(neurons=order)).replace(heldout=model_heldout)
