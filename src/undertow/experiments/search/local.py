"""Trials of a random search on this machine, one after the other or in processes."""

from collections.abc import Callable, Iterator, Sequence

from undertow.experiments.search.training import Task, advance
from undertow.experiments.search.trial import Trial
from undertow.experiments.workers.processes import in_processes
from undertow.models.base import ProgressReport
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
