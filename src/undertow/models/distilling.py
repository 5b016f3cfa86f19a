"""Distillation: a model that sees the past alone learns from one that has seen the whole trial.

Hinton, Vinyals & Dean (2015), arXiv 1503.02531; with privileged information, Lopez-Paz et al.
(2016), arXiv 1511.03643.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.data.large import LazyCounts
from undertow.data.lazy_batch import LazyBatch
from undertow.errors import ModelError
from undertow.models.base import Estimator, ProgressReport, share_of
from undertow.models.network_model import NetworkModel

TEACHER = "teacher"
"""Folder of the teacher's training inside that of its student."""


def check_distill(model: NetworkModel[Any]) -> None:
    """Refuse to distil what has no teacher, or cannot learn from one.

    Raises:
        ModelError: naming the setting and the rule it breaks.
    """
    if not model.training.distill:
        return
    name, training = type(model).__name__, model.training
    if not model.acausal:
        raise ModelError(
            f"training.distill is {training.distill:g}: {name} has no form that sees whole trials, "
            "to learn from; leave it at 0."
        )
    if training.recipes or training.max_seconds is not None:
        raise ModelError(
            "training.distill needs a training of its own for the teacher: leave "
            "training.recipes empty and training.max_seconds None."
        )
    if getattr(model.piece("observation"), "kind", "poisson") != "poisson":
        raise ModelError(
            "training.distill learns from expected counts, which are no whole numbers: it needs "
            "observation='poisson'."
        )


def teacher_of(
    model: NetworkModel[Any],
    trials: TrialSet,
    validation: TrialSet,
    checkpoint: Path | None,
    resume: bool,
    report: ProgressReport,
) -> Estimator | None:
    """Fit the same model with its `acausal` settings on the same trials; None without distillation.

    The arguments are those of `Estimator.fit`.
    """
    if not model.training.distill:
        return None
    if isinstance(trials.spikes, LazyCounts):
        raise ModelError(
            "training.distill holds the rates of all training trials, and their counts are too "
            "large for that or read from a file: leave it out, or give an array of fewer trials."
        )
    teacher = type(model)(**model.get_params(deep=False))
    teacher.set_params(**model.acausal, training__distill=0.0)
    folder = None if checkpoint is None else checkpoint / TEACHER
    shown = share_of(report, 0, 2)
    return teacher.fit(trials, validation, checkpoint=folder, resume=resume, progress=shown)


def softened(
    batch: Batch | LazyBatch, trials: TrialSet, teacher: Estimator | None, share: float
) -> Batch | LazyBatch:
    """A batch to learn from whose targets are partly what the teacher expects.

    y = (1 − share) n + share E n of the teacher: the expectation has none of the noise of spikes.
    What the encoder reads are the spikes themselves; what is missing stays missing.

    Args:
        batch: of the trials.
        trials: the same.
        teacher: fitted; None to leave the batch as it is.
        share: of the teacher.
    """
    if teacher is None or isinstance(batch, LazyBatch):
        return batch
    expected = torch.from_numpy(teacher.predict(trials).rates * trials.bin_s).to(batch.targets)
    return replace(batch, targets=torch.lerp(batch.targets, expected, share), given=batch.inputs)
