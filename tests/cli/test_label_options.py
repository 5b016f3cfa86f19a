"""`--label` and `--stimulus` from the file to the scores."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Undertow
from tests.conftest import make_small_trials
from undertow.experiments import SavedRun

QUICK = [
    "--model",
    "smoothing",
    "--set",
    "width_s=0.04",
    "--set",
    "floor_hz=0.5",
    "--set",
    "penalty=0.1",
]


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small `.npz` with a contrast and two labels per trial: one the rates tell, one they do
    not."""
    trials = make_small_trials()
    path = tmp_path_factory.mktemp("task") / "task.npz"
    phase = np.array(["early", "rising", "late", "falling"])[trials.condition]
    np.savez(
        path,
        spikes=trials.spikes.astype(np.uint8),
        bin_ms=20,
        condition=trials.condition,
        phase=phase,
        coin=np.random.default_rng(0).integers(0, 2, 80),
        contrast=trials.condition / 4,
    )
    return path


@pytest.mark.usefixtures("no_report")
def test_labels_are_scored_beside_the_majority_share(
    undertow: Undertow, task: Path, tmp_path: Path
) -> None:
    words = ["--label", "phase,coin", "--stimulus", "contrast", "--heldout", 3]
    done = undertow("fit", task, "--out", tmp_path / "run", *QUICK, *words)
    assert done.exit_code == 0, done.output
    scores = {
        s["name"]: s for s in json.loads((tmp_path / "run" / "scores.json").read_text())["scores"]
    }
    assert scores["label accuracy phase"]["value"] > 0.9
    assert scores["majority share phase"]["value"] < 0.5
    assert scores["label accuracy coin"]["low"] < 0.5 < scores["label accuracy coin"]["high"]
    again = undertow("evaluate", tmp_path / "run", task)
    assert f"label accuracy phase  {scores['label accuracy phase']['value']:.3f}" in again.stdout
    trials = SavedRun.open(tmp_path / "run").read(task)
    assert trials.stimulus_names == ("contrast",)
    assert list(trials.labels) == ["phase", "coin"]


@pytest.mark.usefixtures("no_report")
def test_a_finished_run_is_scored_on_another_label(
    undertow: Undertow, task: Path, tmp_path: Path
) -> None:
    done = undertow("fit", task, "--out", tmp_path / "run", *QUICK, "--heldout", 3)
    assert done.exit_code == 0, done.output
    assert "label accuracy" not in done.stdout
    scored = undertow("evaluate", tmp_path / "run", task, "--label", "phase")
    assert "the run's test trials" in scored.stderr
    assert "label accuracy phase" in scored.stdout


@pytest.mark.usefixtures("no_report")
def test_folds_have_label_scores_and_a_config_may_name_them(
    undertow: Undertow, task: Path, tmp_path: Path
) -> None:
    config = tmp_path / "task.toml"
    config.write_text('label = "phase"\nstimulus = "contrast"\nfolds = 2\nheldout = 3\n')
    done = undertow("fit", task, "--out", tmp_path / "run", "--config", config, *QUICK)
    assert done.exit_code == 0, done.output
    scores = {
        s["name"]: s for s in json.loads((tmp_path / "run" / "scores.json").read_text())["scores"]
    }
    assert scores["label accuracy phase"]["n_trials"] == 80
    assert scores["label accuracy phase"]["value"] > 0.9


def test_info_lists_labels_and_stimulus(undertow: Undertow, task: Path) -> None:
    done = undertow("info", task, "--label", "phase", "--stimulus", "contrast")
    assert "phase: early: 20, falling: 20, late: 20, rising: 20" in done.stdout
    assert any(line.split() == ["stimulus", "contrast"] for line in done.stdout.splitlines())


def test_an_unknown_label_is_refused_with_what_there_is(
    undertow: Undertow, task: Path, tmp_path: Path
) -> None:
    done = undertow("fit", task, "--out", tmp_path / "run", *QUICK, "--label", "choice")
    assert done.exit_code == 2
    assert (
        "no array 'choice': there is spikes, bin_ms, condition, phase, coin, contrast"
        in done.stderr
    )
    assert not (tmp_path / "run").exists()
