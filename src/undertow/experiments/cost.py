"""What a run would cost: a few real steps, predictions and scores, timed, and their memory."""

import math
import time
import warnings
from dataclasses import dataclass, replace

from undertow.data import Splits, TrialSet, join_trials
from undertow.evaluation import with_hidden
from undertow.experiments.fitting import statistics_of, train_prediction
from undertow.models import Ensemble, Estimator
from undertow.models.racing import race_cost
from undertow.models.sizes import COPIES
from undertow.training import Training, silent, threads_for

STEPS, FEW, FIGURES = 4, 16, 60
"""Steps and trials that are timed; drawings of a report, each on the page and in a file."""


@dataclass(frozen=True)
class Estimate:
    """Cost of one fit, and of what follows it.

    Attributes:
        seconds: of training, at most; early stopping may end it sooner.
        steps: optimiser steps.
        parameters: numbers learned.
        scored_s: seconds of predicting and scoring, timed on a few trials.
        report_s: seconds of drawing the report.
        threads: that it computes on.
        memory_bytes: weights with what the optimiser keeps, the trials, and what one step holds for
            its gradient, twice (values and gradients); on top of Python and PyTorch themselves.
    """

    seconds: float
    steps: int
    parameters: int
    memory_bytes: int
    scored_s: float = 0.0
    report_s: float = 0.0
    threads: int = 1


def estimate(model: Estimator, splits: Splits) -> Estimate | None:
    """Time a few steps of `model` on the first training trials.

    None for models without a training loop.
    """
    if isinstance(model, Ensemble):
        one = estimate(model.unfitted_members()[0], splits)
        return None if one is None else _times(one, model.size)
    training = model.get_params(deep=False).get("training")
    if not isinstance(training, Training):
        return None
    few = Splits(splits.train[: training.batch_size], splits.validation, splits.test)
    short, held_bytes = _measure_memory(model, few)
    parameters = short.parameter_counts().get("all", 0)
    one_s, more_s = (_fit_seconds(model, few, epochs) for epochs in (1, 1 + STEPS))
    n_trials = splits.train.n_trials
    steps = training.epochs_of(n_trials) * math.ceil(n_trials / training.batch_size)
    # a race before the training, and a second one on all trials after it
    steps = round(steps * (1 + race_cost(len(training.recipes)) + training.refit))
    seconds = max(more_s - one_s, 0.0) / STEPS * steps
    return Estimate(
        seconds=seconds if training.max_seconds is None else min(seconds, training.max_seconds),
        steps=steps,
        parameters=parameters,
        memory_bytes=2 * held_bytes + 4 * COPIES * parameters + _data_bytes(*splits),
        scored_s=_score_seconds(short, splits),
        report_s=FIGURES * _figure_seconds(),
        threads=threads_for(parameters, min(training.batch_size, n_trials) * splits.train.n_time),
    )


def _times(one: Estimate, n: int) -> Estimate:
    """The cost of `n` fits, one after the other."""
    counted = ("seconds", "steps", "parameters", "scored_s")
    return replace(one, **{name: n * getattr(one, name) for name in counted})


def _short(model: Estimator, epochs: int) -> Estimator:
    """The same model with a short training loop and one validation at the end."""
    loop = replace(
        model.get_params(deep=False)["training"],
        epochs=epochs,
        steps=None,
        validate_every=epochs,
        max_seconds=None,
        patience=None,
        recipes=(),
        refit=False,
    )
    return model.copy(training=loop)


def _fit_seconds(model: Estimator, splits: Splits, epochs: int) -> float:
    short, started = _short(model, epochs), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an unfinished fit says nothing about the model
        short.fit(splits.train, validation=splits.validation, progress=silent)
    return time.perf_counter() - started


def _measure_memory(model: Estimator, splits: Splits) -> tuple[Estimator, int]:
    """The model after an epoch; the bytes a step holds for its gradient, each storage once."""
    import torch

    held: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return tensor

    short = _short(model, epochs=1)
    with (
        torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        short.fit(splits.train, validation=splits.validation, progress=silent)
    return short, sum(held.values())


def _score_seconds(fitted: Estimator, splits: Splits) -> float:
    """Time predictions and scores of a few trials, as a run makes them, for all of them."""
    train, test = join_trials(splits.train, splits.validation), splits.test
    few = train[:FEW], test[:FEW]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.perf_counter()
        seen = train_prediction(fitted, few[0])
        between = time.perf_counter()
        found = with_hidden(fitted.predict(few[1]), fitted.predict_hidden(few[1]))
        statistics_of(fitted, found, seen)
        ended = time.perf_counter()
    return (between - started) * len(train) / len(few[0]) + (ended - between) * len(test) / len(
        few[1]
    )


def _figure_seconds() -> float:
    """Time a figure of twelve panels."""
    from undertow.plots.style import image_bytes, off_screen

    started, figure = time.perf_counter(), off_screen()
    for ax in figure.subplots(3, 4).ravel():
        ax.plot(range(100))
    image_bytes(figure)
    return time.perf_counter() - started


def _data_bytes(*parts: TrialSet) -> int:
    """The trials as given and as tensors."""
    return 2 * sum(part.spikes.nbytes for part in parts)
