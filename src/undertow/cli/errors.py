"""How a verb ends: exit 2 with one line for what the user can mend, 130 after Ctrl-C, warnings as
plain lines."""

import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TextIO

import typer

from undertow.errors import UndertowError

Arguments = ParamSpec("Arguments")
BAD_INPUT, INTERRUPTED = 2, 130


def guarded(verb: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Turn undertow's errors into one line on stderr and exit 2, and Ctrl-C into exit 130; no
    traceback."""

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
                say(f"{name}: {error}")
                raise typer.Exit(BAD_INPUT) from None
            except KeyboardInterrupt as interrupt:
                say(f"{name}: {interrupt or 'interrupted'}")
                raise typer.Exit(INTERRUPTED) from None

    return run


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
    print(f"warning: {message}", file=file or sys.stderr)
