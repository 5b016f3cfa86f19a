"""Options that verbs share: help, completion, device, threads, kinds of figures."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from typer.main import get_command
from typer.testing import CliRunner

from tests.cli.conftest import Undertow
from undertow.cli.app import app
from undertow.cli.fit import EXAMPLE
from undertow.cli.options import Computing
from undertow.cli.plan import Plan
from undertow.errors import ModelError, UndertowError
from undertow.training import use_threads

VERBS = ["fit", "ablate", "latents", "evaluate", "predict", "nlb fit"]


@pytest.fixture
def threads() -> Iterator[int]:
    """The number there are, put back at the end."""
    before = torch.get_num_threads()
    yield before
    use_threads(None)
    torch.set_num_threads(before)


def verbs() -> Iterator[list[str]]:
    """The words of every verb."""
    for name, verb in get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(verb, "commands", {})
        yield from ([name, each] for each in inner) if inner else [[name]]


@pytest.mark.parametrize("words", list(verbs()), ids=" ".join)
def test_every_verb_has_a_short_help(undertow: Undertow, words: list[str]) -> None:
    assert undertow(*words, "-h").output == undertow(*words, "--help").output
    assert undertow(*words, "-h").exit_code == 0


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_that_compute_take_a_device_and_threads(undertow: Undertow, verb: str) -> None:
    shown = undertow(*verb.split(), "--help").output
    assert "--device" in shown
    assert "--threads" in shown


def test_completion_is_offered_and_completes(undertow: Undertow) -> None:
    assert "--install-completion" in undertow("--help").output
    asked = {"_UNDERTOW_COMPLETE": "complete_bash", "COMP_WORDS": "undertow fit --dev"}
    done = CliRunner().invoke(app, [], prog_name="undertow", env={**asked, "COMP_CWORD": "2"})
    assert done.stdout.strip() == "--device"


def test_threads_are_taken(threads: int) -> None:
    Computing(threads=threads + 1).begin()
    assert torch.get_num_threads() == threads + 1


@pytest.mark.parametrize("n", [0, -1, 10**6])
def test_numbers_of_threads_that_cannot_be(n: int) -> None:
    with pytest.raises(UndertowError, match=f"--threads is {n}"):
        Computing(threads=n).begin()


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ModelError, match="try 'auto' or 'cpu'"):
        Computing(device="abacus").begin()


def test_the_device_reaches_the_model_and_its_run(undertow: Undertow, recording: Path) -> None:
    words = ["fit", recording, "--out", "x", "--dry-run", "--set", "training.epochs=1"]
    done = undertow(*words, "--device", "cpu", "--set", "device=nowhere")
    assert "device='cpu'" in done.stdout, done.output


def test_a_model_without_a_device_refuses_one(undertow: Undertow, recording: Path) -> None:
    done = undertow("fit", recording, "--out", "x", "--model", "smoothing", "--device", "cpu")
    assert done.exit_code == 2
    assert "smoothing runs on the CPU alone" in done.stderr


def test_kinds_of_figures_are_refused_before_the_fit(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    done = undertow("fit", recording, "--out", tmp_path / "run", "--figures", "svg,gif")
    assert done.exit_code == 2
    assert "'gif'" in done.stderr
    assert not (tmp_path / "run").exists()


def test_figures_for_papers(undertow: Undertow, recording: Path, tmp_path: Path) -> None:
    words = ["--model", "smoothing", "--figures", "svg", "--quiet"]
    done = undertow("fit", recording, "--out", tmp_path / "run", *words)
    assert done.exit_code == 0, done.output
    assert {path.suffix for path in (tmp_path / "run" / "figures").iterdir()} == {".svg"}


def test_a_fitted_model_computes_where_it_is_told(
    undertow: Undertow, fitted_langevin: Path, recording: Path, tmp_path: Path
) -> None:
    words = ["predict", fitted_langevin, recording, "--out", tmp_path / "p"]
    assert undertow(*words, "--device", "cpu", "--threads", 1).exit_code == 0
    done = undertow(*words, "--device", "abacus")
    assert done.exit_code == 2
    assert "device 'abacus' cannot be used here" in done.stderr


def test_the_help_shows_a_config_file_that_works(undertow: Undertow, tmp_path: Path) -> None:
    shown = undertow("fit", "--help").output
    assert all(line in shown for line in EXAMPLE.splitlines())
    config = tmp_path / "example.toml"
    config.write_text(EXAMPLE)
    plan = Plan.resolve({}, [], config)
    assert (plan.reading.bin_ms, plan.heldout) == (20.0, 25)
    assert plan.build_model().get_params()["training__epochs"] == 100


@pytest.mark.parametrize(
    ("line", "table"),
    [
        ("latent_dim = 32", "[set] as latent_dim = …"),
        ("latent-dim = 32", "[set] as latent_dim = …"),
        ("epochs = 100", "[set.training]"),
        ("training.epochs = 100", "[set.training]"),
        ("[training]\nepochs = 100", "[set.training]"),
    ],
)
def test_a_setting_of_the_model_at_the_top_of_a_config_file(
    tmp_path: Path, line: str, table: str
) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text(line)
    with pytest.raises(ModelError, match=re.escape(f"put it under {table}")):
        Plan.resolve({}, [], config)


def test_names_of_a_config_file_are_printed_as_text(tmp_path: Path) -> None:
    config = tmp_path / "odd.toml"
    config.write_text('"fold\\u001b[2J" = 3')
    with pytest.raises(ModelError, match=r"no setting 'fold\\x1b"):
        Plan.resolve({}, [], config)
