"""From a finished fit to its report."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.errors import ModelError
from undertow.experiments.fitting import Fitted, history
from undertow.experiments.identity import versions
from undertow.experiments.scores import ScoreTable
from undertow.experiments.search.result import SearchResult
from undertow.files import flatten
from undertow.models import GPSLDS, Ensemble, LatentSDE
from undertow.models.base import Estimator
from undertow.report import RunRecord, write_report

PRIOR_TRIALS = 2
INTERVAL_SAMPLES = 200
SAMPLES_LIMIT_BYTES = 200 * 2**20
BYTES = 4


@runtime_checkable
class HasPrior(Protocol):
    """A model whose latents can be drawn without data."""

    def sample_prior(self, n: int, n_time: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Latent paths by name, (n, n_time, dimension)."""


def report_run(
    out: Path,
    fitted: Fitted,
    baseline: Fitted | None,
    table: ScoreTable,
    about: Mapping[str, Any],
    figures: Collection[str] = ("png",),
    search: SearchResult | None = None,
) -> Path:
    """Write the report of one fit into `out`.

    Args:
        out: the run's directory.
        fitted: the model and its predictions.
        baseline: the same of the baseline; None where the model is the baseline.
        table: scores of both.
        about: what scores.json says: 'settings', 'seeds', 'source', 'splits', 'fit_s', 'notes'.
        figures: kinds of files in figures/, as in `write_report`.
        search: by which the model's settings were found, if they were.
    """
    name = fitted.model.cli_name
    record = RunRecord(
        model_name=name,
        title=f"{name} on {Path(str(about['source'].get('path', 'trials'))).name}",
        settings=flatten(about["settings"]),
        seed=about["seeds"]["seed"],
        split_seed=about["seeds"]["split_seed"],
        versions=versions(),
        seconds={"fit": about["fit_s"]},
        data_description=_description(fitted, about),
        prediction=_with_samples(fitted.model, fitted.test),
        train_prediction=fitted.train,
        baseline_prediction=baseline.test if baseline else None,
        baseline_train_prediction=baseline.train if baseline else None,
        scores=table.scores,
        differences=table.differences,
        history=list(history(fitted.model)),
        prior_latents=_prior(fitted.model, fitted.test.trials),
        notes=about["notes"],
        tuning=search,
        **generation_fields(fitted.model, fitted.test.trials),
    )
    return write_report(record, out, figures)


def _description(fitted: Fitted, about: Mapping[str, Any]) -> dict[str, Any]:
    """Facts about the data for the page: its source, sizes and split."""
    trials = fitted.test.trials
    return {
        **{key: value for key, value in about["source"].items() if value is not None},
        "neurons": trials.n_neurons,
        "held-out neurons": int(trials.heldout.sum()),
        "bin width in seconds": trials.bin_s,
        "bins": trials.n_time,
        "forward bins": trials.forward_bins,
        **{f"{part} trials": n for part, n in about["sizes"].items()},
        "silent neurons (test trials)": int(trials.silent.sum()),
    }


def _with_samples(model: Estimator, prediction: Prediction) -> Prediction:
    """The prediction that was scored, with posterior samples beside its mean.

    There are enough samples for intervals where they fit.

    Where they do not fit, one sample of the latents is drawn, to be seen beside their mean.
    """
    if not prediction.latents or not model.has_posterior():
        return prediction
    if INTERVAL_SAMPLES * prediction.rates.size * BYTES > SAMPLES_LIMIT_BYTES:
        return replace(
            prediction, latent_samples=model.predict(prediction.trials, samples=1).latent_samples
        )
    drawn = model.predict(prediction.trials, samples=INTERVAL_SAMPLES)
    return replace(prediction, rate_samples=drawn.rate_samples, latent_samples=drawn.latent_samples)


def generation_fields(model: Estimator, trials: TrialSet) -> dict[str, Any]:
    """Fields of the record that need a generating model or dynamics.

    They are what the model makes of the test trials, and the models whose dynamics can be looked
    into.
    """
    generated = model.predict_generated(trials)
    if generated is None:
        return {}
    members = model.members_ if isinstance(model, Ensemble) else [model]
    return {
        "generated": generated,
        "models": [each for each in members if isinstance(each, LatentSDE | GPSLDS)],
    }


def _prior(model: Estimator, trials: TrialSet) -> dict[str, np.ndarray] | None:
    if not isinstance(model, HasPrior):
        return None
    try:
        return model.sample_prior(PRIOR_TRIALS, trials.n_time, seed=0)
    except ModelError:
        return None  # a model without latents has no prior
