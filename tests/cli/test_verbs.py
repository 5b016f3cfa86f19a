"""`evaluate`, `predict`, `simulate`, `info`, `demo`: end to end on small data."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray

from tests.cli.conftest import Undertow
from tests.conftest import make_small_trials
from undertow.data import TrialSet, load, write_hdf5
from undertow.experiments import load_model
from undertow.systems import simulate_lorenz


@pytest.mark.parametrize("which", ["fitted", "fitted_langevin"])
def test_evaluate_equals_scores_json(
    undertow: Undertow, recording: Path, tmp_path: Path, request: pytest.FixtureRequest, which: str
) -> None:
    run = request.getfixturevalue(which)
    done = undertow("evaluate", run, recording, "--out", tmp_path / "again.json")
    assert done.exit_code == 0, done.output
    mine = load_model(run / "model.safetensors").cli_name
    first = [
        row
        for row in json.loads((run / "scores.json").read_text())["scores"]
        if row["model"] in (mine, "true rates")
    ]
    again = json.loads((tmp_path / "again.json").read_text())["scores"]
    assert again == first
    assert "12 of 80 trials, the run's test trials" in done.stderr


def test_evaluate_takes_the_model_file_too_and_new_data_whole(
    undertow: Undertow, fitted: Path, tmp_path: Path
) -> None:
    new = write_hdf5(make_small_trials(seed=1), tmp_path / "new.h5")
    done = undertow("evaluate", fitted / "model.safetensors", new)
    assert done.exit_code == 0, done.output
    assert "80 of 80 trials, all trials" in done.stderr
    assert "co-bps" in done.stdout
    assert "true rates" in done.stdout
    assert "no psth R2: it needs the training trials, and they are not given" in done.stderr
    assert "no velocity R2, velocity R2 log-rate: no behaviour channel has 'vel'" in done.stderr


def test_evaluate_refuses_other_neurons(undertow: Undertow, fitted: Path, tmp_path: Path) -> None:
    few = write_hdf5(make_small_trials().select(neurons=slice(0, 6)), tmp_path / "few.h5")
    done = undertow("evaluate", fitted, few)
    assert done.exit_code == 2
    assert "4 of the model's 10 neurons are not in the data (6, 7, 8, 9)" in done.stderr


def test_numbers_alone_do_not_make_more_neurons_the_same(
    undertow: Undertow, fitted: Path, tmp_path: Path
) -> None:
    spikes = np.random.default_rng(0).poisson(0.3, (12, 20, 15)).astype(float)
    path = write_hdf5(TrialSet(spikes, 0.02), tmp_path / "other.h5")
    done = undertow("evaluate", fitted, path)
    assert done.exit_code == 2
    assert "15 neurons, numbered from 0, and the model was fitted on 10" in done.stderr
    chosen = undertow("evaluate", fitted, path, "--units", "0,1,2,3,4,5,6,7,8,9")
    assert "numbered from 0" not in chosen.stderr


@pytest.mark.parametrize(
    ("path", "rule"), [("nowhere", "is not there"), ("file.safetensors", "file.safetensors")]
)
def test_a_model_that_is_none(
    undertow: Undertow, recording: Path, tmp_path: Path, path: str, rule: str
) -> None:
    (tmp_path / "file.safetensors").write_bytes(b"not a model")
    done = undertow("evaluate", tmp_path / path, recording)
    assert done.exit_code == 2
    assert rule in done.stderr
    assert "Traceback" not in done.output


def test_predict_writes_netcdf_with_named_coordinates(
    undertow: Undertow, recording: Path, fitted_langevin: Path, tmp_path: Path
) -> None:
    done = undertow(
        "predict", fitted_langevin, recording, "--out", tmp_path / "p", "--samples", 4, "--csv"
    )
    assert done.exit_code == 0, done.output
    model, trials = load_model(fitted_langevin / "model.safetensors"), load(recording)
    expected = model.predict(trials.replace(heldout=model.heldout_), samples=4)
    with xarray.open_dataset(tmp_path / "p" / "predictions.nc", engine="h5netcdf") as found:
        assert found.rates.dims == ("trial", "time", "neuron")
        assert found.rates.attrs["units"] == "spikes/s"
        assert found.time.attrs["units"] == "s"
        np.testing.assert_allclose(found.time, trials.time_s)
        np.testing.assert_array_equal(found.neuron, trials.neuron_ids)
        np.testing.assert_array_equal(found.condition, trials.condition)
        np.testing.assert_allclose(found.rates, expected.rates, rtol=1e-5)
        assert found.z.dims == ("trial", "time", "z_dim")
        assert found.rate_samples.sizes["sample"] == 4
    with open(tmp_path / "p" / "rates.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:3] == ["trial", "time_s", "neuron_0"]
    assert len(rows) == 1 + 80 * 20
    np.testing.assert_allclose([float(v) for v in rows[21][2:]], expected.rates[1, 0], rtol=1e-4)
    assert {p.name for p in (tmp_path / "p").iterdir()} >= {"z.csv", "v.csv", "h.csv"}


def test_predict_never_overwrites(
    undertow: Undertow, recording: Path, fitted: Path, tmp_path: Path
) -> None:
    (tmp_path / "predictions.nc").write_text("mine")
    done = undertow("predict", fitted, recording, "--out", tmp_path)
    assert done.exit_code == 2
    assert (tmp_path / "predictions.nc").read_text() == "mine"


def test_predict_says_what_a_model_cannot(
    undertow: Undertow, recording: Path, fitted: Path, tmp_path: Path
) -> None:
    done = undertow("predict", fitted, recording, "--out", tmp_path / "p", "--samples", 5)
    assert done.exit_code == 2
    assert "no posterior to sample" in done.stderr
    assert not (tmp_path / "p").exists()


def test_simulate_writes_the_same_trials_as_python(undertow: Undertow, tmp_path: Path) -> None:
    settings = [
        "--set",
        "conditions=3",
        "--set",
        "trials_per_condition=[4,1,1]",
        "--set",
        "bins=20",
    ]
    done = undertow("simulate", "lorenz", "--out", tmp_path / "l.h5", "--seed", 4, *settings)
    assert done.exit_code == 0, done.output
    direct = simulate_lorenz(conditions=3, trials_per_condition=(4, 1, 1), bins=20, seed=4)
    written = load(tmp_path / "l.h5")
    np.testing.assert_array_equal(written.spikes, direct.spikes)
    np.testing.assert_allclose(written.truth, direct.truth, rtol=1e-6)
    np.testing.assert_array_equal(written.split, direct.split)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["lorentz", "--out", "l.h5"], "did you mean 'lorenz'?"),
        (["lorenz", "--out", "l.npz"], "does not end in .h5"),
        (["lorenz", "--out", "l.h5", "--set", "neurons=3"], "did you mean 'n_neurons'?"),
        (["lorenz", "--out", "l.h5", "--set", "conditions=-1"], "conditions"),
    ],
)
def test_simulate_refuses(
    undertow: Undertow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], rule: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = undertow("simulate", *words)
    assert done.exit_code == 2
    assert rule in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_info_names_what_the_file_holds(undertow: Undertow, recording: Path) -> None:
    done = undertow("info", recording)
    assert done.exit_code == 0, done.output
    for line in (
        r"trials\s+80",
        r"neurons\s+10",
        r"bin s\s+0.02",
        r"behavior\s+x, y",
        r"conditions\s+0: 20, 1: 20",
    ):
        assert re.search(rf"^{line}", done.stdout, re.MULTILINE), line


def test_info_on_a_missing_file(undertow: Undertow) -> None:
    done = undertow("info", "none.nwb")
    assert done.exit_code == 2
    assert done.stderr == "undertow info: none.nwb is not there: check the path.\n"


def test_demo_runs_the_whole_path(
    undertow: Undertow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = simulate_lorenz(conditions=4, n_neurons=6, bins=20)
    monkeypatch.setattr("undertow.systems.simulate_lorenz", lambda: small)
    done = undertow("demo", "--out", tmp_path / "demo", "--seconds", 2, "--quiet")
    assert done.exit_code == 0, done.output
    assert "rate R2" in done.stdout
    assert re.search(r"^fit: \d+\.\d s\b", done.stdout, re.MULTILINE)
    assert f"report: {tmp_path / 'demo' / 'report.html'}" in done.stdout


def test_version(undertow: Undertow) -> None:
    from undertow import __version__

    assert undertow("--version").stdout == f"undertow {__version__}\n"
