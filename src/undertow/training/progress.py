"""Progress of a fit: one line per validation with the score and the time left, and one at its end.

What is said unasked is said where a person watches, on a terminal or in a notebook, and nowhere
else: logs and scripts stay quiet.
"""

import copy
import shutil
import sys
import time
from collections.abc import Callable
from typing import Self, TextIO

Report = Callable[[dict[str, float], float, float], None]
Say = Callable[[str], None]
NOTEBOOK = "ZMQInteractiveShell"
"""The shell behind Jupyter, VS Code and Colab; IPython's own is a terminal."""


class Progress:
    """Reporter of training progress: in place where a person watches, as plain lines elsewhere.

    Args:
        stream: where to print; standard error by default, in a notebook standard output.
        every_s: least seconds between two plain lines.
        name: what is fitted, such as 'fold 2', where there are several fits.
    """

    def __init__(self, stream: TextIO | None = None, every_s: float = 5.0, name: str = "") -> None:
        self.notebook = stream is None and in_notebook()
        own = sys.stdout if self.notebook else sys.stderr
        self.stream, self.name = own if stream is None else stream, name
        self.live = self.notebook or self.stream.isatty()
        self.every_s, self.printed_at, self.width = every_s, 0.0, 0

    def named(self, name: str) -> Self:
        """The same reporter, which names the fit it is of; names of fits inside others add up."""
        other = copy.copy(self)
        other.name = ", ".join(filter(None, (self.name, name)))
        return other

    def __call__(self, row: dict[str, float], progress: float, seconds_left: float) -> None:
        now, done = time.monotonic(), progress >= 1
        if not (self.live or done or now - self.printed_at > self.every_s):
            return
        self.printed_at = now
        validation = "again, on all training trials"
        if "validation_score" in row:
            validation = f"validation {row['validation_score']:.4f} (best {row['best_score']:.4f})"
        self._print(
            f"epoch {int(row['epoch']):5d}  {100 * min(progress, 1):3.0f} %  loss "
            f"{row['loss']:.4g}  {validation}  {clock(seconds_left)} of training left",
            done,
        )

    def finish(self, summary: str) -> None:
        """Say in a line of its own how the fit ended."""
        self._print(summary, done=True)

    def _print(self, line: str, done: bool) -> None:
        line = f"{self.name}: {line}" if self.name else line
        if not self.live:
            line += "\n"
        else:
            if not self.notebook and not done:
                # a line that wraps cannot be written over
                line = line[: shutil.get_terminal_size().columns - 1]
            # blanks, since not every notebook knows how to clear a line
            padded = line.ljust(self.width)
            self.width = 0 if done else len(line)
            line = f"\r{padded}" + ("\n" if done else "")
        self.stream.write(line)
        self.stream.flush()


def silent(row: dict[str, float], progress: float, seconds_left: float) -> None:
    """Say nothing of a fit's progress."""


def reporter(progress: Report | None, verbose: bool = True) -> Report:
    """The report given; without one a `Progress` where a person watches, unless not `verbose`."""
    if progress is not None:
        return progress
    return Progress() if verbose and watched() else silent


def teller(say: Say | None, verbose: bool = True) -> Say:
    """Where lines about a run go: as given; else printed where a person watches, or nowhere."""
    if say is not None:
        return say
    return Progress().finish if verbose and watched() else _unheard


def named(progress: Report, name: str) -> Report:
    """The report of one of several fits: a `Progress` names it, functions stay as they are."""
    return progress.named(name) if isinstance(progress, Progress) else progress


def watched() -> bool:
    """Whether a person is likely to watch: on a terminal, or in a notebook."""
    return sys.stderr.isatty() or in_notebook()


def in_notebook() -> bool:
    """Whether this runs in a notebook, whose shell IPython names."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return shell is not None and type(shell()).__name__ == NOTEBOOK


def clock(seconds: float) -> str:
    """Format seconds as m:ss or h:mm:ss."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _unheard(line: str) -> None:
    """Say nothing."""
