"""A pool of workers, forked from a process that has imported everything; the dead are replaced."""

import multiprocessing
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from tests.campaigns.outcome import Outcome, Verdict, signal_name
from tests.campaigns.target import Target
from tests.campaigns.worker import serve

SECONDS = 20.0
"""Processor time that an input may take; on a busy machine the clock says nothing."""
CLOCK_FACTOR = 4.0
POLL_S = 0.25
REMEMBERED = 25
"""Inputs before a crash that may be its cause."""
Job = tuple[str, int]


class Worker:
    """One process and what it is at."""

    def __init__(self, targets: Mapping[str, Target], seed: int, folder: Path) -> None:
        self.folder, self.log = folder, folder.with_suffix(".log")
        context = multiprocessing.get_context("fork")
        self.link, other = context.Pipe()
        self.process = context.Process(
            target=serve, args=(other, targets, seed, folder, self.log), daemon=True
        )
        self.process.start()
        other.close()  # so that the death of the worker ends the pipe
        self.job: Job | None = None
        self.changes: tuple[str, ...] = ()
        self.before: deque[Job] = deque(maxlen=REMEMBERED)

    def done(self) -> None:
        """The input is dealt with."""
        assert self.job is not None
        self.before.append(self.job)
        self.job = None

    def give(self, job: Job) -> None:
        """Start an input."""
        self.job, self.changes = job, ()
        self.started, self.cpu_before = time.monotonic(), self._cpu_s()
        self.link.send(job)

    def answer(self) -> Outcome | None:
        """The outcome, None while it only says that the input is made; a death is an outcome."""
        assert self.job is not None
        try:
            said = self.link.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            what = signal_name(self.process.exitcode)
            return self._own(Verdict.CRASH, what, self.log.read_text(errors="replace")[-3000:])
        if isinstance(said, Outcome):
            return said
        self.changes = said
        return None

    def hang(self, seconds: float) -> Outcome | None:
        """An outcome where the input takes too long; the worker is killed then."""
        assert self.job is not None
        elapsed = time.monotonic() - self.started
        if elapsed < seconds or (
            self._cpu_s() - self.cpu_before < seconds and elapsed < seconds * CLOCK_FACTOR
        ):
            return None
        self.stop()
        return self._own(Verdict.HANG, f"more than {seconds:g} s", "")

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.link.close()

    def _own(self, verdict: Verdict, what: str, detail: str) -> Outcome:
        assert self.job is not None
        stage = "" if self.changes else " while the input was made"
        return Outcome(
            *self.job, verdict, what + stage, detail, self.changes, time.monotonic() - self.started
        )

    def _cpu_s(self) -> float:
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        except OSError:  # it died just now
            return 0.0
        ticks = stat.rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def outcomes(
    jobs: Iterable[Job],
    targets: Mapping[str, Target],
    seed: int,
    workers: int = 2,
    seconds: float = SECONDS,
    keep: Any = None,
) -> Iterator[Outcome]:
    """What became of each job, in the order in which they end.

    Args:
        jobs: (target, number).
        targets: by name.
        seed: of the campaign.
        workers: processes.
        seconds: that an input may take.
        keep: called with (outcome, folder of the input) for every fault.
    """
    with tempfile.TemporaryDirectory(prefix="campaign-") as scratch:
        crew = [Worker(targets, seed, Path(scratch) / f"worker{k}") for k in range(workers)]
        try:
            yield from _served(iter(jobs), crew, targets, seed, seconds, keep)
        finally:
            for worker in crew:
                worker.stop()


def _served(
    jobs: Iterator[Job],
    crew: list[Worker],
    targets: Mapping[str, Target],
    seed: int,
    seconds: float,
    keep: Any,
) -> Iterator[Outcome]:
    while True:
        for worker in crew:
            if worker.job is None and (job := next(jobs, None)) is not None:
                worker.give(job)
        busy = [worker for worker in crew if worker.job is not None]
        if not busy:
            return
        ready = wait([worker.link for worker in busy], POLL_S)
        for worker in busy:
            found = worker.answer() if worker.link in ready else worker.hang(seconds)
            if found is None:
                continue
            if found.verdict is Verdict.CRASH:
                found = _blamed(found, worker, targets, seed, seconds)
            if found.verdict.fault and keep is not None:
                keep(found, worker.folder)
            worker.done()
            if found.verdict in (Verdict.CRASH, Verdict.HANG):
                crew[crew.index(worker)] = _replaced(worker, targets, seed)
            yield found


def _blamed(
    crash: Outcome, worker: Worker, targets: Mapping[str, Target], seed: int, seconds: float
) -> Outcome:
    """The crash of an input that crashes a fresh worker: this one, or one of those before it.

    Native code that writes past its memory often dies later, at the hands of another input.
    """
    for job in [(crash.target, crash.number), *reversed(worker.before)]:
        alone = _alone(job, worker, targets, seed, seconds)
        if alone.verdict is Verdict.CRASH:
            return alone
    before = ", ".join(f"{name} {number}" for name, number in worker.before)
    return replace(crash, what=f"{crash.what}, not alone", detail=f"after {before}\n{crash.detail}")


def _alone(
    job: Job, worker: Worker, targets: Mapping[str, Target], seed: int, seconds: float
) -> Outcome:
    fresh = Worker(targets, seed, worker.folder)
    fresh.give(job)
    found = None
    while found is None:
        ready = wait([fresh.link], POLL_S)
        found = fresh.answer() if ready else fresh.hang(seconds)
    fresh.stop()
    return found


def _replaced(worker: Worker, targets: Mapping[str, Target], seed: int) -> Worker:
    worker.link.close()
    shutil.rmtree(worker.folder, ignore_errors=True)
    return Worker(targets, seed, worker.folder)
