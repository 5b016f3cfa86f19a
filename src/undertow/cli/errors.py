"""How a verb ends, and what it prints on stderr.

Exit 2 with one line for what the user can mend, 130 after Ctrl-C, warnings as plain lines.
"""

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TextIO

import typer

from undertow.cli.reading import in_flags
from undertow.errors import UndertowError

Arguments = ParamSpec("Arguments")
BAD_INPUT, INTERRUPTED = 2, 130


def guarded(verb: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Turn errors and Ctrl-C into an exit code without a traceback.

    Undertow's errors become one line on stderr and exit 2, Ctrl-C exit 130.
    """

    # each verb has a file of its name: undertow.cli.nlb.fit holds `undertow nlb fit`
    name = verb.__module__.replace(".cli.", ".").replace(".", " ")

    @functools.wraps(verb)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _warning_line
            try:
                verb(*args, **kwargs)
            except UndertowError as error:
                say(f"{name}: {in_flags(str(error))}")
                raise typer.Exit(BAD_INPUT) from None
            except KeyboardInterrupt as interrupt:
                say(f"{name}: {str(interrupt) or 'interrupted'}")
                raise typer.Exit(INTERRUPTED) from None

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


def say(line: str) -> None:
    """A line on stderr."""
    typer.echo(line, err=True)


def _warning_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> Any:
    print(f"warning: {in_flags(str(message))}", file=file or sys.stderr)
