"""`Reading`: declared once, offered by every verb that reads data, passed on where given."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main

from tests.cli.conftest import Undertow
from undertow.cli.app import app
from undertow.cli.reading import OF_THE_MODEL, READERS_WORDS, Reading, in_flags, parse_window
from undertow.data.readers.load import FORMATS, options_of
from undertow.errors import DataError, UndertowError
from undertow.experiments import SavedRun, preparing

GIVEN: dict[str, tuple[str, str, Any]] = {
    "bin_ms": ("40", "bin_s", 0.04),
    "align": ("go", "align", "go"),
    "window": ("-0.25,0.45", "window_s", (-0.25, 0.45)),
    "units": ("region==M1 and depth>10", "units", "region==M1 and depth>10"),
    "trials": ("success==1", "trials", "success==1"),
    "table": ("epochs", "table", "epochs"),
    "condition": ("target, cue", "condition", ["target", "cue"]),
    "behavior": ("hand_vel", "behavior", ["hand_vel"]),
    "stimulus": ("tone,light", "stimulus", ["tone", "light"]),
    "label": ("choice", "label", ["choice"]),
    "spikes": ("data.spikes", "spikes", "data.spikes"),
    "axes": ("neurons,time,trials", "axes", "neurons,time,trials"),
    "dims": ("trial,bin,unit", "dims", ["trial", "bin", "unit"]),
    "events": ("go,stop", "events", ["go", "stop"]),
    "cut": ("2.5", "cut_s", 2.5),
    "file_bin_ms": ("5", "file_bin_s", 0.005),
    "sample_rate": ("30000", "sample_rate_hz", 30000.0),
    "clock": ("trial", "clock", "trial"),
    "in_memory": ("no", "in_memory", False),
}
"""Option → its text, the reader's name for it, what the reader gets."""
AFTERWARDS = ("min_rate", "forward_bins")
"""Options of every format, used once the file is read."""


def flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `load` was called with; reading ends there."""
    found: dict[str, Any] = {}

    def load(path: Path, **options: Any) -> None:
        found.update(options)
        raise DataError("enough.")

    monkeypatch.setattr(preparing, "load", load)
    return found


def test_every_option_is_tried_here() -> None:
    assert {each.name for each in fields(Reading)} == {*GIVEN, *AFTERWARDS}
    assert set(READERS_WORDS) == {each.name for each in fields(Reading)} - {"bin_ms"}


def test_every_option_of_every_reader_can_be_given() -> None:
    offered = {name for name, _ in READERS_WORDS.values()}
    missing = {f"{form}: {name}" for form in FORMATS for name in options_of(form)} - {
        f"{form}: {name}" for form in FORMATS for name in offered
    }
    assert not missing


@pytest.mark.parametrize("verb", ["fit", "ablate", "latents", "info", "evaluate", "predict"])
def test_every_verb_that_reads_data_has_every_option(verb: str) -> None:
    commands: Any = typer.main.get_command(app)
    offered = {each.name for each in commands.commands[verb].params}
    missing = {each.name for each in fields(Reading)} - offered
    assert missing == (set(OF_THE_MODEL) if verb in ("evaluate", "predict") else set())


@pytest.mark.parametrize("option", GIVEN)
def test_an_option_reaches_the_reader(undertow: Undertow, asked: dict, option: str) -> None:
    text, name, value = GIVEN[option]
    done = undertow("fit", "any.npz", "--model", "smoothing", "--dry-run", f"{flag(option)}={text}")
    assert done.exit_code == 2
    assert "enough." in done.stderr
    assert asked == {"bin_s": None, name: value}
    assert type(asked[name]) is type(value)


@pytest.mark.parametrize("verb", ["ablate", "latents"])
def test_verbs_over_many_fits_read_the_same_way(
    undertow: Undertow, asked: dict, verb: str, tmp_path: Path
) -> None:
    words = ["--cut", 2, "--bin-ms", 10, "--units", "group==good", "--out", tmp_path / "new"]
    assert undertow(verb, "any.npz", *words).exit_code == 2
    assert asked == {"bin_s": 0.01, "cut_s": 2.0, "units": "group==good"}
    assert not (tmp_path / "new").exists()


def test_a_config_file_holds_them_and_the_command_line_wins(
    undertow: Undertow, asked: dict, tmp_path: Path
) -> None:
    config = tmp_path / "c.toml"
    config.write_text('spikes = "a"\nfile-bin-ms = 5\ncut = 2\nmodel = "smoothing"\n')
    undertow("fit", "any.npz", "--dry-run", "--config", config, "--spikes", "b")
    assert asked == {"bin_s": None, "spikes": "b", "file_bin_s": 0.005, "cut_s": 2.0}


def test_nothing_given_is_nothing_passed_on() -> None:
    assert Reading().options() == {}
    assert Reading().bin_s is None
    assert Reading(bin_ms=5).bin_s == 0.005


def test_one_name_of_events_may_be_a_file() -> None:
    assert Reading(events="session/events.csv").options() == {"events": "session/events.csv"}


@pytest.mark.parametrize("text", ["1", "a,b", "1,2,3", ""])
def test_a_window_is_two_numbers(text: str) -> None:
    for refuse in (parse_window, lambda window: Reading(window=window)):
        with pytest.raises(UndertowError, match="is not START,STOP in seconds"):
            refuse(text)


def test_an_option_the_format_lacks_is_refused_by_name(
    undertow: Undertow, recording: Path, tmp_path: Path
) -> None:
    done = undertow("fit", recording, "--out", tmp_path / "new", "--cut", 2)
    assert done.exit_code == 2
    assert "have no option cut_s" in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Counts whose file does not say how wide its bins are; neuron 0 hardly fires."""
    spikes = np.random.default_rng(0).poisson(0.5, (40, 20, 6))
    spikes[..., 0] = 0
    spikes[0, 0, 0] = 1
    np.savez(tmp_path / "bare.npz", spikes=spikes)
    return tmp_path / "bare.npz"


def test_info_reads_as_fit_does(undertow: Undertow, bare: Path) -> None:
    words = ["--file-bin-ms", 5, "--bin-ms", 10, "--min-rate", 1, "--forward-bins", 3]
    done = undertow("info", bare, *words)
    assert done.exit_code == 0, done.output
    lines = {" ".join(line.split()) for line in done.stdout.splitlines()}
    assert {"neurons 5", "bins 10", "forward bins 3", "bin s 0.01"} <= lines


@pytest.mark.usefixtures("no_report")
def test_a_run_remembers_how_its_data_were_read(
    undertow: Undertow, bare: Path, tmp_path: Path
) -> None:
    quick = ["--set", "width_s=0.04", "--set", "floor_hz=0.5", "--set", "penalty=0.1"]
    words = ["--model", "smoothing", *quick, "--file-bin-ms", 5, "--min-rate", 1]
    out = tmp_path / "run"
    done = undertow("fit", bare, "--out", out, *words)
    assert done.exit_code == 0, done.output
    source = json.loads((out / "run.json").read_text())["source"]
    assert source == {"path": str(bare), "file_bin_s": 0.005, "min_rate_hz": 1.0}
    again = undertow("evaluate", out, bare)
    assert again.exit_code == 0, again.output
    assert "the run's test trials" in again.stderr
    assert undertow("predict", out, bare, "--out", tmp_path / "p").exit_code == 0


def test_events_of_another_recording_are_not_taken_over(tmp_path: Path, fitted: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text("time\n1\n")
    saved = SavedRun.open(fitted)
    about = {"source": {"path": "one", "events": str(events)}}
    with pytest.raises(DataError, match="fitted with the events of one"):
        SavedRun(saved.model, about).read(tmp_path / "another")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("leave it out and pass cut_s, or", "leave it out and pass cut_s (--cut), or"),
        ("pass file_bin_s.", "pass file_bin_s (--file-bin-ms)."),
        ("bin_s is 0.03 s: it must", "bin_s (--bin-ms) is 0.03 s: it must"),
        ("check align and window_s.", "check align and window_s (--window)."),
        ("or pass sample_rate_hz=….", "or pass --sample-rate …."),
        ("choose one with spikes=….", "choose one with --spikes …."),
        ('choose with units="group!=noise".', 'choose with --units "group!=noise".'),
        ("axes='time,trials,neurons'.", "--axes 'time,trials,neurons'."),
        ("lower min_rate_hz.", "lower min_rate_hz (--min-rate)."),
        ("cut it with cut(window_s=…).", "cut it with cut(window_s=…)."),
        ("/data/bin_s/x.npz: no min_rate_hz_2", "/data/bin_s/x.npz: no min_rate_hz_2"),
    ],
)
def test_messages_name_the_flags(message: str, shown: str) -> None:
    assert in_flags(message) == shown


def test_units_of_counts_are_chosen_on_the_command_line(undertow: Undertow, tmp_path: Path) -> None:
    spikes = np.random.default_rng(0).poisson(1.0, (10, 5, 3))
    np.savez(tmp_path / "a.npz", spikes=spikes, bin_ms=10, region=["MOp", "CP", "MOp"])
    done = undertow("info", tmp_path / "a.npz", "--units", "region==MOp", "--trials", "trial_id<4")
    assert done.exit_code == 0, done.output
    lines = {" ".join(line.split()) for line in done.stdout.splitlines()}
    assert {"neurons 2", "trials 4", "regions MOp: 2"} <= lines


def test_an_answer_is_yes_or_no() -> None:
    assert Reading(in_memory="yes").options() == {"in_memory": True}
    with pytest.raises(UndertowError, match="--in-memory maybe is no answer: write yes or no"):
        Reading(in_memory="maybe")
