"""A command that was killed and is given again ends as if never killed."""

import json
import shutil
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.cli.conftest import Undertow
from undertow.errors import WriteError
from undertow.experiments import prediction_files
from undertow.locks import LOCK, Holder

PART = ".run.json.0123abcd.part"


def leave_lock(folder: Path, what: str, **other: object) -> None:
    """What a killed process leaves where it held a place."""
    holder = replace(Holder.this(what), **{"started": "long ago", **other})
    (folder / LOCK).write_text(json.dumps(asdict(holder)))


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("left", [(), (PART,), (LOCK,), (PART, LOCK)])
def test_a_run_that_has_hardly_begun_is_begun_again(
    undertow: Undertow, recording: Path, fitted: Path, tmp_path: Path, left: tuple[str, ...]
) -> None:
    for name in left:
        (tmp_path / name).touch()
    words = ["fit", recording, "--out", tmp_path, "--model", "smoothing", "--heldout", 3]
    done = undertow(*words, "--resume")
    assert done.exit_code == 0, done.output
    whole = {n for n in names(fitted) if "figures" not in n}
    assert names(tmp_path) == whole - {"report.html", "per_neuron.csv"}


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("lost", ["model.fit.json", "scores.json", "model.safetensors"])
def test_a_run_goes_on_from_any_of_its_files(
    undertow: Undertow, recording: Path, fitted: Path, tmp_path: Path, lost: str
) -> None:
    out = Path(shutil.copytree(fitted, tmp_path / "out"))
    leave_lock(out, "run")
    for name in (".model.safetensors.0123abcd.part", "figures/.a.png.0123abcd.part"):
        (out / name).touch()
    (out / lost).unlink()
    words = ["fit", recording, "--out", out, "--model", "smoothing", "--heldout", 3]
    refused = undertow(*words)
    assert refused.exit_code == 2
    assert "--resume" in refused.stderr
    done = undertow(*words, "--resume")
    assert done.exit_code == 0, done.output
    beside = {"model.fit.json"} if lost == "model.fit.json" else set()
    assert names(out) == names(fitted) - beside
    scores = [json.loads((each / "scores.json").read_text())["scores"] for each in (out, fitted)]
    assert scores[0] == scores[1]


def test_a_prediction_is_made_again(
    undertow: Undertow, recording: Path, fitted: Path, tmp_path: Path
) -> None:
    (tmp_path / ".predictions.nc.0123abcd.part").touch()
    (tmp_path / "predictions.nc").touch()
    words = ["predict", fitted, recording, "--out", tmp_path, "--csv"]
    refused = undertow(*words)
    assert refused.exit_code == 2
    assert "is not an empty directory" in refused.stderr
    leave_lock(tmp_path, "predict")
    done = undertow(*words)
    assert done.exit_code == 0, done.output
    assert names(tmp_path) == {"predictions.nc", "rates.csv"}
    assert (tmp_path / "predictions.nc").stat().st_size > 1000


@pytest.mark.parametrize("other", [{}, {"host": "elsewhere", "pid": 1}])
def test_a_place_in_use_is_refused(
    undertow: Undertow, recording: Path, fitted: Path, tmp_path: Path, other: dict[str, object]
) -> None:
    leave_lock(tmp_path, "run", started=Holder.this("run").started, **other)
    before = (tmp_path / LOCK).read_text()
    for words in (["fit", recording, "--model", "smoothing", "--resume"], ["demo"]):
        done = undertow(*words, "--out", tmp_path)
        assert done.exit_code == 2
        assert "is written to by another run (process " in done.stderr
    assert names(tmp_path) == {LOCK}
    assert (tmp_path / LOCK).read_text() == before


@pytest.mark.usefixtures("no_report")
def test_a_failure_after_the_fit_keeps_it_and_says_how_to_go_on(
    undertow: Undertow, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: object) -> None:
        raise WriteError(f"{path} could not be written: the disk is full.")

    words = ["fit", recording, "--out", tmp_path / "out", "--model", "smoothing"]
    with monkeypatch.context() as patched:
        patched.setattr("undertow.experiments.single_run.write_scores", full)
        failed = undertow(*words)
    assert failed.exit_code == 3
    assert "What was done before is kept" in failed.stderr
    assert "--resume goes on" in failed.stderr
    assert names(tmp_path / "out") == {"run.json", "model.safetensors", "model.fit.json"}
    assert undertow(*words, "--resume").exit_code == 0


def test_a_prediction_whose_last_table_cannot_be_written_leaves_none(
    undertow: Undertow,
    recording: Path,
    fitted_langevin: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = prediction_files.written_whole

    def full(path: Path, overwrite: bool) -> AbstractContextManager[Path]:
        if path.name == "h.csv":
            raise WriteError(f"{path} could not be written: the disk is full.")
        return whole(path, overwrite)

    monkeypatch.setattr(prediction_files, "written_whole", full)
    done = undertow("predict", fitted_langevin, recording, "--out", tmp_path / "p", "--csv")
    assert done.exit_code == 3
    assert "h.csv could not be written: the disk is full." in done.stderr
    assert not (tmp_path / "p").exists()
