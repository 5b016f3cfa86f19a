"""What a run would cost: a few real steps, predictions and scores, timed, and their memory."""

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from undertow.data import Splits, TrialSet, join_trials
from undertow.data.large import LazyCounts
from undertow.evaluation import with_hidden
from undertow.experiments.fitting import statistics_of, train_prediction
from undertow.models import Ensemble, Estimator
from undertow.models.em import EM
from undertow.models.racing import race_cost
from undertow.models.sizes import COPIES
from undertow.training import Training, silent, threads_for

STEPS, FEW, FIGURES = 4, 16, 60
"""Steps and trials that are timed; drawings of a report, each on the page and in a file."""
SIZES, ITERATIONS = (24, 72), 3
"""Trials that fits without training steps are timed on; iterations of expectation–maximisation."""
LEAST_SLOPE = 0.7
"""Of the time of more trials, in proportion to that of those timed."""
Clock = Callable[[], float]


@dataclass(frozen=True)
class Estimate:
    """Cost of one fit, and of what follows it.

    Attributes:
        seconds: of the fit, at most; early stopping may end it sooner.
        once_s: of these, what does not depend on how long is trained, such as choices on the
            validation trials.
        steps: optimiser steps, or iterations; 0 for a fit in closed form.
        parameters: numbers learned.
        scored_s: seconds of predicting and scoring, timed on a few trials.
        report_s: seconds of drawing the report.
        threads: that it computes on.
        memory_bytes: weights with what the optimiser keeps, the trials, and what one step holds for
            its gradient, twice (values and gradients); on top of Python and PyTorch themselves. 0
            where it was not measured.
    """

    seconds: float
    steps: int
    parameters: int
    memory_bytes: int
    scored_s: float = 0.0
    report_s: float = 0.0
    threads: int = 1
    once_s: float = 0.0


def estimate(model: Estimator, splits: Splits, clock: Clock = time.perf_counter) -> Estimate:
    """Time a few steps of `model` on the first training trials.

    Of expectation–maximisation a few iterations are timed, of fits in closed form whole ones, on
    few trials, and carried on to all in proportion.

    Args:
        model: unfitted.
        splits: of the run.
        clock: seconds; `time.process_time` for processor time.
    """
    if isinstance(model, Ensemble):
        return _times(estimate(model.unfitted_members()[0], splits, clock), model.size)
    params = model.get_params(deep=False)
    if isinstance(params.get("training"), Training):
        return _of_training(model, params["training"], splits, clock)
    if isinstance(params.get("em"), EM):
        return _of_iterations(model, params["em"], splits, clock)
    return _of_closed_form(model, splits, clock)


def _of_training(model: Estimator, training: Training, splits: Splits, clock: Clock) -> Estimate:
    few = Splits(splits.train[: training.batch_size], splits.validation, splits.test)
    short, held_bytes = _measure_memory(model, few)
    parameters = short.parameter_counts().get("all", 0)
    one_s, more_s = (_fit_seconds(_short(model, each), few, clock) for each in (1, 1 + STEPS))
    n_trials = splits.train.n_trials
    each_s, steps_each = (
        max(more_s - one_s, 0.0) / STEPS,
        math.ceil(len(few.train) / training.batch_size),
    )
    steps = training.epochs_of(n_trials) * math.ceil(n_trials / training.batch_size)
    # a race before the training, and a second one on all trials after it
    steps = round(steps * (1 + race_cost(len(training.recipes)) + training.refit))
    # what is done once takes as long as trials are many; each recipe of a race does it, too
    once_s = max(one_s - each_s, 0.0) * n_trials / len(few.train) * max(1, len(training.recipes))
    seconds = each_s / steps_each * steps + once_s
    return Estimate(
        seconds=seconds if training.max_seconds is None else min(seconds, training.max_seconds),
        steps=steps,
        parameters=parameters,
        memory_bytes=2 * held_bytes + 4 * COPIES * parameters + _data_bytes(*splits),
        scored_s=_score_seconds(short, splits, clock),
        report_s=FIGURES * _figure_seconds(),
        threads=threads_for(parameters, min(training.batch_size, n_trials) * splits.train.n_time),
        once_s=once_s,
    )


def _of_iterations(model: Estimator, em: EM, splits: Splits, clock: Clock) -> Estimate:
    few = _part(splits, SIZES[1])
    larger = (len(splits.train) + len(splits.validation)) / (len(few.train) + len(few.validation))

    def short(iterations: int, validate_every: int) -> Estimator:
        loop: dict[str, Any] = {"iterations": iterations, "validate_every": validate_every}
        refit: dict[str, Any] = {"refit": 0} if hasattr(em, "refit") else {}
        return model.copy(em=replace(em, patience=None, **loop, **refit))

    once, more = short(1, 1), short(1 + ITERATIONS, 1 + ITERATIONS)
    one_s, more_s = (_fit_seconds(each, few, clock) for each in (once, more))
    checked_s = _fit_seconds(short(1 + ITERATIONS, 1), few, clock)
    each_s = max(more_s - one_s, 0.0) / ITERATIONS
    validated_s = max(checked_s - more_s, 0.0) / ITERATIONS
    iterations = em.iterations + getattr(em, "refit", 0)
    once_s = larger * max(one_s - each_s, 0.0)
    looped_s = iterations * each_s + em.iterations / em.validate_every * validated_s
    return _plain(once, once_s + larger * looped_s, splits, clock, iterations, once_s)


def _of_closed_form(model: Estimator, splits: Splits, clock: Clock) -> Estimate:
    sizes, seconds, fitted = [], [], model
    for size in SIZES:
        few, fitted = _part(splits, size), model.copy()
        seconds.append(_fit_seconds(fitted, few, clock))
        sizes.append(len(few.train) + len(few.validation))
    n_trials = len(splits.train) + len(splits.validation)
    slope = (seconds[1] - seconds[0]) / max(sizes[1] - sizes[0], 1)
    # of two short fits the first may have been slow by chance, such as by more iterations
    slope = max(slope, LEAST_SLOPE * seconds[1] / sizes[1])
    whole_s = seconds[1] + slope * (n_trials - sizes[1])
    return _plain(fitted, whole_s, splits, clock, 0, whole_s)


def _plain(
    fitted: Estimator, seconds: float, splits: Splits, clock: Clock, steps: int, once_s: float
) -> Estimate:
    return Estimate(
        seconds=seconds,
        steps=steps,
        parameters=fitted.parameter_counts().get("all", 0),
        memory_bytes=0,
        scored_s=_score_seconds(fitted, splits, clock),
        report_s=FIGURES * _figure_seconds(),
        once_s=once_s,
    )


def _part(splits: Splits, size: int) -> Splits:
    """So many training trials, and validation trials in proportion, or all."""
    share = min(1.0, size / len(splits.train))
    validation = splits.validation[: max(4, round(share * len(splits.validation)))]
    return Splits(splits.train[:size], validation, splits.test)


def _times(one: Estimate, n: int) -> Estimate:
    """The cost of `n` fits, one after the other."""
    counted = ("seconds", "once_s", "steps", "parameters", "scored_s")
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


def _fit_seconds(short: Estimator, splits: Splits, clock: Clock) -> float:
    """Time a fit, and leave the model fitted."""
    started = clock()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an unfinished fit says nothing about the model
        short.fit(splits.train, validation=splits.validation, progress=silent)
    return clock() - started


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


def _score_seconds(fitted: Estimator, splits: Splits, clock: Clock) -> float:
    """Time predictions and scores of a few trials, as a run makes them, for all of them."""
    train, test = join_trials(splits.train, splits.validation), splits.test
    few = train[:FEW], test[:FEW]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = clock()
        seen = train_prediction(fitted, few[0])
        between = clock()
        found = with_hidden(fitted.predict(few[1]), fitted.predict_hidden(few[1]))
        statistics_of(fitted, found, seen)
        ended = clock()
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
    """The trials as given and as tensors; those that are no array become some by minibatches."""
    arrays = [part.spikes for part in parts if not isinstance(part.spikes, LazyCounts)]
    return 2 * sum(array.nbytes for array in arrays)
