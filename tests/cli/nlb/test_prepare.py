"""`undertow nlb prepare`: from NWB files to tensors, and what it refuses; the verbs after it, one
after the other."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Undertow
from tests.cli.nlb.conftest import SMOOTHING
from tests.nlb.made_sets import MadeSet, make_set
from undertow.nlb import make_tensors, read_nlb_tensors, read_submission

WORDS = ("nlb", "prepare", "mc_maze")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeSet:
    return make_set("mc_maze", tmp_path_factory.mktemp("nwb"))


def test_it_writes_the_tensors_and_says_what_they_hold(
    undertow: Undertow, made: MadeSet, tmp_path: Path
) -> None:
    folder = tmp_path / "a" / "nlb"
    done = undertow(*WORDS, made.folder, "--bin-ms", 20, "--folder", folder)
    assert done.exit_code == 0, done.output
    lines = {line[:17].strip(): line[17:] for line in done.stdout.splitlines()}
    assert lines["set"] == "mc_maze, 20 ms bins, phase val"
    assert lines["trials"] == "12 to learn from, 4 to predict"
    assert lines["neurons"] == "4 held in, 2 held out"
    assert lines["bins"] == "35, then 10 forward bins"
    assert "1721 and 574 trials in phase val, 137 and 45 neurons" in lines["published sizes"]
    path = folder / "mc_maze_20_val" / "tensors.h5"
    assert lines["written"] == str(path)
    found, expected = read_nlb_tensors(path), make_tensors(made.folder, "mc_maze", 20, "val")
    for name, array in {**expected.inputs, "psth": expected.targets["psth"]}.items():
        held = {**found.inputs, **found.targets}[name]
        np.testing.assert_array_equal(held, array, err_msg=name)


def test_files_by_name_and_other_widths_and_phases_have_folders_of_their_own(
    undertow: Undertow, made: MadeSet, tmp_path: Path
) -> None:
    for bin_ms, phase in ((5, "val"), (20, "test")):
        files = [part.path for part in made.parts]
        options = ("--bin-ms", bin_ms, "--phase", phase, "--folder", tmp_path)
        done = undertow(*WORDS, *files, *options)
        assert done.exit_code == 0, done.output
    assert "--phase test, and for scores undertow nlb truth" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"mc_maze_5_val", "mc_maze_20_test"}


def test_nothing_is_overwritten(undertow: Undertow, made: MadeSet, tmp_path: Path) -> None:
    path = tmp_path / "mc_maze_20_val" / "tensors.h5"
    path.parent.mkdir()
    path.write_text("mine")
    done = undertow(*WORDS, made.folder, "--bin-ms", 20, "--folder", tmp_path)
    assert done.exit_code == 2
    assert "exists: mc_maze at 20 ms bins, phase val, is prepared" in done.stderr
    assert path.read_text() == "mine"


def test_the_test_file_alone_can_do_nothing_and_says_so(
    undertow: Undertow, made: MadeSet, tmp_path: Path
) -> None:
    done = undertow(
        *WORDS, made.parts[0].path, "--bin-ms", 20, "--phase", "test", "--folder", tmp_path
    )
    assert done.exit_code == 0, done.output
    assert "0 to learn from, 7 to predict" in done.stdout
    assert "nothing can be fitted: there are no training trials" in done.stdout
    assert "has no training trial" in done.stderr
    fit = undertow("nlb", "fit", "mc_maze", "--bin-ms", 20, "--phase", "test", "--folder", tmp_path)
    assert fit.exit_code == 2
    assert "have no train_spikes_heldin: models learn from training trials" in fit.stderr
    assert len(fit.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("mc_maz", "{made}", "--bin-ms", 20), "did you mean 'mc_maze'?"),
        (("mc_maze", "{made}", "--bin-ms", 10), "the benchmark has bins of 5 and of 20 ms"),
        (
            ("mc_maze", "{made}", "--bin-ms", 20, "--phase", "train"),
            "--phase train: it is val or test",
        ),
        (("mc_maze", "{tmp}", "--bin-ms", 20), "there is no .nwb file in"),
        (("mc_maze", "{tmp}/no.nwb", "--bin-ms", 20), "no.nwb is not there"),
        (
            ("mc_rtt", "{made}", "--bin-ms", 20),
            "has no time series 'finger_vel', the behaviour of mc_rtt",
        ),
        (
            ("mc_maze", "{test_file}", "--bin-ms", 20),
            "has no trial of split 'val', which phase 'val' is scored on",
        ),
    ],
)
def test_errors_are_one_line_and_leave_nothing(
    undertow: Undertow, made: MadeSet, tmp_path: Path, words: tuple[object, ...], message: str
) -> None:
    places = {"made": made.folder, "tmp": tmp_path, "test_file": made.parts[0].path}
    given = [str(word).format(**places) for word in words]
    done = undertow("nlb", "prepare", *given, "--folder", tmp_path / "nlb")
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "nlb").exists()


def test_the_whole_chain(undertow: Undertow, made: MadeSet, tmp_path: Path) -> None:
    folder, out = ("--folder", tmp_path / "nlb"), tmp_path / "submission.h5"
    words = ("mc_maze", "--bin-ms", 5)
    for step in (
        ("prepare", "mc_maze", made.folder, "--bin-ms", 5),
        ("fit", *words, *SMOOTHING),
        ("score", *words, "--out", tmp_path / "scores.json"),
        ("submit", *words, "--phase", "val", "--model", "smoothing", "--out", out),
    ):
        done = undertow("nlb", *step, *folder)
        assert done.exit_code == 0, done.output
    held = json.loads((tmp_path / "scores.json").read_text())
    fitted = json.loads(
        (tmp_path / "nlb" / "mc_maze_5_val" / "smoothing" / "scores.json").read_text()
    )
    assert held["scores"] == fitted["scores"]
    assert set(held["scores"]["smoothing"]["mc_maze_split"]) == {
        "co-bps",
        "vel R2",
        "psth R2",
        "fp-bps",
    }
    assert list(read_submission(out)) == ["mc_maze"]


def test_the_genuine_test_file(
    undertow: Undertow, test_data: Callable[[str], Path], tmp_path: Path
) -> None:
    path = test_data("mc_maze_small_desc-test_ecephys.nwb")
    words = ("nlb", "prepare", "mc_maze_small", path, "--bin-ms", 20, "--folder", tmp_path)
    done = undertow(*words, "--phase", "test")
    assert done.exit_code == 0, done.output
    assert "0 to learn from, 100 to predict" in done.stdout
    assert "107 held in, 0 held out" in done.stdout
    assert undertow(*words).exit_code == 2
