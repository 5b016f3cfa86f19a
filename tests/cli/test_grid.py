"""`undertow grid`, and shards of every verb that fits several times."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Undertow

WORDS = ["--heldout", 3, "--folds", 2, "--models", "psth-gain,mean-rate", "--quiet"]


@pytest.fixture
def two(recording: Path, tmp_path: Path) -> Path:
    """A folder of two recordings."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in ("monday.h5", "tuesday.h5"):
        shutil.copy(recording, folder / name)
    return folder


def test_models_are_compared_on_each_recording(undertow: Undertow, two: Path) -> None:
    out = two.parent / "out"
    done = undertow("grid", two, "--out", out, *WORDS)
    assert done.exit_code == 0, done.output
    kinds = {f"grid.{kind}" for kind in ("csv", "md", "json")}
    assert {path.name for path in out.iterdir()} == {
        "run.json",
        "cells",
        "monday",
        "tuesday",
    } | kinds
    with (out / "grid.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["recording"], row["model"]) for row in rows} == {
        (day, model) for day in ("monday", "tuesday") for model in ("psth-gain", "mean-rate")
    }
    assert (out / "monday" / "comparison.html").exists()
    held = json.loads((out / "run.json").read_text())
    assert held["data"]["monday"] == held["data"]["tuesday"]
    assert held["source"]["monday"]["path"].endswith("monday.h5")
    assert "level with the best by co-bps, of 2 recordings: mean-rate on 2" in done.stdout


def test_a_dry_run_says_what_each_recording_takes(undertow: Undertow, two: Path) -> None:
    done = undertow("grid", two, "--out", two.parent / "out", *WORDS, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "tuesday, psth-gain" in done.output
    assert not (two.parent / "out").exists()


def test_recordings_of_one_name_are_refused(undertow: Undertow, two: Path, recording: Path) -> None:
    other = two.parent / "monday.h5"
    shutil.copy(recording, other)
    done = undertow("grid", two, other, "--out", two.parent / "out", *WORDS)
    assert done.exit_code == 2
    assert "told apart by the names of their files" in done.stderr


@pytest.mark.parametrize(
    ("words", "result"),
    [
        (["grid", *WORDS], "grid.json"),
        (["compare", *WORDS], "comparison.json"),
        (
            ["ablate", "--heldout", 3, "--folds", 2, "--arms", "full,no-langevin", "--quiet"],
            "ablation.json",
        ),
        (["fit", "--model", "smoothing", "--heldout", 3, "--folds", 2, "--quiet"], "scores.json"),
    ],
)
def test_shards_of_one_folder_end_with_the_results_of_all(
    undertow: Undertow, recording: Path, tmp_path: Path, words: list, result: str
) -> None:
    verb, *more = words
    if verb == "ablate":
        more += ["--set", "latent_dim=8", "--set", "training.epochs=1", "--set", "samples=3"]
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    assert undertow(verb, recording, "--out", alone, *more).exit_code == 0
    first = undertow(verb, recording, "--out", shared, *more, "--shard", "2/2")
    assert first.exit_code == 0, first.output
    assert "shard 2/2 is done, and" in first.stderr
    assert not (shared / result).exists()
    refused = undertow(verb, recording, "--out", shared, *more, "--split-seed", 3, "--shard", "1/2")
    assert refused.exit_code == 2
    assert "holds another run" in refused.stderr
    second = undertow(verb, recording, "--out", shared, *more, "--shard", "1/2")
    assert second.exit_code == 0, second.output
    assert {p.name for p in shared.iterdir()} == {p.name for p in alone.iterdir()}
    names = [{p.name for p in (each / "cells").iterdir()} for each in (alone, shared)]
    assert names[0] == names[1]
    scores = [json.loads((each / result).read_text()) for each in (alone, shared)]
    if "scores" in scores[0]:
        assert scores[0]["scores"] == scores[1]["scores"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "--shard", "1/2"], "--shard is of several fits, and this is one"),
        (["fit", "--workers", 2], "--workers is of several fits, and this is one"),
        (["fit", "--folds", 2, "--shard", "3/2"], "it must be K/N"),
        (["compare", "--shard", "1/2", "--budget", 1], "leave out --shard or --budget"),
        (["compare", "--engine", "dask"], "workers.engine is 'dask'"),
        (["compare", "--engine", "local", "--address", "auto"], "an address is of Ray"),
    ],
)
def test_what_cannot_be_shared_is_refused(
    undertow: Undertow, recording: Path, tmp_path: Path, words: list, message: str
) -> None:
    verb, *more = words
    done = undertow(verb, recording, "--out", tmp_path / "out", *more)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (tmp_path / "out").exists()
