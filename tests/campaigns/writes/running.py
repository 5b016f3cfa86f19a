"""One command of the command line in a process of its own, forked with everything imported."""

import fcntl
import functools
import importlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.writes.shim import Act, Shim, nothing

SECONDS = 60.0
"""Processor time after which a command hangs."""
COMMAND = "undertow.cli.app:main"
"""What runs, as module:function."""
BROKEN = 70
"""The exit code of a traceback."""
LINE_MOST = 2000
PIPE_BYTES = 2**20


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code, or minus the signal that ended it.
        out, err: what it printed.
        calls: (kind, path) of each call that wrote in its folder.
    """

    code: int
    out: str
    err: str
    calls: tuple[tuple[str, str], ...]

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    def sentence_fault(self, codes: tuple[int, ...] = (2, 3)) -> str:
        """What is wrong with the way it refused; '' for one clear line and a code of `codes`."""
        if self.code not in codes:
            return f"it ended with {self.code}: {self.last}"
        if "Traceback" in self.err or "Exception ignored" in self.err:
            return f"a traceback: {self.last}"
        lines = [line for line in self.err.splitlines() if not line.startswith("warning: ")]
        if not lines or len(lines[-1]) > LINE_MOST:
            return f"no sentence: {self.last}"
        return ""

    @property
    def last(self) -> str:
        """The last line on stderr."""
        return (self.err.strip().splitlines() or ["nothing was said"])[-1][:300]


class Running:
    """A command that has been started.

    Output goes through pipes: a limit on the size of files must not touch it.
    """

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        act: Act = nothing,
        file_size: int | None = None,
        clock: float = 1.0,
    ) -> None:
        pipes = [os.pipe() for _ in range(3)]
        for _, end in pipes:
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.pid = os.fork()
        if self.pid == 0:
            hasten(clock)
            _child(words, folder, [end for _, end in pipes], act, file_size)
        for _, end in pipes:
            os.close(end)
        self.ends = [end for end, _ in pipes]

    def ended(self) -> Ended:
        """Wait for it; one that takes too long is ended."""
        code = _waited(self.pid)
        out, err, calls = (_read(end) for end in self.ends)
        noted = tuple(tuple(line.split("\t", 1)) for line in calls.splitlines())
        return Ended(code, out, err, noted)  # type: ignore[arg-type]


def run(
    words: Sequence[str],
    folder: Path,
    act: Act = nothing,
    file_size: int | None = None,
    clock: float = 1.0,
) -> Ended:
    """Run `undertow WORDS` in `folder`, with the shim around its writes.

    Args:
        words: of the command line.
        folder: where it runs and where writes count.
        act: what happens at each of them.
        file_size: the largest file that the process may write, in bytes.
        clock: how many times as fast its clock runs.
    """
    return Running(words, folder, act, file_size, clock).ended()


def _read(end: int) -> str:
    with os.fdopen(end, "rb") as pipe:
        return pipe.read().decode(errors="replace")


def _child(
    words: Sequence[str], folder: Path, ends: list[int], act: Act, file_size: int | None
) -> None:
    """The whole life of the child: it never returns."""
    code = BROKEN
    try:
        code = _command(words, folder, ends, act, file_size)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _command(
    words: Sequence[str], folder: Path, ends: list[int], act: Act, file_size: int | None
) -> int:
    """Run the command in this process; returns its exit code."""
    out, err, log = ends
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    os.chdir(folder)
    _make_small()
    sys.argv = ["undertow", *words]
    Shim(folder, act, log).install()
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    module, _, name = COMMAND.partition(":")
    try:
        getattr(importlib.import_module(module), name)()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


def _make_small() -> None:
    """What takes long and writes no more: pictures are left empty, the demo's recording small."""
    from undertow import systems

    draw_nothing()
    few = {"conditions": 4, "trials_per_condition": (4, 2, 2)}
    little = functools.partial(systems.simulate_lorenz, **few)
    systems.simulate_lorenz = functools.wraps(systems.simulate_lorenz)(little)


def hasten(clock: float) -> None:
    """Let the clocks of this process run faster."""
    for name in ("monotonic", "perf_counter"):
        own = getattr(time, name)
        setattr(time, name, lambda own=own: clock * own())


def draw_nothing() -> None:
    """Leave every picture empty, in this process."""
    from matplotlib.figure import Figure

    def saved(figure: object, target: object, *args: object, **kwargs: object) -> None:
        if hasattr(target, "write"):
            target.write(b"a figure" if "b" in getattr(target, "mode", "b") else "a figure")

    Figure.savefig = saved  # type: ignore[method-assign, assignment]


def _waited(pid: int) -> int:
    """Exit code of a child."""
    pause = 0.005
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if _cpu_s(pid) > SECONDS:
            os.kill(pid, signal.SIGALRM)
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def _cpu_s(pid: int) -> float:
    try:
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return 0.0
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
