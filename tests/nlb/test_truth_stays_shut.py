"""Nothing that prepares, fits or chooses reaches the truth of test trials: neither by its imports
nor when it runs."""

import builtins
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.cli.conftest import undertow
from tests.import_graph import ImportGraph
from tests.nlb.made_sets import make_set
from tests.nlb.made_truth import write_truth
from undertow.nlb import read_submission, truth
from undertow.nlb.truth import PUBLISHED_FILE, truth_file

__all__ = ["undertow"]
ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "undertow"
TRUTH = "undertow.nlb.truth"
MAY_REACH_IT = {
    TRUTH,
    "undertow.nlb",  # hands its names on, and imports them on first use
    "undertow.nlb.truth_scores",
    "undertow.cli.nlb.truth",
    "undertow.cli.nlb.score",
    "undertow.cli.nlb.app",
    "undertow.cli.app",
    "undertow.cli.start",
    "undertow.__main__",
}
TINY = ("latent_dim=8", "encoder.hidden_dim=8", "decoder.width=8", "decoder.heads=2", "samples=2")
LOOP = ("training.epochs=2", "training.batch_size=4", "training.validate_every=1")
LANGEVIN = [word for pair in (*TINY, *LOOP) for word in ("--set", pair)]


def test_only_a_score_and_the_fetcher_can_import_it() -> None:
    """Directly, or by way of any module that imports them."""
    edges = ImportGraph(SOURCE).edges()
    reach = {TRUTH}
    while more := {module for module, needed in edges.items() if needed & reach} - reach:
        reach |= more
    assert reach == MAY_REACH_IT
    named = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if PUBLISHED_FILE.name.removesuffix(".h5") in path.read_text(encoding="utf-8")
    }
    assert named == {"nlb/truth.py", "cli/nlb/truth.py"}


def test_a_fit_leaves_it_unimported() -> None:
    code = (
        "import sys, tempfile\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from tests.nlb.random_tensors import random_tensors\n"
        "from undertow import experiments, models, nlb, training\n"
        "from undertow.baselines import Smoothing\n"
        "tensors, folder = random_tensors('mc_maze', 20), Path(tempfile.mkdtemp())\n"
        "for phase in ('val', 'test'):\n"
        "    nlb.fit_nlb(replace(tensors, phase=phase), Smoothing(), folder / phase)\n"
        "print('scores', (folder / 'val/scores.json').exists(),"
        " (folder / 'test/scores.json').exists())\n"
        f"print('reached', {TRUTH!r} in sys.modules)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-2:] == ["scores True False", "reached False"]


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every way to open a file refuses the truth, and so does its reader; what was tried."""
    tried: list[str] = []

    def refuse(what: Any) -> None:
        if PUBLISHED_FILE.name in str(what):
            tried.append(str(what))
            raise AssertionError(f"{what} was opened")

    class Guarded(h5py.File):
        def __init__(self, name: Any, *args: Any, **options: Any) -> None:
            refuse(name)
            super().__init__(name, *args, **options)

    def reader(path: Any, *_: Any) -> None:
        refuse(PUBLISHED_FILE.name)

    opened = io.open

    def guarded_open(file: Any, *args: Any, **options: Any) -> Any:
        refuse(file)
        return opened(file, *args, **options)

    monkeypatch.setattr(h5py, "File", Guarded)
    monkeypatch.setattr(builtins, "open", guarded_open)
    monkeypatch.setattr(io, "open", guarded_open)
    for name in ("read_truth", "truth_sha256", "is_published"):
        monkeypatch.setattr(truth, name, reader)
        if name != "is_published":
            monkeypatch.setattr(f"undertow.nlb.truth_scores.{name}", reader)
    return tried


@pytest.mark.filterwarnings("ignore:.*latent coordinates", "ignore:.* are bins of training trials")
def test_preparing_and_fitting_never_open_it(
    undertow: Any, poisoned: list[str], tmp_path: Path
) -> None:
    """In both phases, with choices on validation trials and without; only a score tries to."""
    folder, made = tmp_path / "nlb", make_set("mc_maze", tmp_path / "nwb")
    truth_file(folder).parent.mkdir(parents=True)
    write_truth(tmp_path / "made.h5", ("mc_maze",)).rename(truth_file(folder))
    for phase in ("val", "test"):
        words = ("--bin-ms", 20, "--phase", phase, "--folder", folder)
        for step in (
            ("prepare", "mc_maze", made.folder),
            ("fit", "mc_maze", "--model", "smoothing", "--quiet"),
            ("fit", "mc_maze", *LANGEVIN, "--quiet"),
            ("fit", "mc_maze", *LANGEVIN, "--dry-run", "--out", "planned"),
        ):
            done = undertow("nlb", *step, *words)
            assert done.exit_code == 0, done.output
    assert undertow("nlb", "score", "mc_maze", "--bin-ms", 20, "--folder", folder).exit_code == 0
    assert poisoned == []
    score = ("nlb", "score", "mc_maze", "--bin-ms", 20, "--phase", "test", "--folder", folder)
    assert undertow(*score).exit_code == 1
    assert poisoned != []


def test_rates_are_the_same_with_the_truth_and_without(undertow: Any, tmp_path: Path) -> None:
    made = make_set("mc_rtt", tmp_path / "nwb")
    found = {}
    for name in ("with", "without"):
        folder = tmp_path / name
        if name == "with":
            truth_file(folder).parent.mkdir(parents=True)
            write_truth(tmp_path / "made.h5", ("mc_rtt",)).rename(truth_file(folder))
        words = ("--bin-ms", 20, "--phase", "test", "--folder", folder)
        assert undertow("nlb", "prepare", "mc_rtt", made.folder, *words).exit_code == 0
        words = ("mc_rtt", *words, "--model", "smoothing", "--quiet")
        assert undertow("nlb", "fit", *words).exit_code == 0
        found[name] = read_submission(folder / "mc_rtt_20_test" / "smoothing" / "rates.h5")
    for name, rates in found["with"]["mc_rtt_20"].items():
        np.testing.assert_array_equal(rates, found["without"]["mc_rtt_20"][name], err_msg=name)
