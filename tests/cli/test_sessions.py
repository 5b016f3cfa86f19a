"""Several recordings on the command line: one joint fit, its sessions, and new ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Undertow
from tests.models.joint.planted import A, B, C
from undertow.data import TrialSet, write_hdf5
from undertow.models import JointModel

TINY = [
    *("--set", "latent_dim=8", "--set", "encoder.hidden_dim=8", "--set", "decoder.width=8"),
    *("--set", "decoder.heads=2", "--set", "samples=2", "--set", "training.epochs=2"),
    *("--set", "encoder.read_in=6", "--heldout", 2, "--quiet"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two recordings, and beside it a third."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "days").mkdir()
    for name, trials in (("days/a", A), ("days/b", B), ("new", C)):
        write_hdf5(trials, folder / f"{name}.h5")
    (folder / "days" / "notes.txt").write_text("no recording")
    return folder


@pytest.fixture(scope="module")
def joint(undertow: Undertow, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a joint fit of the folder."""
    out = tmp_path_factory.mktemp("runs") / "joint"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("undertow.experiments.single_run.report_run", lambda out, *_: out / "page")
        done = undertow("fit", data / "days", "--out", out, *TINY)
    assert done.exit_code == 0, done.output
    assert "session a" in done.stdout
    assert "session b" in done.stdout
    assert "velocity R2, decoder of" in done.stdout
    return out


def test_a_folder_is_fitted_as_its_recordings(joint: Path) -> None:
    assert list(JointModel.load(joint)) == ["a", "b"]
    assert json.loads((joint / "run.json").read_text())["model"] == "joint"
    source = json.loads((joint / "a" / "run.json").read_text())["source"]
    assert source["path"].endswith("a.h5")


@pytest.mark.usefixtures("no_report")
def test_files_one_by_one_give_the_same(
    undertow: Undertow, data: Path, joint: Path, tmp_path: Path
) -> None:
    files = [data / "days" / "a.h5", data / "days" / "b.h5"]
    done = undertow("fit", *files, "--out", tmp_path / "out", *TINY)
    assert done.exit_code == 0, done.output
    for name, trials in (("a", A), ("b", B)):
        mine, other = (JointModel.load(each)[name] for each in (joint, tmp_path / "out"))
        assert np.array_equal(mine.predict(trials).rates, other.predict(trials).rates)


def test_other_commands_read_a_sessions_run(
    undertow: Undertow, data: Path, joint: Path, tmp_path: Path
) -> None:
    done = undertow("evaluate", joint / "b", data / "days" / "b.h5")
    assert done.exit_code == 0, done.output
    assert "co-bps" in done.stdout
    done = undertow("predict", joint / "b", data / "days" / "b.h5", "--out", tmp_path / "p")
    assert done.exit_code == 0, done.output


@pytest.mark.usefixtures("no_report")
def test_a_new_session_is_adapted(
    undertow: Undertow, data: Path, joint: Path, tmp_path: Path
) -> None:
    before = (joint / "a" / "model.safetensors").read_bytes()
    words = ["--heldout", 2, "--steps", 4, "--quiet"]
    done = undertow("adapt", joint, data / "new.h5", "--out", tmp_path / "new", *words)
    assert done.exit_code == 0, done.output
    assert "co-bps" in done.stdout
    assert (joint / "a" / "model.safetensors").read_bytes() == before
    done = undertow("evaluate", tmp_path / "new", data / "new.h5")
    assert done.exit_code == 0, done.output
    again = undertow("adapt", joint, data / "new.h5", "--out", tmp_path / "new", *words)
    assert again.exit_code == 2
    resumed = undertow(
        "adapt", joint, data / "new.h5", "--out", tmp_path / "new", *words, "--resume"
    )
    assert resumed.exit_code == 0, resumed.output


def test_a_dry_run_writes_nothing(undertow: Undertow, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = undertow("fit", data / "days", "--out", out, *TINY, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "session" in done.stdout
    assert "for all sessions together" in done.stdout
    assert not out.exists()


def wrong_bins(folder: Path) -> Path:
    return write_hdf5(TrialSet(C.spikes, 0.05, heldout=C.heldout), folder / "slow.h5")


def test_wrong_input_is_one_sentence(
    undertow: Undertow, data: Path, joint: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    slow = wrong_bins(tmp_path)
    files, out = [data / "days" / "a.h5", data / "days" / "b.h5"], ["--out", tmp_path / "out"]
    cases = [
        (["fit", tmp_path / "empty", *out], "without recordings"),
        (["fit", *files, *out, "--model", "lds"], "fitted to one recording"),
        (["fit", *files, *out, "--folds", 3], "--folds is for one recording"),
        (["fit", *files, *out, "--ensemble", 3], "--ensemble is for one recording"),
        (["fit", files[0], files[0], *out], "told apart by the names"),
        (["fit", *files, slow, *out], "have bins of"),
        (["fit", *files, *out, "--preset", "auto"], "training.recipes"),
        (["adapt", tmp_path / "empty", data / "new.h5", *out], "sessions.safetensors"),
        (["adapt", joint, slow, *out], "whole multiple"),
        (["adapt", joint, data / "new.h5", *out, "--bin-ms", 40], "rebin the trials"),
        (["adapt", joint, data / "none.h5", *out], "none.h5"),
        (["adapt", joint, data / "new.h5", *out, "--steps", 0], "steps"),
    ]
    for words, said in cases:
        done = undertow(*words)
        assert done.exit_code == 2, (words, done.output)
        assert said in done.stderr, (words, done.stderr)
        assert "Traceback" not in done.output
        assert not (tmp_path / "out").exists(), words
