"""A fitted model on data, read as when it was fitted, and its predictions as files.

Scores are those of the right trials.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from undertow.data import Prediction, TrialSet, join_trials
from undertow.errors import DataError, ModelError
from undertow.evaluation import Score, Statistic, combine, missing_scores, with_hidden
from undertow.experiments import identity
from undertow.experiments.fitting import statistics_of, train_prediction
from undertow.experiments.preparing import prepare
from undertow.experiments.records import read_run
from undertow.experiments.saved_folds import Fold, joined, saved_folds, together
from undertow.experiments.scores import Cells, ScoreTable, true_rate_cells
from undertow.experiments.single_run import MODEL
from undertow.models import LatentSDE
from undertow.models.base import Estimator
from undertow.models.latent_sde.inferring import Effort
from undertow.models.loading import load_model

NOT_READING = ("path", "bin_s", "heldout", "split_seed")
"""Entries of a run's source that the model itself decides."""


@dataclass(frozen=True, eq=False)
class SavedRun:
    """A fitted model with what run.json beside it says (empty where there is none).

    Attributes:
        model: the fitted model; of a cross-validation, the mean of its folds' models.
        folds: those of a cross-validation; none of any other run.
    """

    model: Estimator
    about: Mapping[str, Any]
    folds: Sequence[Fold] = ()

    @classmethod
    def open(cls, path: str | Path, **params: Any) -> "SavedRun":
        """From a model file, or the directory a run wrote.

        `params` replace settings of the model, such as `device`.

        Raises:
            ModelError: when there is no model file.
        """
        path = Path(path)
        file = path / MODEL if path.is_dir() else path
        if (
            file != path
            and not file.exists()
            and (folds := saved_folds(path, _about(path), **params))
        ):
            return cls(together(folds), _about(path), folds)
        if not file.exists():
            raise ModelError(
                f"{file} is not there: give a model file, or a directory that a finished fit wrote."
            )
        return cls(load_model(file, **params), _about(file.parent))

    def read(self, path: str | Path, **options: Any) -> TrialSet:
        """Trials of the model's neurons, in its bins.

        Options that are not given are those the run was fitted with.

        Raises:
            DataError: when the file cannot be read, lacks neurons of the model or has others that
                only their numbers tell apart, or where the events of the fit are a file that
                belongs to another recording.
        """
        given = {name: value for name, value in options.items() if value is not None}
        fitted = {k: value for k, value in self._source.items() if k not in NOT_READING}
        if "events" not in given:
            self._check_events(path)
        trials = prepare(
            # no minimum rate: the neurons are the model's, however little they fire here
            path,
            bin_s=self.model.bin_s_,
            heldout=0,
            **{**fitted, **given, "min_rate_hz": None},
        )
        # a minimum rate leaves numbers out, and may leave out the last ones
        if fitted.get("min_rate_hz") is None:
            _check_numbers(trials.neuron_ids, self.model.neuron_ids_)
        return for_model(trials, self.model.neuron_ids_, self.model.heldout_)

    @property
    def cli_name(self) -> str:
        """Of the model; of a cross-validation, of its folds' models."""
        return self.folds[0].model.cli_name if self.folds else self.model.cli_name

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
        self,
        trials: TrialSet,
        generate: bool = False,
        samples: int | None = None,
        seed: int = 0,
        refine: int = 0,
        particles: int = 0,
    ) -> Prediction:
        """The model's prediction; with `generate`, from the first bins of each trial alone.

        `refine` and `particles` are those of `LatentSDE.predict`.

        Raises:
            ModelError: for a model that does not generate, or has no posterior over paths to refine
                or to draw with particles.
        """
        given = generate, samples, seed, Effort(refine, particles)
        if not self.by_fold(trials):
            return _predicted(self.model, trials, *given)
        parts = [(fold.model, fold.parts(trials)[1]) for fold in self.folds]
        return joined([_predicted(model, test, *given) for model, test in parts], trials)

    def by_fold(self, trials: TrialSet) -> bool:
        """Whether each trial is left to the fold's model that did not see it."""
        return bool(self.folds) and self._own(trials)

    def _own(self, trials: TrialSet) -> bool:
        """Whether the run was fitted on these data."""
        data = self.about.get("data")
        whole = data.get("fingerprint") if isinstance(data, Mapping) else None
        fitted = self.about.get(identity.UNLABELLED) or whole
        return bool(fitted == identity.unlabelled_fingerprint(trials))

    def parts(self, trials: TrialSet) -> tuple[TrialSet | None, TrialSet]:
        """The training and validation trials, and the trials to score.

        They are those of the run where the data are its own, else (None, all).
        """
        if not self._own(trials) or "split" not in self.about.get("splits", {}):
            return None, trials
        ids = self.about["splits"]["split"]
        parts = [
            trials[np.isin(trials.trial_ids, ids[part])] for part in ("train", "validation", "test")
        ]
        return join_trials(*parts[:2]), parts[2]

    def score(self, trials: TrialSet) -> dict[str, Score]:
        """Scores of the run's test trials, or of all trials where the data are new.

        Of a cross-validation's own data they are means over its folds.
        """
        return dict(self.evaluate(trials).table.scores[self.cli_name])

    def evaluate(self, trials: TrialSet) -> "Evaluated":
        """The scores of `score` beside those of the true rates, and why others are missing."""
        cells: list[tuple[Estimator, TrialSet | None, TrialSet]] = [
            (self.model, *self.parts(trials))
        ]
        if self.by_fold(trials):
            cells = [(fold.model, *fold.parts(trials)) for fold in self.folds]
        split = "all" if cells[0][1] is None else "test"
        found = [_scored(*cell) for cell in cells]
        folds: dict[str, Cells] = {self.cli_name: [[each] for each, _ in found]}
        folds |= true_rate_cells([(train, test) for _, train, test in cells])
        scores = {name: combine(each, split=split) for name, each in folds.items()}
        mine = scores[self.cli_name]
        missing = {name: why for _, each in found for name, why in each.items()}
        missing = {name: why for name, why in missing.items() if name not in mine}
        return Evaluated(ScoreTable(scores, {}), missing)


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What a saved run scores.

    Attributes:
        table: its scores, and those of the true rates where they are known.
        missing: scores that could not be made, each with the reason.
    """

    table: ScoreTable
    missing: Mapping[str, str]


def _about(directory: Path) -> Mapping[str, Any]:
    """What run.json says; nothing where there is none."""
    file = directory / identity.FILE
    return read_run(file) if file.exists() else {}


def _predicted(
    model: Estimator,
    trials: TrialSet,
    generate: bool,
    samples: int | None,
    seed: int,
    effort: Effort,
) -> Prediction:
    if effort:
        if not isinstance(model, LatentSDE):
            raise ModelError(
                f"{model.cli_name} has no posterior over paths to refine or to draw with "
                "particles: leave out refine and particles, or fit latent-sde."
            )
        mode: Literal["smooth", "generate"] = "generate" if generate else "smooth"
        return model.predict(
            trials, samples, seed, mode, refine=effort.refine, particles=effort.particles
        )
    if not generate:
        return model.predict(trials, samples, seed)
    generated = model.predict_generated(trials, samples, seed)
    if generated is None:
        raise ModelError(f"{model.cli_name} does not generate: predict with mode smooth.")
    return generated.prediction


def _scored(
    model: Estimator, train: TrialSet | None, test: TrialSet
) -> tuple[dict[str, Statistic], dict[str, str]]:
    """The statistics of every score, and why others are missing."""
    fitted_on = None if train is None else train_prediction(model, train)
    prediction = with_hidden(model.predict(test), model.predict_hidden(test))
    return statistics_of(model, prediction, fitted_on), missing_scores(prediction, fitted_on)


def _check_numbers(given: np.ndarray, fitted: np.ndarray) -> None:
    """Refuse more neurons than the model has, where nothing but their place tells which is which.

    Raises:
        DataError: with the two numbers.
    """
    counted = all(np.array_equal(ids, np.arange(ids.size)) for ids in (given, fitted))
    if counted and given.size > fitted.size:
        raise DataError(
            f"the data have {given.size} neurons, numbered from 0, and the model was fitted on "
            f"{fitted.size}, numbered from 0 too: give a recording of the same neurons, choose "
            "them (units, on the command line --units), or name them by neuron_ids."
        )


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
