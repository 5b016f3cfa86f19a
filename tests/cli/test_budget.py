"""`--budget` on the command line: said, kept by a run that goes on, refused where it cannot be."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Undertow

SMALL = [
    *("--set", "latent_dim=8", "--set", "encoder.hidden_dim=8", "--set", "decoder.width=8"),
    *("--set", "decoder.heads=2", "--set", "samples=2", "--set", "training.epochs=1000000"),
    *("--heldout", 3, "--preset", "default"),
]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that leaves three epochs, however slow the machine is."""
    from undertow.experiments import budget

    shortened = budget._fewer_epochs

    def three(model: object, training: object, whole: object, *_: object) -> object:
        found = shortened(model, training, whole, *_)  # type: ignore[arg-type]
        shorter = found[0].set_params(training__epochs=3)  # type: ignore[union-attr]
        return shorter, found[1], found[2]

    monkeypatch.setattr(budget, "_fewer_epochs", three)


@pytest.mark.usefixtures("no_report", "short")
@pytest.mark.filterwarnings("ignore:.*latent")
def test_what_is_lost_is_said_and_a_resumed_run_keeps_its_training(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    words = ["fit", recording, "--out", tmp_path / "out", *SMALL, "--budget"]
    done = undertow(*words, "600s")
    assert done.exit_code == 0, done.output
    assert "budget of 600s: the whole run would take about" in done.stderr
    assert "of 1000000 epochs" in done.stderr
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["settings"]["training"]["epochs"] == 3
    (tmp_path / "out" / "scores.json").unlink()
    again = undertow(*words, "300s", "--resume")
    assert again.exit_code == 0, again.output
    assert "budget of" not in again.stderr
    assert (tmp_path / "out" / "scores.json").exists()


@pytest.mark.usefixtures("short")
def test_a_dry_run_says_it_too(undertow: Undertow, recording: Path, tmp_path: Path) -> None:
    done = undertow("fit", recording, *SMALL, "--budget", "600s", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "scores will be lower" in done.stderr
    assert "epochs=3" in done.stdout


@pytest.mark.parametrize(
    ("budget", "said"), [("ten", "a budget is 'ten'"), ("0.001s", "is too short")]
)
def test_what_cannot_be_is_refused(
    undertow: Undertow, recording: Path, tmp_path: Path, budget: str, said: str
) -> None:
    done = undertow("fit", recording, "--out", tmp_path / "out", *SMALL, "--budget", budget)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (tmp_path / "out").exists()
