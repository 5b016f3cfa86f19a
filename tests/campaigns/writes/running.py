"""One command of the command line in a process of its own, forked with everything imported."""

import os
import resource
import shutil
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
BROKEN = 70
"""The exit code of a traceback."""
LINE_MOST = 2000


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

    def sentence_fault(self) -> str:
        """What is wrong with the way it refused; '' for one clear line and exit 2 or 3."""
        if self.code not in (2, 3):
            return f"it ended with {self.code}: {_last(self.err)}"
        if "Traceback" in self.err or "Exception ignored" in self.err:
            return f"a traceback: {_last(self.err)}"
        lines = [line for line in self.err.splitlines() if not line.startswith("warning: ")]
        if not lines or len(lines[-1]) > LINE_MOST:
            return f"no sentence: {_last(self.err)}"
        return ""


def run(
    words: Sequence[str], folder: Path, act: Act = nothing, file_size: int | None = None
) -> Ended:
    """Run `undertow WORDS` in `folder`, with the shim around its writes.

    Args:
        words: of the command line.
        folder: where it runs and where writes count.
        act: what happens at each of them.
        file_size: the largest file that the process may write, in bytes.
    """
    beside = folder.with_name(f"{folder.name}.said")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    pid = os.fork()
    if pid == 0:
        code = BROKEN
        try:
            code = _child(words, folder, beside, act, file_size)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    status = _waited(pid)
    said = {name: (beside / name).read_text(errors="replace") for name in ("out", "err", "calls")}
    calls = tuple(tuple(line.split("\t", 1)) for line in said["calls"].splitlines())
    shutil.rmtree(beside, ignore_errors=True)
    return Ended(status, said["out"], said["err"], calls)  # type: ignore[arg-type]


def _child(
    words: Sequence[str], folder: Path, beside: Path, act: Act, file_size: int | None
) -> int:
    """The command, in the child; returns its exit code."""
    log = os.open(beside / "calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(beside / name, os.O_WRONLY | os.O_CREAT, 0o644), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    os.chdir(folder)
    _draw_quickly()
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    sys.argv = ["undertow", *words]
    Shim(folder, act, log).install()
    from undertow.cli.app import main

    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


def _draw_quickly() -> None:
    """Figures are files as any others here: what is on them is left out."""
    from matplotlib.figure import Figure

    def saved(figure: object, target: object, *args: object, **kwargs: object) -> None:
        target.write(b"a figure") if hasattr(target, "write") else None

    Figure.savefig = saved  # type: ignore[method-assign, assignment]


def _waited(pid: int) -> int:
    """Exit code of a child; one that takes too long is ended."""
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


def _last(text: str) -> str:
    lines = text.strip().splitlines() or ["nothing was said"]
    return lines[-1][:200]
