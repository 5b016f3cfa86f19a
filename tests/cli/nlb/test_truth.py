"""`undertow nlb truth`, and `undertow nlb score --phase test` with what it fetched."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import Undertow
from tests.cli.nlb.conftest import SMOOTHING
from tests.nlb.archive import Archive, serve, straight_and_quick
from tests.nlb.made_truth import write_truth
from tests.nlb.random_tensors import random_submission, random_tensors
from undertow.nlb import (
    download,
    read_submission,
    score_submission,
    truth,
    write_nlb_tensors,
    write_submission,
)

NAME = "eval_data_test.h5"
SCORE = ("nlb", "score", "mc_maze", "--bin-ms", 20, "--phase", "test")


@pytest.fixture(autouse=True)
def _straight_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    straight_and_quick(monkeypatch)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made file of truth of all sets at both widths."""
    return write_truth(tmp_path_factory.mktemp("truth") / "made.h5")


@pytest.fixture
def archive(made: Path) -> Iterator[Archive]:
    with serve(Archive({NAME: made.read_bytes()})) as running:
        yield running


def asked(archive: Archive, folder: Path) -> tuple[object, ...]:
    """The words that fetch the made file."""
    content = archive.files[NAME]
    return (
        *("nlb", "truth", "--folder", folder, "--address", archive.address(NAME)),
        *("--sha256", hashlib.sha256(content).hexdigest(), "--size", len(content)),
    )


def test_fetched_with_a_break_then_scored_and_counted(
    undertow: Undertow, fitted_nlb: Path, archive: Archive, tmp_path: Path
) -> None:
    words = (*SCORE, "--folder", fitted_nlb, "--no-published")
    before = undertow(*words)
    assert before.exit_code == 2
    assert before.stderr.endswith(f"{NAME}: run undertow nlb truth first.\n")

    archive.cut_after = [1000] * download.TRIES
    broken = undertow(*asked(archive, fitted_nlb))
    assert broken.exit_code == 2
    assert "run the same command again to go on" in broken.stderr
    done = undertow(*asked(archive, fitted_nlb))
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{fitted_nlb / 'truth' / NAME}\n"
    assert archive.asked[-1][1] == f"bytes={1000 * download.TRIES}-"

    out, rates = tmp_path / "scores.json", fitted_nlb / "mc_maze_20_test/smoothing/rates.h5"
    first = undertow(*words, "--out", out)
    assert first.exit_code == 0, first.output
    lines = first.stdout.splitlines()
    assert lines[0] == "mc_maze_20_split: mc_maze at 20 ms bins, phase test"
    assert lines[1].split() == ["score", "smoothing", "unit"]
    assert lines[-3].startswith("truth: ")
    assert "is not the published file: these scores do not compare" in lines[-3]
    assert lines[-2].startswith(
        "mc_maze at 20 ms bins: 1 score on the test truth so far (smoothing 1)."
    )
    expected = score_submission(read_submission(rates), random_tensors("mc_maze", 20))
    held = json.loads(out.read_text())
    assert held["scores"] == {"smoothing": expected["mc_maze_20_split"].named}

    second = undertow(*words)
    assert "smoothing: scored on the test truth for the 2nd time, the same rates" in second.stdout
    assert "choices made after the first look are made on test data" in second.stdout

    fit = ("nlb", "fit", *SCORE[2:], "--folder", fitted_nlb, *SMOOTHING, "--set", "penalty=1")
    fitted = undertow(*fit, "--out", "other")
    assert fitted.exit_code == 0, fitted.output
    third = undertow(*words, "--model", "other")
    assert (
        "other (smoothing): scored on the test truth for the 3rd time, this time another fit"
        in third.stdout
    )
    assert "3 scores on the test truth so far (smoothing 3)." in third.stdout
    looks = json.loads((fitted_nlb / "test_scores.json").read_text())["scores"]
    assert [look["run"] for look in looks] == ["smoothing", "smoothing", "other"]
    assert looks[0]["scores"] == held["scores"]["smoothing"]["mc_maze_20_split"]


def test_the_published_file_is_known_as_such(
    undertow: Undertow, fitted_nlb: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = made.read_bytes()
    published = download.Asset(NAME, len(content), hashlib.sha256(content).hexdigest(), "")
    for module in (truth, "undertow.nlb.truth_scores"):
        name = module if isinstance(module, str) else module.__name__
        monkeypatch.setattr(f"{name}.PUBLISHED_FILE", published)
    done = undertow(*SCORE, "--folder", fitted_nlb, "--targets", made)
    assert done.exit_code == 0, done.output
    assert f"truth: {made}, the published file (SHA-256 checked)\n" in done.stdout
    words = ("nlb", "score", "mc_maze", "--bin-ms", 20, "--folder", fitted_nlb, "--targets", made)
    val = undertow(*words)
    assert val.exit_code == 2
    assert "is the truth of test trials: give --phase test to score them" in val.stderr


def test_a_submission_of_any_software_is_counted_too(
    undertow: Undertow, made: Path, tmp_path: Path
) -> None:
    rates = tmp_path / "theirs.h5"
    write_submission(random_submission(random_tensors("mc_rtt", 5)), rates)
    words = ("nlb", "score", "mc_rtt", "--bin-ms", 5, "--phase", "test", "--targets", made)
    folder = tmp_path / "new" / "nlb"
    done = undertow(*words, "--submission", rates, "--folder", folder)
    assert done.exit_code == 0, done.output
    assert [path.name for path in folder.iterdir()] == ["test_scores.json"]
    again = undertow(*words, "--submission", rates, "--folder", folder)
    assert "theirs.h5: scored on the test truth for the 2nd time" in again.stdout


def test_files_that_tell_their_own_truth_need_none(
    undertow: Undertow, fitted_nlb: Path, tmp_path: Path
) -> None:
    """Made recordings may hold all of their test trials: `prepare` keeps that, `fit` scores not."""
    path = fitted_nlb / "mc_maze_20_test" / "tensors.h5"
    tensors = replace(random_tensors("mc_maze", 20), phase="test")
    write_nlb_tensors(tensors, path, overwrite=True)
    fit = ("nlb", "fit", *SCORE[2:], "--folder", fitted_nlb, *SMOOTHING, "--out", "again")
    assert undertow(*fit).stdout.startswith("no scores yet: undertow nlb score")
    done = undertow(*SCORE, "--folder", fitted_nlb, "--no-published")
    assert done.exit_code == 0, done.output
    assert f"truth: {path}, which is not the published file" in done.stdout
    assert "2 scores on the test truth so far (smoothing 2)." in done.stdout


def test_what_cannot_be_counted_is_not_shown(
    undertow: Undertow, fitted_nlb: Path, made: Path
) -> None:
    (fitted_nlb / "test_scores.json").write_text("mine")
    done = undertow(*SCORE, "--folder", fitted_nlb, "--targets", made)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "scores on test trials are shown only when they are counted" in done.stderr
    assert (fitted_nlb / "test_scores.json").read_text() == "mine"


# --- published scores ----------------------------------------------------------------------------


def test_published_scores_stand_beside_those_of_here(
    undertow: Undertow, fitted_nlb: Path, made: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.json"
    words = (*SCORE, "--folder", fitted_nlb, "--targets", made)
    done = undertow(*words, "--out", out)
    lines = done.stdout.splitlines()
    (start,) = (k for k, line in enumerate(lines) if line.startswith("published scores of"))
    assert lines[start] == (
        "published scores of mc_maze at 20 ms bins, phase test, below those of here:"
    )
    heads = lines[start + 1].split("  ")
    assert [head.strip() for head in heads if head] == [
        *("model", "co-bps", "vel R2", "psth R2", "fp-bps", "source")
    ]
    assert lines[start + 2].startswith("smoothing ")
    assert lines[start + 2].endswith("here, phase test")
    rows = [line for line in lines[start + 3 :] if line.endswith(("Table 1", "2026"))]
    assert len(rows) == 9
    assert rows[1].split()[:5] == ["LangevinFlow", "0.3641", "0.8940", "0.6801", "0.2573"]
    assert "0.3866" not in done.stdout, "a number of 5 ms bins"
    assert "LangevinFlow" not in out.read_text()
    assert "published scores" not in undertow(*words, "--no-published").stdout


def test_beside_validation_trials_they_are_said_to_be_of_others(
    undertow: Undertow, fitted_nlb: Path
) -> None:
    done = undertow("nlb", "score", "mc_maze", "--bin-ms", 20, "--folder", fitted_nlb)
    assert done.exit_code == 0, done.output
    assert "those of phase val do not compare with them" in done.stdout
    assert "0.3641" in done.stdout
    assert "test truth" not in done.stdout
    assert not (fitted_nlb / "test_scores.json").exists()
    small = undertow("nlb", "score", "mc_maze_small", "--bin-ms", 20, "--folder", fitted_nlb)
    assert "no published scores of mc_maze_small at 20 ms bins are known here" in small.stdout


# --- the verb ------------------------------------------------------------------------------------


def test_a_copy_at_hand(undertow: Undertow, made: Path, tmp_path: Path) -> None:
    words = ("nlb", "truth", "--file", made, "--folder", tmp_path / "nlb", "--quiet")
    refused = undertow(*words)
    assert refused.exit_code == 2
    assert "is another file: it must have 105927616 bytes" in refused.stderr
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    done = undertow(*words, "--sha256", digest, "--size", made.stat().st_size)
    assert (done.exit_code, done.stderr) == (0, "")
    assert (tmp_path / "nlb" / "truth" / NAME).read_bytes() == made.read_bytes()


def test_errors_are_one_line_and_leave_nothing(
    undertow: Undertow, made: Path, archive: Archive, tmp_path: Path
) -> None:
    folder = ("--folder", tmp_path / "nlb", "--quiet")
    for words, message in (
        (("--address", archive.address(NAME)), "and eval_data_test.h5 has 105927616: check"),
        (("--address", archive.api), "answered 404"),
        (("--address", "nowhere"), "is not an http:// or https:// address"),
        (("--sha256", "abc"), "it must be 64 hexadecimal digits"),
        (("--size", 0), "it must be a whole number"),
        (("--file", made, "--address", archive.api), "--file and --address are both given"),
        (("--file", tmp_path / "no.h5"), "no.h5 is not there"),
    ):
        done = undertow("nlb", "truth", *words, *folder)
        assert done.exit_code == 2, words
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_says_what_is_kept(
    undertow: Undertow, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download, "sha256_of", interrupted)
        done = undertow(*asked(archive, tmp_path))
    assert done.exit_code == 130
    assert "what arrived is kept, and the same command goes on" in done.stderr
    assert [path.suffix for path in (tmp_path / "truth").iterdir()] == [".part"]
    assert undertow(*asked(archive, tmp_path)).exit_code == 0
