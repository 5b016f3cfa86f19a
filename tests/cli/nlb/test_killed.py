"""Verbs of the benchmark: killed and given again they end as if never killed; one at a time."""

import json
import re
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.cli.conftest import Undertow
from tests.cli.nlb.conftest import SMOOTHING
from tests.nlb.made_sets import make_set
from undertow.locks import LOCK, Holder
from undertow.nlb import read_nlb_tensors, read_submission

SET = ("mc_maze", "--bin-ms", 20)
FILES = {"prepare": "tensors.h5", "score": "scores.json", "submit": "sent.h5"}


def leave_lock(lock: Path, what: str, **other: object) -> None:
    """What a process leaves that holds a place: a killed one, by default."""
    holder = replace(Holder.this(what), **{"started": "long ago", **other})
    lock.write_text(json.dumps(asdict(holder)))


def place_of(verb: str, folder: Path) -> tuple[Path, list[object]]:
    """The file that a verb makes, and its words."""
    if verb == "prepare":
        path = folder / "new" / "mc_maze_20_val" / FILES[verb]
        path.parent.mkdir(parents=True)
        make_set("mc_maze", folder / "nwb")
        words = ["nlb", "prepare", "mc_maze", folder / "nwb", *SET[1:]]
        return path, [*words, "--folder", folder / "new"]
    path = folder / FILES[verb]
    run = ("--phase", "val", "--model", "smoothing", "--folder", folder / "nlb", "--out", path)
    return path, ["nlb", verb, *SET, *run]


@pytest.mark.parametrize("verb", FILES)
def test_a_killed_verb_is_given_again(
    undertow: Undertow, fitted_nlb: Path, tmp_path: Path, verb: str
) -> None:
    path, words = place_of(verb, tmp_path)
    lock = path.with_name(f".{path.name}.lock")
    part = path.with_name(f".{path.name}.0123abcd.part")
    path.write_bytes(b"of a killed process, or of the user")
    refused = undertow(*words)
    assert refused.exit_code == 2
    assert f"{path} exists: " in refused.stderr
    leave_lock(lock, f"nlb {verb}")
    part.touch()
    done = undertow(*words)
    assert done.exit_code == 0, done.output
    assert not part.exists()
    assert not lock.exists()
    if verb == "score":
        assert json.loads(path.read_text())["scores"]
    else:
        read = read_nlb_tensors if verb == "prepare" else read_submission
        read(path)


@pytest.mark.parametrize("verb", FILES)
def test_a_place_in_use_is_refused(
    undertow: Undertow, fitted_nlb: Path, tmp_path: Path, verb: str
) -> None:
    path, words = place_of(verb, tmp_path)
    leave_lock(path.with_name(f".{path.name}.lock"), f"nlb {verb}", host="elsewhere")
    done = undertow(*words)
    assert done.exit_code == 2
    assert f"is written to by another nlb {verb}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not path.exists()


@pytest.mark.parametrize("lost", ["rates.h5", "scores.json", "model.safetensors"])
def test_a_fit_goes_on_from_any_of_its_files(
    undertow: Undertow, fitted_nlb: Path, lost: str
) -> None:
    run = fitted_nlb / "mc_maze_20_val" / "smoothing"
    before = json.loads((run / "scores.json").read_text())["scores"]
    files = {path.name for path in run.iterdir()}
    (run / lost).unlink()
    (run / f".{lost}.0123abcd.part").touch()
    leave_lock(run / LOCK, "run")
    words = ("nlb", "fit", *SET, *SMOOTHING, "--folder", fitted_nlb)
    assert "--resume" in undertow(*words).stderr
    done = undertow(*words, "--resume")
    assert done.exit_code == 0, done.output
    assert {path.name for path in run.iterdir()} == files
    assert json.loads((run / "scores.json").read_text())["scores"] == before


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions there")
@pytest.mark.parametrize("verb", FILES)
def test_a_file_where_a_folder_should_be(
    undertow: Undertow, fitted_nlb: Path, tmp_path: Path, verb: str
) -> None:
    path, words = place_of(verb, tmp_path)
    option = "--folder" if verb == "prepare" else "--out"
    (tmp_path / "file").write_text("a file")
    where = words.index(option) + 1
    words[where] = tmp_path / "file" / ("" if verb == "prepare" else path.name)
    done = undertow(*words)
    assert done.exit_code in (2, 3)
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be written" in done.stderr
    assert (tmp_path / "file").read_text() == "a file"


@pytest.mark.parametrize("name", ["..", "a/b", "a\x00b", "a\x1b[31mb"])
def test_runs_have_names(undertow: Undertow, fitted_nlb: Path, name: str) -> None:
    words = ("nlb", "fit", *SET, *SMOOTHING, "--folder", fitted_nlb, "--out", name)
    done = undertow(*words)
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert re.search("is (a path|no name): give the name of a run", done.stderr)
    (fitted_nlb / "mc_maze_" / "tensors.h5").mkdir(parents=True)
    missing = undertow("nlb", "score", *SET[:2], 5, "--folder", fitted_nlb)
    assert "(prepared: mc_maze_20_test, mc_maze_20_val)" in missing.stderr
