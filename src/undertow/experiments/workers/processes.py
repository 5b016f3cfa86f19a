"""Jobs in worker processes of one thread each, which Ctrl-C ends at once and in order."""

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, TypeVar

from undertow.names import printable

LONGEST_WARNING = 2000
Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[Result]:
    """The result of each job, in the order in which they end.

    Where the loop over them is left early (Ctrl-C, an error), jobs that have not begun never do,
    and those that run see a `KeyboardInterrupt`, so that a fit can save its state.
    """
    others = set(active_children())
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start) as pool:
        with _deaf_to_ctrl_c():
            futures = [pool.submit(_run, work, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            running = [future for future in futures if not (future.done() or future.cancel())]
            if running:  # leaving the pool waits for them
                for child in set(active_children()) - others:
                    child.terminate()


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let processes started inside ignore Ctrl-C, which a terminal sends to all of them.

    The parent process stops them instead.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


# --- in a worker ----------------------------------------------------------------------------------

_state = {"busy": False, "stopped": False}


def _start() -> None:
    from undertow.training import use_threads

    use_threads(1)
    warnings.showwarning = _show_warning
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _show_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    """Say it in a line of its own, without the place in the code."""
    print(f"warning: {printable(str(message), LONGEST_WARNING)}", file=sys.stderr)


def _end_with_parent() -> None:
    """End this process when the parent ends, killed or not: a repeated run must be alone."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _stop(*_: Any) -> None:
    """End the job that runs; an idle worker waits for the pool to end it."""
    _state["stopped"] = True
    if _state["busy"]:
        raise KeyboardInterrupt


def _run(work: Callable[[Job], Result], job: Job) -> Result:
    if _state["stopped"]:  # it was handed out before the others could be called off
        raise KeyboardInterrupt
    _state["busy"] = True
    try:
        return work(job)
    finally:
        _state["busy"] = False
