"""`undertow ablate`, and the options of `fit` that came with it: --preset and --ensemble."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Undertow
from undertow.experiments import load_model
from undertow.models import Ensemble

pytestmark = pytest.mark.filterwarnings("ignore:.*latent coordinates")
TINY = [
    word
    for pair in (
        "latent_dim=8",
        "encoder.hidden_dim=8",
        "decoder.width=8",
        "decoder.heads=2",
        "samples=2",
        "training.epochs=2",
    )
    for word in ("--set", pair)
]
WORDS = ["--heldout", 3, "--folds", 2, *TINY]


@pytest.fixture(scope="module")
def out(undertow: Undertow, recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished ablation."""
    out = tmp_path_factory.mktemp("runs") / "ablation"
    done = undertow(
        "ablate",
        recording,
        "--out",
        out,
        *WORDS,
        "--arms",
        "full,no-langevin",
        "--dropouts",
        "0,0.3",
    )
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "score"
    assert any(line.startswith("co-bps ") and " no-langevin " in line for line in lines)
    assert "latent reliance" in done.stdout
    assert "full-dropout0.3 fold 0 seed 0: " in done.stderr
    return out


def test_it_writes_its_tables(out: Path) -> None:
    assert {p.name for p in out.iterdir()} == {
        "run.json",
        "choice",
        "cells",
        "ablation.json",
        "ablation.csv",
        "ablation.md",
    }
    held = json.loads((out / "ablation.json").read_text())
    assert list(held["arms"]) == ["full", "no-langevin"]
    assert held["arms"]["no-langevin"]["parameters_dynamics"] == 0
    assert held["dropouts"] == [0, 0.3]
    assert held["source"]["path"].endswith("small.h5")


def test_a_directory_in_use_needs_resume_and_the_same_whole(
    undertow: Undertow, recording: Path, out: Path
) -> None:
    words = ("ablate", recording, "--out", out, *WORDS, "--arms", "full", "--dropouts", "0,0.3")
    before = {p: p.stat().st_mtime_ns for p in (out / "cells").iterdir()}
    refused = undertow(*words)
    assert refused.exit_code == 2
    assert "is not empty" in refused.stderr
    other = undertow(*words, "--resume", "--set", "training.epochs=3")
    assert other.exit_code == 2
    assert "ablation.training.epochs was 2, is 3" in other.stderr
    resumed = undertow(*words, "--resume", "--quiet")
    assert resumed.exit_code == 0, resumed.output
    assert {p: p.stat().st_mtime_ns for p in (out / "cells").iterdir()} == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--arms", "full,no-langvin"], "no arm 'no-langvin': did you mean 'no-langevin'?"),
        (["--arms", ","], "--arms names none: choose from full, "),
        (["--dropouts", "0.1,x"], "--dropouts 0.1,x are not numbers"),
        (
            ["--dropouts", "0.1,1"],
            "each of --dropouts is 1.0: it must be a number, from 0 up to, not including, 1",
        ),
        (["--folds", 1], "--folds is 1: it must be a whole number, at least 2"),
        (["--workers", 0], "--workers is 0: it must be a whole number, at least 1"),
        (["--preset", "papr"], "no preset 'papr': did you mean 'paper'"),
        (
            ["--set", "decoder.heads=3"],
            "the fit full__data__fold0__seed0 failed: ModelError",
        ),
        (["--set", "latnt_dim=8"], "did you mean 'latent_dim'?"),
    ],
)
def test_bad_requests_end_with_a_sentence_and_leave_nothing(
    undertow: Undertow, recording: Path, tmp_path: Path, words: list[object], message: str
) -> None:
    done = undertow("ablate", recording, "--out", tmp_path / "new", *WORDS, *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_arms_that_fail_are_named_beside_those_that_finish(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    words = ["--arms", "linear-decoder,full", "--set", "decoder.heads=3", "--quiet"]
    done = undertow("ablate", recording, "--out", tmp_path / "new", *WORDS, *words)
    assert done.exit_code == 2
    assert (
        "2 fits failed and count nowhere; the first, full__data__fold0__seed0, with" in done.stderr
    )
    assert "linear-decoder" in done.stdout
    assert (tmp_path / "new" / "ablation.json").exists()


def test_ctrl_c_keeps_what_finished(
    undertow: Undertow, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from undertow.models import LangevinFlow

    fit = LangevinFlow.fit

    def stopped(self: LangevinFlow, *args: object, **options: object) -> LangevinFlow:
        if self.dynamics is None:
            raise KeyboardInterrupt
        return fit(self, *args, **options)

    monkeypatch.setattr(LangevinFlow, "fit", stopped)
    out = tmp_path / "new"
    done = undertow("ablate", recording, "--out", out, *WORDS, "--arms", "full,no-langevin")
    assert done.exit_code == 130
    assert "The same command with --resume goes on" in done.stderr
    kept = sorted(p.name for p in (out / "cells").glob("*.json"))
    assert kept == ["full__data__fold0__seed0.json"]


def test_a_dry_run_writes_nothing(undertow: Undertow, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    words = [
        "--out",
        out,
        "--dry-run",
        "--arms",
        "full,no-langevin",
        "--dropouts",
        "0,0.3",
        "--seeds",
        2,
    ]
    done = undertow("ablate", recording, *WORDS, *words)
    assert done.exit_code == 0, done.output
    assert "parameters, 6 fits × about " in done.stdout
    assert not out.exists()


def test_settings_go_on_top_of_a_preset(undertow: Undertow, recording: Path) -> None:
    words = ["--preset", "released", "--dry-run", "--seed", 4, *TINY, "--set", "dynamics.taps=1"]
    done = undertow("fit", recording, *words, "--set", "dynamics.allow_unstable=true")
    assert done.exit_code == 0, done.output
    (model,) = (line for line in done.stdout.splitlines() if line.startswith("model "))
    assert "potential='mixed-oscillators', taps=1," in model
    assert "seed=4, training=Training(epochs=2, batch_size=256," in model
    assert "average='log-rates')" in model
    refused = undertow(
        "fit", recording, "--preset", "released", "--model", "smoothing", "--dry-run"
    )
    assert refused.exit_code == 2
    assert "--preset is of langevin-flow, latent-sde, lfads: smoothing has none" in refused.stderr
    unstable = undertow("fit", recording, "--preset", "paper", "--dry-run")
    assert unstable.exit_code == 2
    assert "allow_unstable=True" in unstable.stderr


def test_an_ensemble_is_fitted_scored_and_read_back(
    undertow: Undertow, recording: Path, tmp_path: Path, no_report: None
) -> None:
    out = tmp_path / "run"
    words = [recording, "--heldout", 3, *TINY, "--ensemble", 2, "--seed", 5]
    done = undertow("fit", *words, "--out", out, "--quiet")
    assert done.exit_code == 0, done.output
    model = load_model(out / "model.safetensors")
    assert isinstance(model, Ensemble)
    assert [member.seed for member in model.members_] == [5, 6]
    settings = json.loads((out / "run.json").read_text())["settings"]
    assert (settings["size"], settings["member"]["model"], settings["member"]["latent_dim"]) == (
        2,
        "langevin-flow",
        8,
    )
    scores = undertow("evaluate", out, recording)
    assert scores.exit_code == 0
    assert "co-bps" in scores.stdout
    resumed = undertow("fit", *words, "--out", out, "--quiet", "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert "steps" in undertow("fit", *words, "--dry-run").stdout
    assert undertow("fit", *words[:-4], "--ensemble", 0, "--dry-run").exit_code == 2
