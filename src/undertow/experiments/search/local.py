"""Trials of a random search on this machine: one by one, in processes, or all at once."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from undertow.experiments.search.training import Task, advance
from undertow.experiments.search.trial import Trial, write_trial
from undertow.experiments.workers.processes import in_processes
from undertow.models.base import ProgressReport
from undertow.models.many import fit_at_once
from undertow.training import named

Report = Callable[[Trial, int, int], None]
Job = tuple[Task, Trial]


def run_here(
    task: Task,
    trials: Sequence[Trial],
    workers: int,
    report: Report,
    progress: ProgressReport,
) -> list[Trial]:
    """Train every trial that has not ended, whole.

    Args:
        task: what they share.
        trials: by number, those that ended among them.
        workers: processes, each with one thread; 1 runs in this process.
        report: called after each trial with it, the number done and the number in all.
        progress: of the trainings, where they run in this process.

    Returns:
        All trials, by number.
    """
    done = {each.number: each for each in trials if each.ended}
    todo = [(task, each) for each in trials if not each.ended]
    for ended in _ended(todo, workers, progress):
        done[ended.number] = ended
        report(ended, len(done), len(trials))
    return [done[number] for number in sorted(done)]


def _ended(todo: Sequence[Job], workers: int, progress: ProgressReport) -> Iterator[Trial]:
    if workers > 1:
        yield from in_processes(_advanced, todo, workers)
        return
    for task, trial in todo:
        yield advance(task, trial, named(progress, f"trial {trial.number}"))


def _advanced(job: Job) -> Trial:
    return advance(*job)


def run_at_once(
    task: Task, trials: Sequence[Trial], report: Report, progress: ProgressReport
) -> list[Trial]:
    """Train every trial that has not ended, all of them as one batched model.

    Args:
        task: what they share; its model is trained by gradients.
        trials: by number, those that ended among them.
        report, progress: as in `run_here`.

    Returns:
        All trials, by number.

    Raises:
        ModelError: for settings that cannot be trained at once.
    """
    done = {each.number: each for each in trials if each.ended}
    todo = [each for each in trials if not each.ended]
    models: Any = [task.model.copy(**each.settings) for each in todo]
    folders = [task.checkpoint(each) for each in todo]
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the fit under the best settings warns again
        broken = fit_at_once(models, task.train, task.validation, progress, folders)
    spent = (time.process_time() - started) / max(len(todo), 1)
    for k, (trial, model) in enumerate(zip(todo, models, strict=True)):
        ended = replace(trial, processor_s=spent)
        if k in broken:  # alone, where its failure is its own
            ended = advance(task, ended)
        else:
            score, latest = model.validation_score_, model.history_[-1]["validation_score"]
            ended = replace(ended, state="finished", best=[score], latest=[latest])
            write_trial(task.place(trial.number), ended)
        done[trial.number] = ended
        report(ended, len(done), len(trials))
    return [done[number] for number in sorted(done)]
