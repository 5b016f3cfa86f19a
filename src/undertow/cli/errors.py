"""How a verb ends, and what it prints on stderr.

Exit 2 with one line for what the user can mend, 3 where a file could not be written, 130 after
Ctrl-C (143 after SIGTERM), warnings as plain lines.
"""

import errno
import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TextIO

import typer

from undertow.cli import signals
from undertow.cli.reading import in_flags
from undertow.errors import UndertowError, UnfinishedError, WriteError
from undertow.files import reason
from undertow.names import printable

Arguments = ParamSpec("Arguments")
BAD_INPUT, NOT_WRITTEN, INTERRUPTED = 2, 3, signals.INTERRUPTED
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
LONGEST_LINE = 2000
_said: set[str] = set()


def guarded(verb: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Turn errors and Ctrl-C into an exit code without a traceback.

    Undertow's errors and what the file system refuses become one line on stderr and exit 2, or 3
    where a result could not be written; Ctrl-C becomes exit 130.
    """

    # each verb has a file of its name: undertow.cli.nlb.fit holds `undertow nlb fit`
    name = verb.__module__.replace(".cli.", ".").replace(".", " ")

    @functools.wraps(verb)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        with signals.listening(), warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _warning_line
            _said.clear()
            try:
                verb(*args, **kwargs)
            except UnfinishedError as error:
                say(f"{name}: {error}")
            except UndertowError as error:
                say(f"{name}: {in_flags(str(error))}")
                written = not isinstance(error, WriteError)
                raise typer.Exit(BAD_INPUT if written else NOT_WRITTEN) from None
            except OSError as error:
                say(f"{name}: {_refused(error)}")
                code = NOT_WRITTEN if error.errno in NO_ROOM else BAD_INPUT
                raise typer.Exit(code) from None
            except KeyboardInterrupt as interrupt:
                say(f"{name}: {str(interrupt).strip() or 'interrupted'}")
                raise typer.Exit(signals.exit_code()) from None

    run.__doc__ = flowed(verb.__doc__ or "")
    return run


def flowed(text: str) -> str:
    """Paragraphs of one line each, for a help that breaks lines itself."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


@contextmanager
def resumable(directory: Path) -> Iterator[None]:
    """Say, when Ctrl-C ends the block, what is kept and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted; what was done is kept in {directory}. The same command with --resume "
            "goes on."
        ) from None


def _refused(error: OSError) -> str:
    """What the file system refused, and why."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{reason(error)}."


def say(line: str) -> None:
    """A line on stderr; what a terminal would obey is written as escapes."""
    typer.echo(printable(line, LONGEST_LINE), err=True)


def _warning_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> Any:
    line = printable(in_flags(" ".join(str(message).split())), LONGEST_LINE)
    if line not in _said:  # each once, however many parts of a command warn of it
        _said.add(line)
        print(f"warning: {line}", file=file or sys.stderr)
