"""`undertow nlb score`: runs side by side, any software's file, and where there is no truth."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.cli.conftest import Undertow
from tests.cli.nlb.conftest import prepare
from tests.nlb.random_tensors import random_submission, random_tensors
from undertow.nlb import (
    Submission,
    read_nlb_tensors,
    read_submission,
    score_submission,
    write_nlb_tensors,
    write_submission,
)

WORDS = ("nlb", "score", "mc_maze", "--bin-ms", 20)


def test_finished_runs_side_by_side(undertow: Undertow, fitted_nlb: Path, tmp_path: Path) -> None:
    directory = fitted_nlb / "mc_maze_20_val"
    (directory / "other").mkdir()
    tensors = read_nlb_tensors(directory / "tensors.h5")
    write_submission(random_submission(tensors), directory / "other" / "rates.h5")
    out = tmp_path / "scores.json"
    done = undertow(*WORDS, "--folder", fitted_nlb, "--out", out)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "mc_maze_20_split: mc_maze at 20 ms bins, phase val"
    assert lines[1].split() == ["score", "other", "smoothing", "unit"]
    assert lines[-1] == f"written: {out}"
    held = json.loads(out.read_text())
    for name in ("other", "smoothing"):
        found = score_submission(read_submission(directory / name / "rates.h5"), tensors)
        assert held["scores"][name] == found["mc_maze_20_split"].named
    assert (held["set_name"], held["bin_ms"], held["phase"]) == ("mc_maze", 20, "val")
    one = undertow(*WORDS, "--folder", fitted_nlb, "--model", "other")
    assert one.stdout.splitlines()[1].split() == ["score", "other", "unit"]
    again = undertow(*WORDS, "--folder", fitted_nlb, "--out", out)
    assert again.exit_code == 2
    assert "scores.json exists: choose another file" in again.stderr


def test_a_file_of_any_software_with_targets_of_any(undertow: Undertow, tmp_path: Path) -> None:
    """A submission and a target file that hold several sets, as other software writes them; nothing
    is prepared."""
    several = [random_tensors(name, 20) for name in ("mc_rtt", "mc_maze", "mc_maze_small")]
    rates, targets = tmp_path / "theirs.h5", tmp_path / "targets.h5"
    write_submission(random_submission(*several), rates)
    with h5py.File(targets, "w") as file:
        for tensors in several:
            write_nlb_tensors(tensors, tmp_path / "one.h5", overwrite=True)
            with h5py.File(tmp_path / "one.h5") as one:
                one.copy(tensors.group, file)
    words = ("--submission", rates, "--targets", targets, "--folder", tmp_path / "nlb")
    done = undertow(*WORDS, *words)
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    assert done.stdout.splitlines()[1].split() == ["score", "theirs.h5", "unit"]
    small = undertow("nlb", "score", "mc_maze_small", "--bin-ms", 20, *words)
    assert small.stdout.startswith(
        "mc_maze_scaling_20_split: mc_maze_small at 20 ms bins, phase val"
    )
    assert "[100] co-bps" in small.stdout


def test_timing_has_its_own_unit(undertow: Undertow, tmp_path: Path) -> None:
    tensors = random_tensors("dmfc_rsg", 5)
    write_submission(random_submission(tensors), tmp_path / "s.h5")
    write_nlb_tensors(tensors, tmp_path / "t.h5")
    words = ("nlb", "score", "dmfc_rsg", "--bin-ms", 5, "--submission", tmp_path / "s.h5")
    done = undertow(*words, "--targets", tmp_path / "t.h5")
    line = next(line for line in done.stdout.splitlines() if line.startswith("tp corr"))
    assert line.endswith("r, more negative is better")


def test_without_truth_it_says_so(undertow: Undertow, fitted_nlb: Path, tmp_path: Path) -> None:
    words = (*WORDS, "--phase", "test", "--folder", fitted_nlb)
    done = undertow(*words)
    assert done.exit_code == 2
    assert "the truth of test trials is not at" in done.stderr
    assert done.stderr.endswith("eval_data_test.h5: run undertow nlb truth first.\n")
    assert not (fitted_nlb / "test_scores.json").exists()


def test_targets_of_another_phase_are_refused(
    undertow: Undertow, fitted_nlb: Path, tmp_path: Path
) -> None:
    words, targets = (*WORDS, "--phase", "test", "--folder", fitted_nlb), tmp_path / "truth.h5"
    write_nlb_tensors(random_tensors("mc_maze", 20), targets)
    done = undertow(*words, "--targets", targets)
    assert done.exit_code == 2
    assert "truth.h5: of phase val, not test; give files of this phase" in done.stderr
    with h5py.File(targets, "a") as file:
        del file.attrs["phase"]
    done = undertow(*words, "--targets", targets)
    assert done.exit_code == 0, "targets of test trials, from whoever has them"
    assert done.stdout.startswith("mc_maze_20_split: mc_maze at 20 ms bins, phase test")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--model", "smoothing", "--submission", "x.h5"),
            "--model and --submission are both given",
        ),
        (
            ("--model", "langevin-flow"),
            "finished runs of mc_maze at 20 ms bins, phase val are: smoothing",
        ),
        (("--model", "../mc_maze_20_test"), "is a path: give the name of a run"),
        (("--submission", "{tmp}/no.h5"), "no.h5 is not there"),
        (
            ("--submission", "{tmp}/narrow.h5"),
            "the submission holds mc_maze at 5 ms bins and targets at 20 ms",
        ),
        (("--submission", "{tmp}/other.h5"), "there is no set in both"),
        (("--submission", "{tmp}/short.h5"), "co-bps of mc_maze_20: eval_rates_heldout has shape"),
        (("--targets", "{tmp}/targets5.h5"), "bin_ms is 20 and 5"),
    ],
)
def test_errors_are_one_line(
    undertow: Undertow, fitted_nlb: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    narrow = random_tensors("mc_maze", 5)
    write_submission(random_submission(narrow), tmp_path / "narrow.h5")
    write_nlb_tensors(narrow, tmp_path / "targets5.h5")
    write_submission(random_submission(random_tensors("mc_rtt", 20)), tmp_path / "other.h5")
    rates = random_submission(random_tensors("mc_maze", 20))["mc_maze_20"]
    shorter = {name: np.asarray(v)[:, :-1] for name, v in rates.items() if "forward" not in name}
    write_submission(Submission({"mc_maze_20": shorter}), tmp_path / "short.h5")
    given = [word.format(tmp=tmp_path) for word in words]
    done = undertow(*WORDS, "--folder", fitted_nlb, *given)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_nothing_fitted_yet(undertow: Undertow, tmp_path: Path) -> None:
    prepare(tmp_path, "mc_maze", 20, "val")
    done = undertow(*WORDS, "--folder", tmp_path)
    assert done.exit_code == 2
    assert "there is no finished run of mc_maze at 20 ms bins, phase val" in done.stderr
