"""`undertow nlb fit`: files and words of a fit, resuming, and what it refuses."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Undertow
from tests.cli.nlb.conftest import SMOOTHING, prepare
from undertow.models import LangevinFlow
from undertow.nlb import read_submission
from undertow.training import Progress

pytestmark = pytest.mark.filterwarnings("ignore:.*latent coordinates")
SIZES = ("latent_dim=8", "encoder.hidden_dim=8", "decoder.width=8", "decoder.heads=2", "samples=2")
LOOP = ("training.epochs=2", "training.batch_size=8", "training.validate_every=1")
TINY = [word for pair in (*SIZES, *LOOP) for word in ("--set", pair)]
WORDS = ("nlb", "fit", "mc_maze", "--bin-ms", 20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with MC_Maze prepared at 20 ms for validation."""
    prepare(tmp_path / "nlb", "mc_maze", 20, "val")
    return tmp_path / "nlb"


def rates(directory: Path) -> dict[str, np.ndarray]:
    return dict(read_submission(directory / "rates.h5")["mc_maze_20"])


def test_scores_are_printed_with_set_and_width(undertow: Undertow, folder: Path) -> None:
    done = undertow(*WORDS, "--folder", folder, *TINY)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "mc_maze_20_split: mc_maze at 20 ms bins, phase val"
    assert lines[1].split() == ["score", "langevin-flow", "unit"]
    held = json.loads((folder / "mc_maze_20_val" / "langevin-flow" / "scores.json").read_text())
    for line in lines[2:6]:
        name, value, unit = [part for part in line.split("  ") if part]
        assert f"{held['scores']['langevin-flow']['mc_maze_20_split'][name]:.4f}" == value.strip()
        assert unit.strip() == ("bits/spike" if "bps" in name else "R²")
    assert "epoch     2" in done.stderr
    assert held["settings"]["latent_dim"] == 8


def test_a_second_run_has_a_name_of_its_own(undertow: Undertow, folder: Path) -> None:
    words = (*WORDS, "--folder", folder, *SMOOTHING)
    assert undertow(*words).exit_code == 0
    refused = undertow(*words)
    assert refused.exit_code == 2
    assert "is not empty: choose another directory" in refused.stderr
    other = undertow(*words, "--set", "width_s=0.08", "--out", "wider", "--quiet")
    assert other.exit_code == 0, other.output
    assert other.stderr == ""
    assert {p.name for p in (folder / "mc_maze_20_val").iterdir()} == {
        "tensors.h5",
        "smoothing",
        "wider",
    }
    assert other.stdout.splitlines()[1].split() == ["score", "wider", "unit"]


def test_ctrl_c_and_resume_end_as_an_unbroken_fit(
    undertow: Undertow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*WORDS, "--folder", folder, *TINY)
    assert undertow(*words, "--out", "whole", "--quiet").exit_code == 0

    def stop(self: Progress, row: dict[str, float], *_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "__call__", stop)
    done = undertow(*words, "--out", "broken")
    assert done.exit_code == 130
    assert "The same command with --resume goes on" in done.stderr
    monkeypatch.undo()
    other = undertow(*words, "--out", "broken", "--resume", "--seed", 1)
    assert other.exit_code == 2
    assert "holds another run" in other.stderr
    done = undertow(*words, "--out", "broken", "--resume", "--quiet")
    assert done.exit_code == 0, done.output
    whole, broken = (rates(folder / "mc_maze_20_val" / name) for name in ("whole", "broken"))
    for name, values in whole.items():
        np.testing.assert_array_equal(values, broken[name], err_msg=name)


def test_a_preset_goes_below_what_is_set(undertow: Undertow, folder: Path) -> None:
    words = (*WORDS, "--folder", folder, "--model", "smoothing", "--preset", "reference")
    done = undertow(*words, "--set", "floor_hz=1.0")
    assert done.exit_code == 0, done.output
    settings = json.loads((folder / "mc_maze_20_val" / "smoothing" / "run.json").read_text())[
        "settings"
    ]
    expected = {"width_s": 0.05, "floor_hz": 1.0, "penalty": 0.01, "causal": False, "seed": 0}
    assert settings == expected


def test_an_ensemble(undertow: Undertow, folder: Path) -> None:
    done = undertow(*WORDS, "--folder", folder, *TINY, "--ensemble", 2, "--out", "two", "--seed", 3)
    assert done.exit_code == 0, done.output
    about = json.loads((folder / "mc_maze_20_val" / "two" / "run.json").read_text())
    assert (about["model"], about["settings"]["size"], about["settings"]["seed"]) == (
        "ensemble",
        2,
        3,
    )


def test_phase_test_has_rates_and_no_scores(undertow: Undertow, tmp_path: Path) -> None:
    prepare(tmp_path, "mc_maze", 20, "test")
    done = undertow(*WORDS, "--phase", "test", "--folder", tmp_path, *SMOOTHING)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(
        "no scores yet: undertow nlb score mc_maze --bin-ms 20 --phase test scores test trials"
    )
    names = {path.name for path in (tmp_path / "mc_maze_20_test" / "smoothing").iterdir()}
    assert "rates.h5" in names
    assert "scores.json" not in names


def test_a_dry_run_writes_nothing(undertow: Undertow, folder: Path) -> None:
    done = undertow(*WORDS, "--folder", folder, *TINY, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "22 / 4 / 18" in done.stdout
    assert "12 training steps, timed here" in done.stdout
    assert {p.name for p in (folder / "mc_maze_20_val").iterdir()} == {"tensors.h5"}
    done = undertow(*WORDS, "--folder", folder, *SMOOTHING, "--dry-run")
    assert re.search(r"at most about \d+ s \(timed here\)", done.stdout)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("mc_maze", "--bin-ms", 5),
            "tensors.h5 is not there (prepared: mc_maze_20_val). Run undertow nlb prepare",
        ),
        (("mc_maze", "--bin-ms", 20, "--phase", "test"), "phase test, is not prepared"),
        (("mc_rtt", "--bin-ms", 20), "mc_rtt at 20 ms bins, phase val, is not prepared"),
        (("mc_maze", "--bin-ms", 7), "the benchmark has bins of 5 and of 20 ms"),
        (("mc_maze", "--bin-ms", 20, "--phase", "x"), "--phase x: it is val or test"),
        (("maze", "--bin-ms", 20), "did you mean 'mc_maze'?"),
        (("mc_maze", "--bin-ms", 20, "--model", "langevin"), "did you mean 'langevin-flow'?"),
        (("mc_maze", "--bin-ms", 20, "--preset", "x"), "langevin-flow has no preset 'x'"),
        (("mc_maze", "--bin-ms", 20, "--out", "a/b"), "a/b is a path: give the name of a run"),
        (("mc_maze", "--bin-ms", 20, "--set", "latent=3"), "langevin-flow has no setting 'latent'"),
        (("mc_maze", "--bin-ms", 20, "--set", "decoder.heads=3"), "heads"),
        (("mc_maze", "--bin-ms", 20, "--ensemble", 0), "--ensemble is 0: it must be a whole"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(
    undertow: Undertow, folder: Path, words: tuple[object, ...], message: str
) -> None:
    done = undertow("nlb", "fit", *words, "--folder", folder, "--quiet")
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [p.name for p in folder.rglob("*")] == ["mc_maze_20_val", "tensors.h5"]


def test_files_of_another_width_or_phase_are_refused(undertow: Undertow, tmp_path: Path) -> None:
    path = prepare(tmp_path, "mc_maze", 5, "val")
    for name, message in (
        ("mc_maze_20_val", "bin_ms is 20 and 5"),
        ("mc_maze_5_test", "is of phase val, not test"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tensors.h5").write_bytes(path.read_bytes())
        bin_ms, phase = name.split("_")[2:]
        done = undertow(
            "nlb", "fit", "mc_maze", "--bin-ms", bin_ms, "--phase", phase, "--folder", tmp_path
        )
        assert done.exit_code == 2
        assert message in done.stderr


def test_the_model_by_default_is_langevin_flow(
    undertow: Undertow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: LangevinFlow, *_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LangevinFlow, "fit", refuse)
    done = undertow(*WORDS, "--folder", folder)
    assert done.exit_code == 130
    about = json.loads((folder / "mc_maze_20_val" / "langevin-flow" / "run.json").read_text())
    assert about["model"] == "langevin-flow"


def test_a_published_preset_takes_seed_and_settings(
    undertow: Undertow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: LangevinFlow, *_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LangevinFlow, "fit", refuse)
    words = ("--preset", "released", "--seed", 3, "--set", "training.epochs=5", *TINY[:2])
    assert undertow(*WORDS, "--folder", folder, *words).exit_code == 130
    about = json.loads((folder / "mc_maze_20_val" / "langevin-flow" / "run.json").read_text())
    settings = about["settings"]
    assert (settings["seed"], settings["latent_dim"]) == (3, 8)
    assert (settings["training"]["epochs"], settings["training"]["batch_size"]) == (5, 256)
    assert (settings["dynamics"]["gamma"], settings["dynamics"]["allow_unstable"]) == (0.55, True)
