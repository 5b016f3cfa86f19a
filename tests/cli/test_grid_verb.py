"""What verbs over many fits have in common, with a verb that fits nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer

from undertow.baselines import Smoothing
from undertow.cli.grid_verb import GridOptions, Study, carry_out
from undertow.cli.reading import Reading
from undertow.errors import UndertowError
from undertow.experiments import Cell, CellResult, Workers
from undertow.files import write_json


@dataclass
class Nothing:
    """The result of a verb that fits nothing."""

    errors: Mapping[str, str] = field(default_factory=dict)

    def tables(self) -> list[tuple[list[str], list[list[str]]]]:
        return [(["a"], [["1"]]), (["b"], [["2"]])]

    def sentences(self) -> list[str]:
        return ["a is less than b"]

    def write(self, directory: Path, about: Mapping[str, Any]) -> list[Path]:
        return [write_json(directory / "nothing.json", about)]


def study(fit: Any = None, **more: Any) -> Study:
    base = Smoothing()
    fit = fit or (lambda *_, **__: Nothing())
    return Study("nothing", base, "nothing", lambda: {"one": base}, fit, **more)


def carried_out(recording: Path, what: Study, **asked: Any) -> None:
    options = GridOptions(**asked)
    carry_out(what, recording, options.plan(Reading()), options)


def test_it_says_and_writes_the_same_for_every_verb(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new"
    given: dict[str, Any] = {}

    def fit(trials: Any, directory: Path, base: Any, **options: Any) -> Nothing:
        given.update(options, directory=directory)
        return Nothing()

    carried_out(recording, study(fit, about={"more": 1}), out=str(out), folds=3, seeds=2)
    said = capsys.readouterr()
    assert said.out == f"a\n1\n\nb\n2\na is less than b\nwritten: {out / 'nothing.json'}\n"
    assert said.err.startswith("nothing: TrialSet(")
    assert (given["folds"], list(given["seeds"])) == (3, [0, 1])
    assert (given["workers"], given["shard"]) == (Workers(), None)
    run = json.loads((out / "run.json").read_text())
    assert run["source"] == {"path": str(recording)}
    about = json.loads((out / "nothing.json").read_text())
    assert (about["folds"], about["seeds"], about["more"]) == (3, [0, 1], 1)
    assert about["nothing"] == run["nothing"]


@pytest.mark.parametrize("change", [{"folds": 4}, {"split_seed": 1}, {"setting": ["penalty=9"]}])
def test_only_the_same_is_resumed(recording: Path, tmp_path: Path, change: Any) -> None:
    out = str(tmp_path / "new")
    base = GridOptions(out=out, quiet=True)

    def run(asked: GridOptions) -> None:
        plan = asked.plan(Reading(), model="smoothing")
        model = plan.build_model()
        each = Study("nothing", model, "", lambda: {}, lambda *_, **__: Nothing())
        carry_out(each, recording, plan, asked)

    run(base)
    run(GridOptions(out=out, quiet=True, resume=True))
    with pytest.raises(UndertowError, match="is not empty"):
        run(base)
    with pytest.raises(UndertowError, match="holds another run"):
        run(GridOptions(out=out, quiet=True, resume=True, **change))


def test_ctrl_c_says_how_to_go_on(recording: Path, tmp_path: Path) -> None:
    def fit(*_: Any, **__: Any) -> Nothing:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="--resume goes on"):
        carried_out(recording, study(fit), out=str(tmp_path / "new"), quiet=True)


def test_failures_are_told_at_the_end_when_all_is_written(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    with pytest.raises(UndertowError, match=r"1 fit failed .* first, x, with no luck"):
        carried_out(
            recording,
            study(lambda *_, **__: Nothing({"x": "no luck."})),
            out=str(out),
            quiet=True,
        )
    assert (out / "nothing.json").exists()


@pytest.mark.parametrize("decisive", [True, False])
def test_a_decisive_failure_ends_everything(
    recording: Path, tmp_path: Path, decisive: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = CellResult(Cell("one", "data", 0, 0), tmp_path, error="no luck")

    def fit(*_: Any, report: Any, **__: Any) -> Nothing:
        report(failed, 1, 2)
        return Nothing()

    out = tmp_path / "new"
    what = study(fit, decisive=lambda cell, done: decisive)
    if decisive:
        with pytest.raises(UndertowError, match="the fit one__data__fold0__seed0 failed: no luck"):
            carried_out(recording, what, out=str(out))
        assert not out.exists()
    else:
        carried_out(recording, what, out=str(out))
        assert "one fold 0 seed 0: no luck (1 of 2)" in capsys.readouterr().err


def test_a_dry_run_fits_and_writes_nothing(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fit(*_: Any, **__: Any) -> Nothing:
        raise AssertionError

    carried_out(recording, study(fit), out=str(tmp_path / "new"), dry_run=True)
    assert "time " in capsys.readouterr().out
    assert not (tmp_path / "new").exists()


def test_no_directory_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UndertowError, match="give one with --out DIR"):
        carried_out(Path("none.npz"), study())


def test_a_group_of_options_is_told_apart_from_arguments() -> None:
    from undertow.cli.options import grouped

    @grouped(without=("bin_ms",))
    def verb(name: str, reading: Reading, size: int = 3) -> None:
        """A verb."""
        found.append((name, reading, size))

    found: list[Any] = []
    app = typer.Typer()
    app.command()(verb)
    command = typer.main.get_command(app)
    assert [each.name for each in command.params][:3] == ["name", "size", "align"]
    command(["x", "--size", "4", "--align", "go"], standalone_mode=False)
    assert found == [("x", Reading(align="go"), 4)]
