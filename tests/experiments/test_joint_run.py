"""A joint run: a folder of ordinary runs, and decoders that transfer between its sessions."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.joint.planted import A, B, joint
from undertow.data import Sessions, TrialSet
from undertow.errors import UndertowError
from undertow.experiments import JointResult, SavedRun, run_sessions
from undertow.models import JointModel

BOTH = Sessions({"a": A, "b": B})


def ran(out: Path, sessions: Sessions = BOTH, **options: Any) -> JointResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run_sessions(sessions, joint("langevin-flow"), out, verbose=False, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> JointResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("undertow.experiments.single_run.report_run", lambda out, *_: out / "page")
        return ran(tmp_path_factory.mktemp("joint") / "out", sources={"a": {"path": "a.npz"}})


def test_each_session_has_a_run_of_its_own(finished: JointResult) -> None:
    assert {path.name for path in finished.directory.iterdir()} >= {
        "run.json",
        "sessions.safetensors",
        "transfer.json",
        "checkpoint",
        "a",
        "b",
    }
    for name, trials in BOTH.items():
        inside = {path.name for path in (finished.directory / name).iterdir()}
        assert {"run.json", "model.safetensors", "scores.json"} <= inside
        assert finished.runs[name].report == finished.directory / name / "page"
        held = json.loads((finished.directory / name / "scores.json").read_text())
        assert {row["model"] for row in held["scores"]} == {"langevin-flow", "smoothing"}
        others = "b" if name == "a" else "a"
        assert f"Fitted together with {others}" in " ".join(held["notes"])
        assert finished.runs[name].directory == finished.directory / name
        assert finished.runs[name].fit_s > 0
        assert held["sizes"]["train"] < len(trials)
    assert json.loads((finished.directory / "a" / "run.json").read_text())["source"] == {
        "path": "a.npz"
    }


def test_the_folder_is_a_joint_model(finished: JointResult) -> None:
    again = JointModel.load(finished.directory)
    for name, trials in BOTH.items():
        rates = finished.model[name].predict(trials).rates
        assert np.array_equal(again[name].predict(trials).rates, rates)


def test_a_session_is_scored_again_as_any_run_is(finished: JointResult) -> None:
    """On its own test trials, found by their ids."""
    scores = SavedRun.open(finished.directory / "b").score(B)
    told = json.loads((finished.directory / "b" / "scores.json").read_text())["scores"]
    known = {row["name"]: row["value"] for row in told if row["model"] == "langevin-flow"}
    assert scores["co-bps"].value == pytest.approx(known["co-bps"])


def test_decoders_are_tested_across_sessions(finished: JointResult) -> None:
    assert finished.transfer is not None
    scores = finished.transfer.scores
    assert [list(row) for row in scores.values()] == [["a", "b"], ["a", "b"]]
    assert all(np.isfinite(each.value) for row in scores.values() for each in row.values())
    assert "decoder of" in repr(finished.transfer)
    rows = json.loads((finished.directory / "transfer.json").read_text())["scores"]
    assert [(row["decoder of"], row["tested in"]) for row in rows] == [
        ("a", "a"),
        ("a", "b"),
        ("b", "a"),
        ("b", "b"),
    ]
    assert rows[1]["value"] == scores["a"]["b"].value


@pytest.mark.usefixtures("no_report")
def test_without_velocity_there_is_no_transfer(tmp_path: Path) -> None:
    bare = {n: TrialSet(t.spikes, t.bin_s, heldout=t.heldout) for n, t in BOTH.items()}
    done = ran(tmp_path / "out", Sessions(bare))
    assert done.transfer is None
    assert not (tmp_path / "out" / "transfer.json").exists()


@pytest.mark.usefixtures("no_report")
def test_a_finished_run_is_only_read_again(finished: JointResult, tmp_path: Path) -> None:
    before = (finished.directory / "a" / "model.safetensors").read_bytes()
    again = ran(finished.directory, resume=True)
    assert (finished.directory / "a" / "model.safetensors").read_bytes() == before
    for name in BOTH:
        assert again.runs[name].table.rows()[0]["value"] == pytest.approx(
            finished.runs[name].table.rows()[0]["value"]
        )


def test_another_run_is_not_overwritten(finished: JointResult) -> None:
    with pytest.raises(UndertowError, match="not empty"):
        ran(finished.directory)
    with pytest.raises(UndertowError, match=r"another run \(sessions\.b"):
        ran(finished.directory, Sessions({"a": A, "c": B}), resume=True)
