"""What one trial of a search does: train a slice further, or take over another trial's weights."""

import shutil
import time
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import TrialSet
from undertow.errors import ModelError, WriteError
from undertow.evaluation import rate_statistics, with_hidden
from undertow.experiments.search.trial import (
    Trial,
    checkpoint_of,
    read_trial,
    trial_name,
    write_trial,
)
from undertow.files import write_text
from undertow.models.base import Estimator, ProgressReport
from undertow.models.trained import TrainedModel
from undertow.training import Training, silent
from undertow.training.kept_state import CHECKPOINT

ERROR = "error.txt"


@dataclass(frozen=True, eq=False)
class Task:
    """What all trials of a search share.

    Attributes:
        model: not fitted; the settings of a trial replace its own.
        train, validation: trials to learn from and to compare on; no others are given to a worker.
        folder: of the trials' states.
        slices: parts of a training.
    """

    model: Estimator
    train: TrialSet
    validation: TrialSet
    folder: Path
    slices: int = 1

    def place(self, number: int) -> Path:
        """Folder of a trial."""
        return self.folder / trial_name(number)

    def checkpoint(self, trial: Trial) -> Path:
        """Folder of a trial's checkpoint; another one once it took over other weights."""
        return checkpoint_of(self.folder, trial)

    def begun(self, start: Trial, kept: bool = False) -> Trial:
        """The trial as its folder has it; as given where it has not begun, or failed.

        Args:
            start: the trial before it begins.
            kept: take the settings from the folder too; else those of `start`, which may be code.
        """
        found = read_trial(self.place(start.number))
        if found is None or found.state == "failed":
            return start
        return found if kept else replace(found, settings=start.settings)


def once(model: Estimator) -> Estimator:
    """The model as a search trains it: once, on the training trials."""
    training = model.get_params(deep=False).get("training")
    if not isinstance(training, Training):
        return model.copy()
    return model.copy(training=replace(training, recipes=(), refit=False))


def advance(task: Task, trial: Trial, report: ProgressReport = silent) -> Trial:
    """Train a trial one slice further, and write how it stands.

    Where the settings cannot be fitted the trial has failed, with the reason in its folder; only
    what would hinder all others is raised.

    Raises:
        WriteError: where its state cannot be written.
        Interrupted: on Ctrl-C, after the state was saved.
    """
    started, place = time.process_time(), task.place(trial.number)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit under the best settings warns again
            best, latest = _scores(task, trial, report)
    except WriteError:
        raise
    except Exception as error:
        place.mkdir(parents=True, exist_ok=True)
        write_text(place / ERROR, traceback.format_exc())
        failed = f"{type(error).__name__}: {error}"
        ended = replace(trial, state="failed", error=failed)
    else:
        bests, latests = [*trial.best, best], [*trial.latest, latest]
        state = _state(len(bests), task.slices)
        ended = replace(trial, best=bests, latest=latests, state=state)
    ended = replace(ended, processor_s=trial.processor_s + time.process_time() - started)
    write_trial(place, ended)
    return ended


def _state(done: int, slices: int) -> Any:
    return "finished" if done >= slices else "running"


def _scores(task: Task, trial: Trial, report: ProgressReport) -> tuple[float, float]:
    """Train up to the end of the coming slice; best validation score so far, and the one there."""
    model, folder = task.model.copy(**trial.settings), task.checkpoint(trial)
    model.check_settings()
    if isinstance(model, TrainedModel):
        share = min(1.0, (len(trial.best) + 1) / task.slices)
        model.advance(task.train, task.validation, share, folder, report)
        best, latest = model.validation_score_, model.history_[-1]["validation_score"]
    else:
        options: dict[str, Any] = {"checkpoint": folder, "resume": True, "progress": report}
        model.fit(task.train, validation=task.validation, **options)
        best = latest = model.validation_score_
        if np.isnan(best):
            best = latest = _unseen_score(task.model.copy(**trial.settings), task)
    if not np.isfinite((best, latest)).all():
        raise ModelError(f"the validation score is {latest}: these settings fit nothing.")
    return float(best), float(latest)


def _unseen_score(model: Estimator, task: Task) -> float:
    """Bits per spike of the validation trials, by a model that has learned from training trials.

    For models that say no score of their own, and learn from validation trials at the end.
    """
    model.fit(task.train, progress=silent)
    held = task.validation
    name = "co-bps" if held.heldout.any() else "held-in bps"
    hidden = None if held.heldout.any() else model.predict_hidden(held)
    found = rate_statistics(with_hidden(model.predict(held), hidden), task.train)
    if name not in found:
        raise ModelError(f"{model.cli_name} has no {name} on the validation trials to compare by.")
    return found[name].value


# --- taking over another trial's weights ---------------------------------------------------------


def adopt(
    task: Task, trial: Trial, donor: Trial, checkpoint: Path, settings: Mapping[str, Any]
) -> Trial:
    """Give a trial the weights of another, under settings of its own, and write how it stands.

    Args:
        task: the search.
        trial: the one that takes over; what it cost is kept.
        donor: the other one, as it was when its checkpoint was made.
        checkpoint: the folder that holds it.
        settings: under which the training goes on.
    """
    new = replace(
        donor,
        number=trial.number,
        settings=dict(settings),
        schedule=[*donor.schedule, (len(donor.best), dict(settings))],
        processor_s=trial.processor_s,
        lineage=trial.lineage + 1,
        state=_state(len(donor.best), task.slices),
    )
    # beside the earlier ones: until the trial is written, its own state is still whole
    target = task.checkpoint(new)
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(checkpoint / CHECKPOINT, target / CHECKPOINT)
    write_trial(task.place(new.number), new)
    shutil.rmtree(task.checkpoint(trial), ignore_errors=True)
    return new
