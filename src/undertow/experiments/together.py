"""Runs whose model several processes train: the first holds the run, the others help it to fit."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from undertow.data import TrialSet, split_trials
from undertow.models.base import Estimator
from undertow.training import silent, together

CHECKPOINT = "checkpoint"
Result = TypeVar("Result")


def led(fit: Callable[[], Result], needed: bool, helped: bool) -> Result:
    """Fit in the first process, as `helped` says with the help of others, who wait for it here.

    Args:
        fit: called in any case.
        needed: whether it trains, or reads what a resumed run has trained already.
        helped: whether other processes take part.
    """
    if not helped:
        return fit()
    with together() as processes:
        if processes.agreed(lambda: needed):
            return fit()
    return fit()


def help_to_fit(fit: Callable[[], object]) -> None:
    """Take part in the fit that the first process leads, unless it needs none."""
    with together() as processes:
        if processes.agreed(lambda: False):
            fit()


def help_run(
    trials: TrialSet, model: Estimator, out: str | Path, split_seed: int = 0, resume: bool = False
) -> None:
    """What every process but the first does where `run` is called with `helped=True`.

    Nothing is written.

    Args:
        trials, model, out, split_seed, resume: those that the first process gives `run`; every
            machine must see the folder `out`.
    """
    splits = split_trials(trials, seed=split_seed)
    folder = Path(out) / CHECKPOINT
    help_to_fit(
        lambda: model.fit(
            splits.train, splits.validation, checkpoint=folder, resume=resume, progress=silent
        )
    )
