"""How a verb's errors begin: with the whole verb."""

import errno
import warnings
from collections.abc import Callable

import pytest
import typer

from undertow.cli import show
from undertow.cli.app import app
from undertow.cli.errors import guarded
from undertow.cli.nlb.app import nlb
from undertow.errors import DataError, DataWarning, WriteError


@pytest.mark.parametrize(
    ("module", "begins"),
    [("undertow.cli.fit", "undertow fit: "), ("undertow.cli.nlb.fit", "undertow nlb fit: ")],
)
@pytest.mark.parametrize(
    ("error", "exit_code"), [(DataError("too few."), 2), (KeyboardInterrupt("too few."), 130)]
)
def test_errors_begin_with_the_whole_verb(
    capsys: pytest.CaptureFixture[str],
    module: str,
    begins: str,
    error: BaseException,
    exit_code: int,
) -> None:
    def fit() -> None:
        raise error

    fit.__module__ = module
    with pytest.raises(typer.Exit) as ended:
        guarded(fit)()
    assert ended.value.exit_code == exit_code
    assert capsys.readouterr().err == f"{begins}too few.\n"


@pytest.mark.parametrize(("group", "package"), [(app, "undertow.cli"), (nlb, "undertow.cli.nlb")])
def test_each_verb_has_a_file_of_its_name(group: typer.Typer, package: str) -> None:
    verbs: list[Callable[..., None] | None] = [each.callback for each in group.registered_commands]
    assert verbs
    assert all(verb and verb.__module__ == f"{package}.{verb.__name__}" for verb in verbs)


@pytest.mark.parametrize(
    ("error", "exit_code", "said"),
    [
        (WriteError("a.nc could not be written: the disk is full."), 3, "the disk is full."),
        (OSError(errno.ENOSPC, "No space", "runs/a"), 3, "runs/a: the disk is full."),
        (PermissionError(errno.EACCES, "denied", "a.h5"), 2, "a.h5: there is no permission."),
        (OSError("libhdf5 says so"), 2, "libhdf5 says so."),
        (DataError("of two\nlines \x1b[31m"), 2, r"of two lines \x1b[31m"),
        (KeyboardInterrupt(" "), 130, "interrupted"),
    ],
)
def test_each_error_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, exit_code: int, said: str
) -> None:
    def verb() -> None:
        raise error

    with pytest.raises(typer.Exit) as ended:
        guarded(verb)()
    assert ended.value.exit_code == exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(said)


def test_what_a_terminal_would_obey_is_written_as_escapes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def warn() -> None:
        warnings.warn("a \x1b[2J name", DataWarning, stacklevel=1)

    guarded(warn)()
    show.facts({"region": "CP\x1b[2J"})
    show.table(["[bold]", "b"], [["[red]x[/red]", "\x1b[2J"]])
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show.table(["[bold]", "b"], [["[red]x[/red]", "[/nothing] \x1b[2J"]])
    out, err = capsys.readouterr()
    assert err == "warning: a \\x1b[2J name\n"
    assert "\x1b[2J" not in out
    assert out.count("[red]x[/red]") == out.count("[bold]") == 2
