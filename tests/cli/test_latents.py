"""`undertow latents`."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Undertow
from tests.cli.test_ablate import TINY
from undertow.models import LangevinFlow

pytestmark = pytest.mark.filterwarnings("ignore:.*latent coordinates")
SETTINGS = [word for word in TINY if word != "latent_dim=8"][1:]
WORDS = ["--heldout", 3, "--folds", 2, "--sizes", "2,8", "--shots", 8, "--draws", 2, *SETTINGS]


@pytest.fixture(scope="module")
def out(undertow: Undertow, recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished curve."""
    out = tmp_path_factory.mktemp("runs") / "latents"
    done = undertow("latents", recording, "--out", out, *WORDS)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "latent_dim"
    assert [line.split()[0] for line in lines[1:3]] == ["2", "8"]
    assert lines[3].startswith("co-bps: best at latent_dim ")
    assert "is the smallest within one standard error" in lines[3]
    assert lines[4].startswith("few-shot co-bps: best at latent_dim ")
    assert "latent_dim2 fold 0 seed 0: " in done.stderr
    assert "readouts fitted on 8 trials, 2 draws in each fold" in done.stderr
    return out


def test_it_writes_its_files(out: Path) -> None:
    assert {p.name for p in out.iterdir()} == {"run.json", "cells", "latents.json", "latents.png"}
    held = json.loads((out / "latents.json").read_text())
    by_penalty = held["few_shot"].pop("draws_by_penalty")
    assert held["few_shot"] == {"shots": 8, "repeats": 2, "penalty": None}
    assert {size: sum(draws.values()) for size, draws in by_penalty.items()} == {"2": 4, "8": 4}
    assert held["source"]["path"].endswith("small.h5")
    assert held["latents"]["encoder"]["hidden_dim"] == 8


def test_a_penalty_given_is_used_as_it_is(undertow: Undertow, recording: Path, out: Path) -> None:
    written = (out / "latents.json").read_bytes()
    done = undertow("latents", recording, "--out", out, *WORDS, "--resume", "--penalty", 0.3)
    assert done.exit_code == 0, done.output
    held = json.loads((out / "latents.json").read_text())["few_shot"]
    (out / "latents.json").write_bytes(written)
    assert (held["penalty"], held["draws_by_penalty"]) == (0.3, {"2": {"0.3": 4}, "8": {"0.3": 4}})


def test_a_directory_in_use_needs_resume_and_the_same_model(
    undertow: Undertow, recording: Path, out: Path
) -> None:
    words = ("latents", recording, "--out", out, *WORDS)
    before = {p: p.stat().st_mtime_ns for p in (out / "cells").iterdir()}
    refused = undertow(*words)
    assert refused.exit_code == 2
    assert "is not empty" in refused.stderr
    other = undertow(*words, "--resume", "--set", "training.epochs=3")
    assert other.exit_code == 2
    assert "latents.training.epochs was 2, is 3" in other.stderr
    resumed = undertow(*words, "--resume", "--quiet")
    assert resumed.exit_code == 0, resumed.output
    assert resumed.stderr == ""
    assert {p: p.stat().st_mtime_ns for p in (out / "cells").iterdir()} == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sizes", "2,x"], "--sizes 2,x are not whole numbers: write, for example, 2,4,8,16,32"),
        (["--sizes", ","], "the sizes are []: give different whole numbers"),
        (["--sizes", "0,4"], "the sizes are [0, 4]: give different whole numbers"),
        (["--folds", 1], "--folds is 1: it must be a whole number, at least 2"),
        (["--workers", 0], "--workers is 0: it must be a whole number, at least 1"),
        (["--seeds", 0], "--seeds is 0: it must be a whole number, at least 1"),
        (["--shots", 41], "k is 41: a draw takes 1 to 40 of the 40 training trials"),
        (["--shots", 1], "k is 1: a penalty is chosen by cross-validation over 2 or more trials"),
        (["--draws", 0], "repeats is 0: it must be a whole number, at least 1"),
        (["--penalty", 0], "penalty is 0.0: it must be a number, above 0"),
        (["--heldout", 0], "no neuron is held out"),
        (["--set", "latent_dim=4"], "--set latent_dim is what --sizes varies: leave it out"),
        (
            ["--set", "decoder.heads=3"],
            "the fit latent_dim2__data__fold0__seed0 failed: ModelError",
        ),
        (["--set", "dynamics=none"], "langevin-flow has no latents to count"),
        (["--set", "latnt_dim=8"], "did you mean 'latent_dim'?"),
        (["--dynamics", "neural-sde"], "--dynamics is of latent-sde"),
    ],
)
def test_bad_requests_end_with_a_sentence_and_leave_nothing(
    undertow: Undertow, recording: Path, tmp_path: Path, words: list[object], message: str
) -> None:
    done = undertow("latents", recording, "--out", tmp_path / "new", *WORDS, *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--model", "smoothing"],
            "smoothing has no latents to count: choose langevin-flow or latent-sde",
        ),
        (["--model", "latent-sde", "--sizes", "3"], "state_dim is 3: oscillators take two"),
        (
            ["--model", "latent-sde", "--sizes", "3", "--set", "dynamics.coupling=diffusive"],
            "state_dim is 3: oscillators take two",
        ),
    ],
)
def test_models_that_cannot_be_sized_are_refused(
    undertow: Undertow, recording: Path, tmp_path: Path, words: list[object], message: str
) -> None:
    done = undertow("latents", recording, "--out", tmp_path / "new", "--folds", 2, *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_latent_sde_is_sized_by_its_state(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    small = (
        "encoder.hidden_dim=4",
        "posterior.hidden_dim=4",
        "decoder.width=4",
        "samples=2",
        "training.epochs=1",
    )
    words = [word for pair in (*small, "dynamics.coupling=diffusive") for word in ("--set", pair)]
    options = (
        "--model",
        "latent-sde",
        "--sizes",
        "2,4",
        "--folds",
        2,
        "--heldout",
        3,
        "--shots",
        8,
        "--draws",
        2,
    )
    done = undertow("latents", recording, "--out", tmp_path / "new", *options, *words)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("latent_dim ")
    about = json.loads(
        (tmp_path / "new" / "cells" / "latent_dim4__data__fold1__seed0.json").read_text()
    )
    assert about["settings"]["latent_dim"] == about["settings"]["dynamics"]["state_dim"] == 4
    assert about["settings"]["dynamics"]["coupling"] == "diffusive"


def test_ctrl_c_keeps_what_finished(
    undertow: Undertow, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = LangevinFlow.fit

    def stopped(self: LangevinFlow, *args: object, **options: object) -> LangevinFlow:
        if self.latent_dim == 8:
            raise KeyboardInterrupt
        return fit(self, *args, **options)

    monkeypatch.setattr(LangevinFlow, "fit", stopped)
    out = tmp_path / "new"
    done = undertow("latents", recording, "--out", out, *WORDS)
    assert done.exit_code == 130
    assert "The same command with --resume goes on" in done.stderr
    kept = sorted(p.name for p in (out / "cells").glob("*.npz"))
    assert kept == ["latent_dim2__data__fold0__seed0.npz"]


def test_a_dry_run_writes_nothing(undertow: Undertow, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    done = undertow("latents", recording, *WORDS, "--out", out, "--dry-run", "--seeds", 2)
    assert done.exit_code == 0, done.output
    assert "8 latents  " in done.stdout
    assert "parameters, 4 fits × about " in done.stdout
    assert not out.exists()
