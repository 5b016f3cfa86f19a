"""What a fit would cost: a few real training steps, timed, and the memory of what they hold."""

import math
import time
import warnings
from dataclasses import dataclass, replace

from undertow.data import Splits, TrialSet
from undertow.models import Ensemble, Estimator
from undertow.models.sizes import COPIES
from undertow.training import Training, silent

STEPS = 4


@dataclass(frozen=True)
class Estimate:
    """Cost of one fit.

    Attributes:
        seconds: of training, at most; early stopping may end it sooner.
        steps: optimiser steps.
        parameters: numbers learned.
        memory_bytes: weights with what the optimiser keeps, the trials, and what one step holds for
            its gradient, twice (values and gradients); on top of Python and PyTorch themselves.
    """

    seconds: float
    steps: int
    parameters: int
    memory_bytes: int


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
    parameters, held_bytes = _measure_memory(model, few)
    one_s, more_s = (_fit_seconds(model, few, epochs) for epochs in (1, 1 + STEPS))
    steps = training.epochs * math.ceil(splits.train.n_trials / training.batch_size)
    seconds = max(more_s - one_s, 0.0) / STEPS * steps
    return Estimate(
        seconds=seconds if training.max_seconds is None else min(seconds, training.max_seconds),
        steps=steps,
        parameters=parameters,
        memory_bytes=2 * held_bytes + 4 * COPIES * parameters + _data_bytes(*splits),
    )


def _times(one: Estimate, n: int) -> Estimate:
    """The cost of `n` fits, one after the other."""
    return replace(one, seconds=n * one.seconds, steps=n * one.steps, parameters=n * one.parameters)


def _short(model: Estimator, epochs: int) -> Estimator:
    """The same model with a short training loop and one validation at the end."""
    loop = replace(
        model.get_params(deep=False)["training"],
        epochs=epochs,
        validate_every=epochs,
        max_seconds=None,
        patience=None,
    )
    return model.copy(training=loop)


def _fit_seconds(model: Estimator, splits: Splits, epochs: int) -> float:
    short, started = _short(model, epochs), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an unfinished fit says nothing about the model
        short.fit(splits.train, validation=splits.validation, progress=silent)
    return time.perf_counter() - started


def _measure_memory(model: Estimator, splits: Splits) -> tuple[int, int]:
    """Numbers learned, and the bytes one step holds for its gradient (each storage once)."""
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
    return short.parameter_counts().get("all", 0), sum(held.values())


def _data_bytes(*parts: TrialSet) -> int:
    """The trials as given and as tensors."""
    return 2 * sum(part.spikes.nbytes for part in parts)
