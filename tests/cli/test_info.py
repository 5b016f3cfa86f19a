"""`undertow info`: all that a file offers, in text fit for a terminal, also where it is damaged."""

from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Undertow
from tests.data.readers.nwb_files import write_nwb
from undertow.cli.info import in_words, shown

SPIKES = [np.arange(0.05, 4, 0.1)]


def test_tables_and_time_series_are_listed_with_their_units(
    undertow: Undertow, tmp_path: Path
) -> None:
    times = np.arange(0, 4, 0.01)
    trials = {"start_time": [0.0, 2.0], "stop_time": [1.0, 3.0]}
    series = {"hand_vel": (times, np.stack([times, times], axis=1)), "pupil": (times, times)}
    path = write_nwb(tmp_path / "a.nwb", SPIKES, trials, series=series)
    done = undertow("info", path)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "  tables: trials (2 rows): start_time, stop_time" in lines
    assert "  time series: hand_vel (400, 2) m/s" in lines
    assert "  time series: pupil (400,) m/s" in lines


def test_what_cannot_be_read_as_asked_is_listed_all_the_same(
    undertow: Undertow, tmp_path: Path
) -> None:
    path = write_nwb(tmp_path / "a.nwb", SPIKES, {"start_time": [0.0], "stop_time": [1.0]})
    done = undertow("info", path, "--align", "go")
    assert done.exit_code == 2
    assert "start_time, stop_time" in done.stdout
    assert "no column 'go'" in done.stderr


@pytest.mark.parametrize(
    "content", [b"plain text\n", b"\x80\x04\x95\x0b.", b"PK\x03\x04", b"\x93NUMPY"]
)
@pytest.mark.parametrize("suffix", [".npz", ".h5", ".nwb", ".mat", ".nc", ".csv", ".tsv"])
def test_a_file_that_is_really_something_else(
    undertow: Undertow, tmp_path: Path, content: bytes, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    done = undertow("info", path)
    assert done.exit_code == 2, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("undertow info: ")


def test_names_of_a_file_are_fit_for_a_terminal(undertow: Undertow, tmp_path: Path) -> None:
    spikes = np.ones((4, 5, 2))
    names = np.array(["\x1b[31mM1\n", "[bold]V1[/bold]"])
    np.savez(tmp_path / "a.npz", spikes=spikes, bin_ms=10, region=names)
    done = undertow("info", tmp_path / "a.npz")
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.stdout
    assert "\\x1b[31mM1\\n: 1, [bold]V1[/bold]: 1" in done.stdout


def test_long_lists_are_cut() -> None:
    assert shown([*range(20)]).endswith("11, … (20 in all)")
    assert in_words({"trial_columns": [*map(str, range(20))]})["trial columns"].endswith("18, 19")
    assert len(shown("x" * 10_000)) < 600
