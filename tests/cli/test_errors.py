"""How a verb's errors begin: with the whole verb."""

from collections.abc import Callable

import pytest
import typer

from undertow.cli.app import app
from undertow.cli.errors import guarded
from undertow.cli.nlb.app import nlb
from undertow.errors import DataError


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
