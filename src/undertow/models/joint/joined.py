"""Which models sessions can share, and under which settings."""

from dataclasses import replace
from typing import Any

from undertow.errors import ModelError
from undertow.models.langevin_flow import LangevinFlow
from undertow.models.latent_sde import LatentSDE
from undertow.models.lfads import LFADS
from undertow.models.trained import TrainedModel
from undertow.training import Training

JOINED = (LangevinFlow, LatentSDE, LFADS)
"""Models whose neurons can be told from what is of none."""
OF_ONE_RECORDING = ("align_modes", "uncertain_dynamics", "relearn")
"""Options of a latent SDE's posterior that learn dynamics by means of their own."""
ADAPTING_STEPS, ADAPTING_BATCH = 200, 32
"""Optimiser steps that a new session takes, and their trials: few layers need little."""


def joined(model: Any, channels: int) -> TrainedModel[Any]:
    """Return an unfitted copy of a model as sessions have it: with a read-in.

    Raises:
        ModelError: for a model that sessions cannot share, or settings that take one recording.
    """
    if not isinstance(model, JOINED):
        raise ModelError(
            f"sessions are joined in {', '.join(each.__name__ for each in JOINED)}, and model is "
            f"{type(model).__name__}."
        )
    model.check_settings()
    training = model.training
    if training.recipes or training.distill or training.max_seconds is not None:
        raise ModelError(
            "sessions are trained together once: leave training.recipes empty, training.distill 0 "
            "and training.max_seconds None."
        )
    if isinstance(model, LatentSDE):
        for name in OF_ONE_RECORDING:
            if getattr(model.piece("posterior"), name):
                raise ModelError(
                    f"posterior.{name} learns the dynamics from one recording: leave it out where "
                    "sessions share them."
                )
    if model.piece("encoder").read_in is None:
        return model.copy(encoder__read_in=channels)
    return model.copy()


def adapting_training(training: Training, steps: int | None = None) -> Training:
    """Return the training of a new session, from that of all: short, in small batches.

    Args:
        training: of all sessions.
        steps: of the optimiser; 200 by default.
    """
    return replace(
        training,
        epochs=None,
        steps=ADAPTING_STEPS if steps is None else steps,
        batch_size=min(training.batch_size, ADAPTING_BATCH),
    )
