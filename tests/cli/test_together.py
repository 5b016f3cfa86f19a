"""`undertow fit` in several processes: what they can do together, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Undertow

WORDS = ["--preset", "default", "--heldout", 3, "--set", "latent_dim=8", "--set", "samples=3"]
WORDS += ["--set", "encoder.hidden_dim=8", "--set", "training.epochs=2"]


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun needs libuv there")
def test_torchrun_leaves_one_run(recording: Path, tmp_path: Path) -> None:
    """With a shard for each process, which another number of processes would resume."""
    out = tmp_path / "out"
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = [sys.executable, *run, "-m", "undertow", "fit", str(recording), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*words, *map(str, WORDS)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\nreport: ") == 1
    assert done.stderr.count("TrialSet(") == 1
    assert (out / "report.html").exists()
    held = json.loads((out / "run.json").read_text())
    assert held["settings"]["training"]["shards"] == 2
    assert not list(out.glob(".undertow*"))


@pytest.mark.parametrize(
    ("count", "words", "message"),
    [
        (2, ["--folds", 3], "torchrun has started 2 processes, and they train one model"),
        (2, ["--budget", "1min"], "leave out --budget"),
        (2, ["--model", "smoothing"], "smoothing is not trained by gradients"),
        (1, ["--engine", "ray", "--workers", 2, "--budget", "1min"], "leave out --budget"),
        (1, ["--engine", "ray", "--workers", 2, "--model", "lds"], "lds is not trained by grad"),
        (1, ["--workers", 2], "let processes train one model together, by --engine ray"),
    ],
)
def test_what_several_processes_cannot_do_is_refused(
    undertow: Undertow,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    words: list,
    message: str,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(count))
    done = undertow("fit", recording, "--out", tmp_path / "out", *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_several_recordings_are_one_processs(
    undertow: Undertow, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    other = tmp_path / "other.h5"
    other.write_bytes(recording.read_bytes())
    done = undertow("fit", recording, other, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "leave out several recordings" in done.stderr
