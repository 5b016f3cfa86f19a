"""`undertow fit`: end to end, refusals, config, dry run, interruption."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import Result

from tests.cli.conftest import Undertow
from undertow.baselines import Smoothing
from undertow.cli.plan import Plan
from undertow.data import TrialSet
from undertow.experiments import load_model


def held(out: Path, name: str = "scores.json") -> dict:
    return json.loads((out / name).read_text())


def assert_refused(result: Result, rule: str, untouched: Path) -> None:
    """Exit 2, one line on stderr that holds `rule`, no traceback, nothing written."""
    assert result.exit_code == 2, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("undertow ")]
    assert len(errors) == 1
    assert rule in errors[0]
    assert "Traceback" not in result.output
    assert not untouched.exists()


def test_fit_writes_scores_model_and_report(fitted: Path) -> None:
    scores = held(fitted)
    assert {row["name"] for row in scores["scores"]} >= {"co-bps", "rate R2", "psth R2"}
    assert all(
        row["split"] == "test" and row["unit"] and row["bin_s"] == 0.02 for row in scores["scores"]
    )
    assert scores["sizes"] == {"train": 56, "validation": 12, "test": 12}
    assert load_model(fitted / "model.safetensors").heldout_.sum() == 3
    assert "<html" in (fitted / "report.html").read_text()


def test_the_default_holds_out_a_quarter(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    done = undertow("fit", recording, "--model", "smoothing", "--dry-run")
    assert "2 of 10" in done.stdout
    none = undertow("fit", recording, "--model", "smoothing", "--dry-run", "--heldout", 0)
    assert "0 of 10" in none.stdout


def test_config_holds_the_same_keys_and_the_command_line_wins(fitted_langevin: Path) -> None:
    run = held(fitted_langevin, "run.json")
    assert run["settings"]["latent_dim"] == 8
    assert run["settings"]["training"]["epochs"] == 2
    assert run["seeds"] == {"seed": 7, "split_seed": 2}
    chosen = np.random.default_rng(2).permutation(10)[:3]
    assert set(np.flatnonzero(load_model(fitted_langevin / "model.safetensors").heldout_)) == set(
        chosen
    )


def test_the_baseline_stands_beside_the_model(fitted_langevin: Path) -> None:
    scores = held(fitted_langevin)
    models = {row["model"] for row in scores["scores"]}
    assert models == {"langevin-flow", "smoothing", "true rates"}
    assert {row["name"] for row in scores["differences"]} >= {
        "co-bps difference",
        "rate R2 difference",
    }


@pytest.mark.usefixtures("no_report")
def test_what_was_read_is_let_go_once_it_is_split(
    undertow: Undertow, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[weakref.ref[TrialSet]] = []
    kept: list[TrialSet | None] = []
    real_read, real_fit = Plan.read, Smoothing.fit

    def reading(plan: Plan, data: Path) -> TrialSet:
        trials = real_read(plan, data)
        read.append(weakref.ref(trials))
        return trials

    def fitting(model: Smoothing, *args: Any, **options: Any) -> Smoothing:
        gc.collect()
        kept.append(read[0]())
        return real_fit(model, *args, **options)

    monkeypatch.setattr(Plan, "read", reading)
    monkeypatch.setattr(Smoothing, "fit", fitting)
    done = undertow("fit", recording, "--out", tmp_path / "run", "--model", "smoothing")
    assert done.exit_code == 0, done.output
    assert kept == [None]


def test_plain_lines_on_no_terminal(undertow: Undertow, recording: Path, tmp_path: Path) -> None:
    done = undertow("fit", recording, "--out", tmp_path / "s", "--model", "smoothing")
    head, first = done.stdout.splitlines()[:2]
    assert head.split() == ["score", "smoothing", "true", "rates", "unit", "test", "trials"]
    assert first.startswith("co-bps")
    assert not set(done.output) & set("│┃━\x1b\r")


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["--set", "latent_dm=3"], "did you mean 'latent_dim'?"),
        (["--set", "training.epoch=3"], "did you mean 'training.epochs'?"),
        (["--set", "latent_dim=many"], "latent_dim is 'many': it must be a whole number"),
        (["--set", "latent_dim"], "is not KEY=VALUE"),
        (["--set", "latent_dim=7"], "multiple of 4"),
        (["--model", "langevin"], "did you mean 'langevin-flow'?"),
        (["--bin-ms", "25"], "whole multiple"),
        (["--heldout", "10"], "at least one must stay held in"),
        (["--align", "go"], "align"),
        (["--window", "1"], "START,STOP"),
        (["--min-rate", "1e9"], "lower the minimum rate"),
        (["--folds", "1"], "folds"),
        (["--config", "none.toml"], "none.toml cannot be read"),
    ],
)
def test_bad_input_writes_nothing(
    undertow: Undertow, recording: Path, tmp_path: Path, words: list[str], rule: str
) -> None:
    assert_refused(
        undertow("fit", recording, "--out", tmp_path / "out", *words), rule, tmp_path / "out"
    )


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("none.npz", None, "is not there"),
        ("cut.npz", b"PK\x03\x04 cut", "cut.npz"),
        ("a.nwb", b"text", "a.nwb"),
    ],
)
def test_a_file_that_cannot_be_read(
    undertow: Undertow, tmp_path: Path, name: str, content: bytes | None, rule: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert_refused(
        undertow("fit", tmp_path / name, "--out", tmp_path / "out"), rule, tmp_path / "out"
    )


def test_no_directory_for_results(undertow: Undertow, recording: Path, tmp_path: Path) -> None:
    assert_refused(undertow("fit", recording), "give one with --out DIR", tmp_path / "out")


def test_an_unknown_config_key_fails_with_the_nearest(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    config = tmp_path / "c.toml"
    config.write_text("bin_m = 20")
    result = undertow("fit", recording, "--out", tmp_path / "out", "--config", config)
    assert_refused(
        result, "the config file has no setting 'bin_m': did you mean 'bin_ms'?", tmp_path / "out"
    )


def test_a_non_empty_directory_is_refused_and_kept(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "scores.json").write_text("mine")
    done = undertow("fit", recording, "--out", tmp_path, "--model", "smoothing")
    assert done.exit_code == 2
    assert "is not empty" in done.stderr
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"scores.json": "mine"}


@pytest.mark.usefixtures("no_report")
def test_resume_needs_the_same_run(undertow: Undertow, recording: Path, fitted: Path) -> None:
    words = ["fit", recording, "--out", fitted, "--model", "smoothing", "--resume"]
    other = undertow(*words, "--heldout", 2)
    assert other.exit_code == 2
    assert "holds another run (data.fingerprint was" in other.stderr
    same = undertow(*words, "--heldout", 3)
    assert same.exit_code == 0, same.output


@pytest.mark.parametrize("model", ["smoothing", "langevin-flow"])
def test_dry_run_says_what_would_run_and_writes_nothing(
    undertow: Undertow, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = undertow("fit", recording, "--out", "out", "--model", model, "--dry-run")
    assert done.exit_code == 0, done.output
    for part in ("80 trials", "56 / 12 / 12", "2 of 10", "time"):
        assert part in done.stdout
    assert "of scoring and report" in done.stdout
    assert ("training steps" in done.stdout and "MiB" in done.stdout) == (model == "langevin-flow")
    assert list(tmp_path.iterdir()) == []


SMALL = ["latent_dim=8", "encoder.hidden_dim=8", "decoder.width=8", "decoder.heads=2", "samples=2"]
SAVE_OFTEN = ["training.checkpoint_seconds=0", "training.validate_every=1"]


def fit_words(recording: Path, out: Path, epochs: int) -> list[str]:
    settings = [*SMALL, *SAVE_OFTEN, f"training.epochs={epochs}"]
    return [
        "fit",
        str(recording),
        "--out",
        str(out),
        "--preset",
        "default",
        *(word for s in settings for word in ("--set", s)),
    ]


LISTENING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by a background parent
from undertow.cli.app import main
main()
"""


def start_and_stop(words: list[str], out: Path, stop: int) -> tuple[int, str]:
    """Run the command in a process of its own, send `stop` once it has a checkpoint: exit code and
    stderr."""
    command = [sys.executable, "-c", LISTENING, *words]
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    while not (out / "checkpoint" / "checkpoint.safetensors").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(stop)
    _, said = process.communicate()
    return process.returncode, said


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_saves_and_says_how_to_go_on(recording: Path, tmp_path: Path) -> None:
    code, said = start_and_stop(
        fit_words(recording, tmp_path / "out", 100_000), tmp_path / "out", signal.SIGINT
    )
    assert code == 130
    assert "--resume goes on" in said
    assert "Traceback" not in said
    assert (tmp_path / "out" / "checkpoint" / "log.csv").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
@pytest.mark.usefixtures("no_report")
@pytest.mark.filterwarnings("ignore:.*latent")
def test_resume_after_a_kill_ends_as_an_unbroken_run(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    broken, whole = (fit_words(recording, tmp_path / name, 60) for name in ("broken", "whole"))
    start_and_stop(broken, tmp_path / "broken", signal.SIGKILL)
    assert not (tmp_path / "broken" / "model.safetensors").exists()
    for words in ([*broken, "--resume"], whole):
        assert undertow(*words, "--quiet").exit_code == 0
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("broken", "whole")]
    assert weights[0].keys() == weights[1].keys()
    assert all(weights[0][key].equal(weights[1][key]) for key in weights[0])
    assert held(tmp_path / "broken")["scores"] == held(tmp_path / "whole")["scores"]


@pytest.mark.usefixtures("no_report")
def test_folds(undertow: Undertow, recording: Path, tmp_path: Path) -> None:
    done = undertow(
        "fit", recording, "--out", tmp_path / "cv", "--model", "smoothing", "--folds", 2
    )
    assert done.exit_code == 0, done.output
    assert "fold 1" in done.stderr
    assert " sd " in done.stdout
    assert len(held(tmp_path / "cv")["folds"]) == 2
