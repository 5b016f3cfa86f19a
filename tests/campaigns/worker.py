"""A worker: takes input numbers one by one, makes each input, uses it and says what happened."""

import contextlib
import os
import resource
import shutil
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from tests.campaigns.outcome import Outcome, Verdict, judged
from tests.campaigns.target import Made, Target, rng_of

MEMORY_BYTES = 4 * 2**30
"""What an input may take beyond what the process has already mapped."""
ATTEMPTS = 20
"""A library that writes seeds refuses some hostile values itself; then other ones are drawn."""


def serve(
    link: Connection, targets: Mapping[str, Target], seed: int, folder: Path, log: Path
) -> None:
    """Answer requests until the other side closes; (target, number) → 'made', then an outcome."""
    alone(log)
    while True:
        try:
            name, number = link.recv()
        except EOFError:
            return
        made = make(targets[name], seed, number, folder)
        if isinstance(made, Outcome):
            link.send(made)
            continue
        link.send(tuple(made.changes))
        link.send(use(targets[name], number, made))


def alone(log: Path) -> None:
    """What a worker must not share: memory without limit, the terminal, core dumps."""
    limit_memory(MEMORY_BYTES)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(sink, 1)
    os.dup2(sink, 2)


def limit_memory(more: int) -> None:
    """Let this process map so many bytes more than it has mapped."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def make(target: Target, seed: int, number: int, folder: Path) -> Made | Outcome:
    """The input of that number in an empty `folder`; an outcome where it cannot be made."""
    rng, fault = rng_of(target.name, seed, number), ""
    for _ in range(ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            return target.make(rng, folder)
        except Exception:
            fault = traceback.format_exc()
    return Outcome(target.name, number, Verdict.GENERATOR, fault.splitlines()[-1][:90], fault)


def use(target: Target, number: int, made: Made) -> Outcome:
    """Use an input and judge what happens, in its own folder."""
    with contextlib.chdir(made.path.parent):
        verdict, what, detail, seconds = judged(lambda: target.use(made))
    return Outcome(target.name, number, verdict, what, detail, tuple(made.changes), seconds)
