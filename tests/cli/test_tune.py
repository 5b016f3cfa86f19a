"""`undertow tune`: what is searched, what it writes, and going on after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Undertow
from undertow.baselines import PCA
from undertow.cli.searching import parse_space
from undertow.errors import UndertowError
from undertow.experiments.workers.ray_guard import mark_of, marked
from undertow.models import Choices, LangevinFlow, Range

WORDS = ("--model", "pca", "--heldout", 3, "--set", "latent_dim=2", "--set", "penalty=0.1")
VARIED = ("--space", "width_s=0.01:0.1:log", "--samples", 3)
TINY = (
    *("--heldout", 3, "--set", "latent_dim=8", "--set", "encoder.hidden_dim=8"),
    *("--set", "decoder.width=8", "--set", "decoder.heads=2", "--set", "samples=2"),
    *("--set", "training.epochs=40", "--set", "training.checkpoint_seconds=0"),
    *("--search", "pbt", "--samples", 4, "--slices", 20, "--workers", 1, "--seed", 3),
)
START = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by a background parent
from undertow.cli.start import main
main()
"""
WAIT_S = 300.0


@pytest.mark.usefixtures("no_report")
def test_a_search_from_the_command_line(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = undertow("tune", recording, "--out", out, *WORDS, *VARIED)
    assert done.exit_code == 0, done.output
    assert {"run.json", "model.safetensors", "tune.json"} <= {each.name for each in out.iterdir()}
    held = json.loads((out / "tune.json").read_text())
    assert held["space"] == {"width_s": {"low": 0.01, "high": 0.1, "scale": "log", "whole": False}}
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["trial", "validation", "seconds", "state", "width_s"]
    assert lines[4].startswith("Settings are the best of 3 samples")
    assert any(line.startswith("co-bps") for line in lines)
    assert "trial 2: validation" in done.stderr
    refused = undertow("tune", recording, "--out", out, *WORDS, *VARIED)
    assert (refused.exit_code, "--resume" in refused.stderr) == (2, True)
    again = undertow("tune", recording, "--out", out, *WORDS, *VARIED, "--resume", "--quiet")
    assert again.exit_code == 0, again.output
    assert "trial 2" not in again.stderr


def test_a_dry_run_says_what_is_varied_and_writes_nothing(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    done = undertow("tune", recording, "--out", tmp_path / "out", *TINY, "--dry-run")
    if find_spec("ray") is None:
        assert done.exit_code == 2
        return
    assert done.exit_code == 0, done.output
    assert "Range(low=0.02, high=0.5)" in done.stdout
    assert "4 trainings × at most about" in done.stdout
    varied = [line.split()[0] for line in done.stdout.splitlines()[3:-1]]
    assert set(varied) <= {name.replace("__", ".") for name in LangevinFlow.adjustable}
    assert not (tmp_path / "out").exists()


def test_without_ray_nothing_is_begun(
    undertow: Undertow, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undertow.experiments.search.searching.find_spec", lambda name: None)
    for words in (TINY, (*WORDS, *VARIED, "--engine", "ray"), (*WORDS, "--address", "auto")):
        done = undertow("tune", recording, "--out", tmp_path / "out", *words)
        assert done.exit_code == 2
        last = done.stderr.splitlines()[-1]
        assert last.startswith("undertow tune: Ray is not installed")
        assert "pip install 'undertow[tune]'" in last
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("--search", "grid"), "search.kind is 'grid'"),
        (("--space", "dropout"), "is not KEY=LOW:HIGH or KEY=A,B,C"),
        (("--space", "dropout=0.3:0.1"), "the lower first"),
        (("--space", "dropot=0.1:0.3"), "did you mean 'dropout'"),
        (("--space", "dropout=low:high"), "dropout"),
        (("--set", "dropout=0.1", "--space", "dropout=0.1:0.3"), "is both set and varied"),
        (("--space", "training.monitor=auto,likelihood"), "could not be compared"),
        (("--preset", "auto"), "training.recipes is a search of its own"),
        (("--model", "mean-rate"), "has no search space of its own"),
        (("--samples", "0"), "search.samples is 0"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    undertow: Undertow, recording: Path, tmp_path: Path, words: tuple[str, ...], rule: str
) -> None:
    done = undertow("tune", recording, "--out", tmp_path / "out", *words)
    assert done.exit_code == 2
    assert rule in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("dropout=0:0.5", Range(0.0, 0.5)),
        ("training.learning_rate = 1e-4 : 1e-2 : log", Range(1e-4, 1e-2, "log")),
        ("latent_dim=8:64:linear", Range(8, 64, whole=True)),
        ("latent_dim=8,16", Choices((8, 16))),
        ("dropout=0.1,none", Choices((0.1, None))),
        ("coordinated_dropout=0.1:0.3", Range(0.1, 0.3)),
        ("coordinated_dropout=[0.2, [0, 0.5]]", Choices((0.2, (0.0, 0.5)))),
        ("encoder=gru,linear", Choices(("gru", "linear"))),
        ("causal=true", Choices((True,))),
    ],
)
def test_text_becomes_what_is_varied(text: str, held: Any) -> None:
    name = text.partition("=")[0].strip().replace(".", "__")
    assert parse_space(LangevinFlow(), [text]) == {name: held}


@pytest.mark.parametrize("text", ["latent_dim=", "latent_dim=[]", "latent_dim=[8", "=1:2"])
def test_text_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(UndertowError):
        parse_space(PCA(), [text])


# --- killed --------------------------------------------------------------------------------------


def start(*words: object) -> subprocess.Popen[str]:
    """A driver of its own."""
    command = [sys.executable, "-c", START, *map(str, words)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def slices(out: Path) -> list[int]:
    """Slices done of each trial."""
    files = sorted((out / "search").glob("*/trial.json"))
    return [len(json.loads(each.read_text())["best"]) for each in files]


def wait_until(condition: Any) -> None:
    until = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: undertow[tune]")
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_search_that_was_ended_goes_on_and_leaves_no_process(
    recording: Path, tmp_path: Path, ending: signal.Signals
) -> None:
    out, mark = tmp_path / "out", mark_of(tmp_path / "out" / "search")
    with start("tune", recording, "--out", out, *TINY) as process:
        wait_until(lambda: sum(slices(out)) >= 6 or process.poll() is not None)
        assert marked(mark)
        process.send_signal(ending)
        _, said = process.communicate(timeout=WAIT_S)
    if ending == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 128 + ending
        assert said.splitlines()[-1].endswith("The same command with --resume goes on.")
    wait_until(lambda: not marked(mark))
    before = slices(out)
    assert 0 < sum(before) < 4 * 20
    with start("tune", recording, "--out", out, *TINY, "--resume") as process:
        _, said = process.communicate(timeout=2 * WAIT_S)
    assert process.returncode == 0, said
    assert slices(out) == [20] * 4
    assert not marked(mark)
    held = json.loads((out / "tune.json").read_text())
    assert [each["state"] for each in held["trials"]] == ["finished"] * 4
    # what was done before the end was kept: no training of a slice was made twice
    assert all(now >= then for then, now in zip(before, slices(out), strict=False))
    assert os.path.exists(out / "report.html")
