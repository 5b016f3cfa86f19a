"""`undertow compare`: its files, resuming, and what it refuses."""

import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Undertow

WORDS = ["--heldout", 3, "--folds", 2, "--models", "psth-gain,mean-rate,condition-average"]


@pytest.fixture(scope="module")
def out(undertow: Undertow, recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished comparison."""
    out = tmp_path_factory.mktemp("runs") / "comparison"
    done = undertow("compare", recording, "--out", out, *WORDS, "--train-trials", "12")
    assert done.exit_code == 0, done.output
    assert "psth-gain fold 0 seed 0: " in done.stderr
    assert done.stdout.splitlines()[0].split("  ")[0] == "model"
    assert "co-bps: best " in done.stdout
    return out


def test_it_writes_its_files(out: Path) -> None:
    names = {p.name for p in out.iterdir()}
    kinds = {f"comparison.{kind}" for kind in ("html", "csv", "md", "json")}
    assert names == {"run.json", "cells", *kinds}
    with (out / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == {"psth-gain", "mean-rate", "condition-average"}


def test_it_goes_on_and_takes_further_models(
    undertow: Undertow, recording: Path, out: Path
) -> None:
    before = {p.name: p.stat().st_mtime_ns for p in (out / "cells").glob("mean-rate*.npz")}
    words = [*WORDS[:-1], "psth-gain,mean-rate,smoothing"]
    done = undertow("compare", recording, "--out", out, *words, "--resume")
    assert done.exit_code == 0, done.output
    assert "smoothing" in (out / "comparison.md").read_text()
    assert before == {p.name: p.stat().st_mtime_ns for p in (out / "cells").glob("mean-rate*.npz")}


def test_settings_name_their_model(undertow: Undertow, recording: Path, tmp_path: Path) -> None:
    done = undertow(
        "compare",
        recording,
        "--out",
        tmp_path / "c",
        *WORDS,
        "--set",
        "psth-gain.added_spikes=3",
        "--dry-run",
    )
    assert done.exit_code == 0, done.output
    assert "added_spikes=3" in done.output
    assert not (tmp_path / "c").exists()


def test_each_model_is_tuned_with_the_same_budget(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    words = ["--heldout", 3, "--folds", 2, "--models", "pca,ridge", "--tries", 3]
    done = undertow("compare", recording, "--out", tmp_path / "c", *words)
    assert done.exit_code == 0, done.output
    held = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert held["tries"] == 3
    assert [each["settings tried"] for each in held["models"].values()] == [3, 3]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--models", "lsd,gpfa"], "no model 'lsd'"),
        (["--models", ","], "--models names none"),
        (["--models", "gpfa,gpfa"], "compared with itself"),
        (["--set", "latent_dim=3"], "names no model that is compared"),
        (["--set", "smoothin.width_s=3"], "names no model that is compared"),
        (["--models", "smoothing", "--set", "smoothing.width=3"], "width_s"),
        (["--models", "smoothing", "--set", "smoothing.width_s=-3"], "width_s is -3"),
        (["--preset", "auto"], "--preset is of one model"),
        (["--train-trials", "ten"], "--train-trials ten are not whole numbers"),
        (["--train-trials", "1"], "at least 2|from 2"),
        (["--budget", "-1"], "budget"),
        (["--tries", "0"], "--tries is 0"),
        (["--folds", "1"], "--folds is 1"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    undertow: Undertow, recording: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    import re

    done = undertow("compare", recording, "--out", tmp_path / "c", "--heldout", 3, *words)
    assert done.exit_code == 2, done.output
    assert re.search(message, " ".join(done.output.split())), done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "c").exists()
