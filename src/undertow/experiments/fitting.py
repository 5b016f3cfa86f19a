"""One model on one split: fit, predict, keep what the scores need.

A run and a cell of a grid share it.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import Prediction, Splits, TrialSet, join_trials
from undertow.evaluation import (
    MASKS,
    Statistic,
    hidden_prediction,
    interval_statistics,
    model_statistics,
    rate_statistics,
    velocity_channels,
    with_hidden,
)
from undertow.evaluation.scores.velocity import decoders_alone, without_rates
from undertow.experiments.records import read_fit
from undertow.experiments.usage import Usage, measured
from undertow.files import write_json
from undertow.models.base import Estimator, ProgressReport
from undertow.models.parameters import SEPARATOR
from undertow.options import Options
from undertow.places import holds_nothing
from undertow.training import reporter, silent, teller

FIT, EXCHANGED = ".fit.json", " exchanged"


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model with its predictions.

    Attributes:
        model: the model, fitted on the training trials, choices made on the validation trials.
        train: its prediction for the training and validation trials, see `train_prediction`;
            decoders are fitted on it.
        test: its prediction for the test trials, with the rates of hidden entries.
        fit_s: seconds the fit took.
        notes: what was warned of during the fit.
        usage: what the fit used; of one that was resumed, since then.
    """

    model: Estimator
    train: Prediction
    test: Prediction
    fit_s: float
    notes: Sequence[str] = ()
    usage: Usage = field(default_factory=Usage)

    def statistics(self) -> dict[str, Statistic]:
        """Per-trial sums behind every score of the test trials, see `statistics_of`."""
        return statistics_of(self.model, self.test, self.train)

    def scored(self) -> tuple["Fitted", dict[str, Statistic]]:
        """Without the training trials' rates, and the statistics, which alone need them."""
        found = self.statistics()
        return replace(self, train=without_rates(self.train)), found


def statistics_of(
    model: Estimator, test: Prediction, train: Prediction | None
) -> dict[str, Statistic]:
    """The per-trial sums behind every score of a model's prediction.

    Likelihood scores and rate R² come a second time, as 'co-bps exchanged' and so on, with latents
    exchanged between trials, where the model has latents to exchange. A model that generates has
    those of `generation_statistics` too, and one with a posterior of latents those of
    `interval_statistics`.
    """
    found = model_statistics(model, test, train)
    again = _exchanged(model, test.trials, None if train is None else train.trials)
    found |= {n + EXCHANGED: replace(each, name=n + EXCHANGED) for n, each in again.items()}
    drawn = bool(test.latents) and model.has_posterior()
    return found | (interval_statistics(model.predict, test.trials) if drawn else {})


def _exchanged(model: Estimator, trials: TrialSet, train: TrialSet | None) -> dict[str, Statistic]:
    """The statistics of the rates with latents exchanged.

    Where no neuron is held out, what the latents carry shows in entries that were hidden.
    """
    exchanged = model.predict_exchanged(trials)
    if exchanged is None:
        return {}
    hidden = None if trials.heldout.any() else hidden_prediction(_exchange_in(model), trials)
    return rate_statistics(with_hidden(exchanged, hidden), train)


def _exchange_in(model: Estimator) -> Callable[[TrialSet], Prediction]:
    """A prediction with latents exchanged, of a model that has some, from few samples."""
    few = model.thinned(MASKS)

    def predict(trials: TrialSet) -> Prediction:
        found = few.predict_exchanged(trials)
        assert found is not None
        return found

    return predict


def fit_and_predict(
    model: Estimator, splits: Splits, save_to: Path | None = None, **fit_options: Any
) -> Fitted:
    """Fit `model` on the training trials, save it, and predict training and test trials.

    Args:
        model: not fitted yet; it is fitted in place.
        splits: the test part is predicted once, after everything is chosen.
        save_to: the model file; seconds and warnings of the fit go beside it, under the same name
            and '.fit.json'.
        fit_options: `checkpoint`, `resume` and `progress` of `model.fit`; silent without the last.
    """
    about, usage = fit_and_save(model, splits, save_to, **fit_options)
    return replace(_predicted(model, splits, about), usage=usage)


def fit_and_save(
    model: Estimator, splits: Splits, save_to: Path | None = None, **fit_options: Any
) -> tuple[dict[str, Any], Usage]:
    """The first part of `fit_and_predict`; what is written beside the model, and what it took."""
    quiet = {} if fit_options.get("progress") else {"progress": silent}
    before = fit_options.get("checkpoint") if fit_options.get("resume") else None
    resumed = before is not None and Path(before).is_dir() and not holds_nothing(Path(before))
    with noted() as notes, measured() as usage:
        started = time.perf_counter()
        model.fit(splits.train, validation=splits.validation, **{**fit_options, **quiet})
        # the history of a resumed fit counts the seconds before it was interrupted too
        about = {"fit_s": max(time.perf_counter() - started, _seconds(model)), "notes": notes}
    if resumed:
        usage.cpu_s = math.nan  # what the processor spent before is not known
    notes += getattr(model, "notes_", ())
    if save_to is not None:
        # before the model: where a model file lies, its seconds and warnings do too
        write_json(save_to.with_suffix(FIT), about)
        model.save(save_to)
    return about, usage


def load_and_predict(model: Estimator, splits: Splits, path: Path) -> Fitted:
    """The same from the files that `fit_and_predict` saved.

    `model` gives the class to load, and the code that no file holds.
    """
    fitted, beside = type(model).load(path, **code_in(model)), path.with_suffix(FIT)
    # a model that came without the file beside it is as good as any
    about = vars(read_fit(beside)) if beside.exists() else {"fit_s": _seconds(fitted), "notes": []}
    return _predicted(fitted, splits, about)


def code_in(model: Estimator) -> dict[str, Any]:
    """The arguments of a model, or of a model inside it, that are code.

    An example is a potential of one's own.
    """
    found: dict[str, Any] = {}
    for name, value in model.get_params(deep=False).items():
        if isinstance(value, Estimator):
            found |= code_in(value)
        elif isinstance(value, Options):
            found |= {f"{name}{SEPARATOR}{k}": v for k, v in vars(value).items() if callable(v)}
        elif callable(value):
            found[name] = value
    return found


def _predicted(model: Estimator, splits: Splits, about: Mapping[str, Any]) -> Fitted:
    train = train_prediction(model, join_trials(splits.train, splits.validation))
    test = with_hidden(model.predict(splits.test), model.predict_hidden(splits.test))
    return Fitted(model, train, test, about["fit_s"], about["notes"])


def train_prediction(model: Estimator, trials: TrialSet) -> Prediction:
    """The prediction for training trials where a decoder needs it; else its rates are NaN.

    Decoders of velocity and of labels are fitted on it.

    Other scores take only the spikes of the training trials, and predicting them can take as long
    as a fit.
    """
    if velocity_channels(trials) or trials.labels:
        # latents of the training trials are never looked at, and rates by decoders alone
        predicted = replace(model.predict(trials), latents={})
        return predicted if trials.labels else decoders_alone(predicted)
    # no memory: one NaN stands for all
    return Prediction(rates=np.broadcast_to(np.float32(np.nan), trials.shape), trials=trials)


def history(model: Estimator) -> Sequence[Mapping[str, float]]:
    """Rows logged in training; none for models without a training loop."""
    return getattr(model, "history_", ())


def _seconds(model: Estimator) -> float:
    """Seconds of training by its history."""
    return max((row.get("seconds", 0.0) for row in history(model)), default=0.0)


def told(
    report: Callable[..., None] | None, progress: ProgressReport | None, verbose: bool
) -> dict[str, Any]:
    """Options of `run_grid` by which a person who watches hears of each fit, and of its end.

    `report` and `progress` stay as they are where they are given.
    """
    tell = teller(None, verbose)
    line = report or (lambda ended, done, total: tell(ended.line(done, total)))
    return {"report": line, "progress": reporter(progress, verbose)}


@contextmanager
def noted() -> Iterator[list[str]]:
    """Collect the user warnings said inside; each is said again, once, at the end."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield notes
    for warning in {(str(each.message), each.category): each for each in caught}.values():
        if issubclass(warning.category, UserWarning) and str(warning.message) not in notes:
            notes.append(str(warning.message))
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
