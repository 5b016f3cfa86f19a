"""Jobs as tasks of Ray, on the machines it has.

This module needs Ray.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import ray

from undertow.errors import UndertowError
from undertow.experiments.workers.ray_session import gpus_of
from undertow.models.base import Estimator

TRIES = 2
"""Times a job is begun again whose worker died."""
SAVING_S = 30.0
"""How long jobs may take to save their state after Ctrl-C."""


def on_ray(
    work: Callable[..., Any],
    jobs: Sequence[tuple[Any, Any]],
    number: int | None,
    models: Sequence[Estimator],
) -> Iterator[Any]:
    """The result of `work(*job)` of each job, in the order in which they end.

    The arguments are those of `Workers.results`; a Ray is connected.

    Args:
        number: jobs at a time; None for as many as there is room for.

    Raises:
        UndertowError: where Ray breaks off.
    """
    task = ray.remote(_job).options(**_resources(models, number))
    shared = {id(large): ray.put(large) for large in {id(job[1]): job[1] for job in jobs}.values()}
    waiting, running = list(reversed(jobs)), list[Any]()
    try:
        while waiting or running:
            while waiting and (number is None or len(running) < number):
                own, large = waiting.pop()
                running.append(task.remote(work, own, shared[id(large)]))
            (ended, *_), running = ray.wait(running)
            yield _got(ended)
    finally:
        _cancel(running)


def _resources(models: Sequence[Estimator], number: int | None) -> dict[str, Any]:
    """What a job takes: a processor, and its share of the GPUs where it computes on one."""
    gpus = max(map(gpus_of, models), default=0)
    share = {"num_gpus": min(1.0, gpus / (number or 1))} if gpus else {}
    return {"num_cpus": 1, "max_retries": TRIES, **share}


def _got(ended: Any) -> Any:
    try:
        return ray.get(ended)
    except Exception as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, UndertowError):
            raise cause from None
        said = (str(error).strip() or type(error).__name__).splitlines()
        raise UndertowError(f"the fits on Ray broke off: {said[-1]}") from error


def _cancel(running: Sequence[Any]) -> None:
    """Interrupt jobs, and wait until they have saved their state."""
    with suppress(Exception):
        for each in running:
            ray.cancel(each, force=False, recursive=False)
        until = time.monotonic() + SAVING_S
        left = list(running)
        while left and time.monotonic() < until:
            _, left = ray.wait(left, num_returns=len(left), timeout=1.0)


def _job(work: Callable[..., Any], own: Any, large: Any) -> Any:
    """Run one job, in a process of Ray's."""
    from undertow.training import use_threads

    use_threads(1)
    return work(own, large)
