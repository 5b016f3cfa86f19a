"""The command line on real recordings, with the smoothing baseline."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray

from tests.cli.conftest import Undertow

Find = Callable[[str], Path]
QUICK = ["--set", "width_s=0.05", "--set", "floor_hz=0.5", "--set", "penalty=0.1"]


@pytest.mark.usefixtures("no_report")
def test_a_reach_recording(undertow: Undertow, test_data: Find, tmp_path: Path) -> None:
    path = test_data("maze_reach_5ms.npz")
    words = ["--bin-ms", 20, "--heldout", 40, "--model", "smoothing", *QUICK]
    done = undertow("fit", path, "--out", tmp_path / "run", *words)
    assert done.exit_code == 0, done.output
    scores = {
        s["name"]: s for s in json.loads((tmp_path / "run" / "scores.json").read_text())["scores"]
    }
    assert {"co-bps", "psth R2", "velocity R2", "velocity R2 log-rate"} <= set(scores)
    assert 0.05 < scores["co-bps"]["value"] < 0.4
    assert scores["co-bps"]["n_neurons"] == 40
    assert scores["co-bps"]["n_trials"] == 19
    again = undertow("evaluate", tmp_path / "run", path)
    assert f"{scores['co-bps']['value']:.3f}" in again.stdout


@pytest.mark.usefixtures("no_report")
def test_an_nwb_file_keeps_its_reading_options(
    undertow: Undertow, test_data: Find, tmp_path: Path
) -> None:
    path = test_data("mc_maze_small_desc-test_ecephys.nwb")
    reading = ["--align", "move_onset_time", "--window", "-0.25,0.45", "--forward-bins", 5]
    done = undertow(
        "fit", path, "--out", tmp_path / "run", "--model", "smoothing", *reading, *QUICK
    )
    assert done.exit_code == 0, done.output
    assert "warning: the file's split labels name only test" in done.stderr
    assert {"co-bps", "fp-bps"} <= set(done.stdout.split())
    predicted = undertow("predict", tmp_path / "run", path, "--out", tmp_path / "p")
    assert predicted.exit_code == 0, predicted.output
    with xarray.open_dataset(tmp_path / "p" / "predictions.nc", engine="h5netcdf") as found:
        assert found.time.attrs["event"] == "move_onset_time"
        assert found.time.values[0] == pytest.approx(-0.24)
        assert found.sizes == {"trial": 100, "time": 35, "neuron": 107}
        assert int(found.heldout.sum()) == 26
        assert found.attrs["forward_bins"] == 5


def test_info_on_an_nwb_file(undertow: Undertow, test_data: Find) -> None:
    done = undertow("info", test_data("mc_maze_small_desc-test_ecephys.nwb"))
    assert done.exit_code == 0, done.output
    assert "move_onset_time" in done.stdout
    assert "PMd: 107" in done.stdout


@pytest.mark.usefixtures("no_report")
def test_a_table_of_spikes(undertow: Undertow, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    lines = [f"{rng.integers(3)},{rng.uniform():.4f},{k % 20}" for k in range(600)]
    path = tmp_path / "spikes.csv"
    path.write_text("\n".join(["unit,time,trial", *lines]))
    words = ["--bin-ms", 50, "--heldout", 1, "--model", "smoothing", *QUICK]
    done = undertow("fit", path, "--out", tmp_path / "run", *words)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / "scores.json").is_file()
    assert undertow("evaluate", tmp_path / "run", path).exit_code == 0
