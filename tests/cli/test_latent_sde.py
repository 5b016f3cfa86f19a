"""`--model latent-sde` on the command line: fit, evaluate, predict in both modes, and what is
refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray

from tests.cli.conftest import Undertow
from tests.conftest import make_small_trials
from undertow.data import TrialSet, write_hdf5
from undertow.dynamics import CoupledOscillators
from undertow.evaluation import spread_factor, widened
from undertow.experiments import SavedRun, load_model
from undertow.models import LatentSDE

TINY = [
    "encoder.hidden_dim=4",
    "posterior.hidden_dim=4",
    "decoder.width=4",
    "samples=2",
    "training.epochs=1",
]
SETS = [word for setting in TINY for word in ("--set", setting)]


def make_trials() -> TrialSet:
    trials = make_small_trials()
    stimulus = np.repeat(np.random.default_rng(0).normal(size=(80, 1, 1)), 20, axis=1)
    return trials.replace(stimulus=stimulus, labels={"choice": np.arange(80) % 2})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hdf5(make_trials(), tmp_path_factory.mktemp("data") / "driven.h5")


@pytest.fixture(scope="module")
def run(undertow: Undertow, file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny fit; dynamics from a config file, a setting of theirs from the command line."""
    folder = tmp_path_factory.mktemp("runs")
    config = folder / "sde.toml"
    config.write_text(
        'model = "latent-sde"\ndynamics = "coupled-oscillators"\nheldout = 3\n'
        "[set]\nlatent_dim = 8\n"
        '[set.dynamics]\ncoupling = "none"\nnoise = true\n'
    )
    out = folder / "out"
    words = ["--config", config, *SETS, "--set", "dynamics.coupling=diffusive", "--quiet"]
    done = undertow("fit", file, "--out", out, *words)
    assert done.exit_code == 0, done.output
    assert "generated bps" in done.stdout
    return out


def test_the_dynamics_are_those_asked_for(run: Path) -> None:
    model = load_model(run / "model.safetensors")
    assert isinstance(model, LatentSDE)
    dynamics = model.network_.dynamics
    assert isinstance(dynamics, CoupledOscillators)
    assert dynamics.settings["coupling"] == "diffusive"
    assert (dynamics.state_dim, dynamics.input_dim) == (8, 1)
    assert float(dynamics.timescale_s) == pytest.approx(0.4 / 2.5)
    settings = json.loads((run / "run.json").read_text())["settings"]
    assert settings["dynamics"]["dynamics"] == "coupled-oscillators"
    assert settings["dynamics"]["coupling"] == "diffusive"


def test_scores_are_of_both_modes(run: Path) -> None:
    held = json.loads((run / "scores.json").read_text())
    rows = {row["name"]: row for row in held["scores"] if row["model"] == "latent-sde"}
    named = {
        f"{mode} {kind} choice"
        for mode in ("predicted", "generated")
        for kind in ("accuracy", "log-loss")
    }
    assert {
        "co-bps",
        "generated bps",
        "generated bps all bins",
        "behavior R2",
        "generated behavior R2",
    } <= set(rows)
    assert named | {"majority share choice", "log-loss of shares choice"} <= set(rows)
    assert all(row["low"] - 1e-9 <= row["value"] <= row["high"] + 1e-9 for row in rows.values())
    saved = SavedRun.open(run)
    trials = make_trials().replace(heldout=saved.model.heldout_)
    train, test = saved.parts(trials)
    assert train is not None
    scores = saved.model.score(test, train)
    assert {name: score.value for name, score in scores.items()} == {
        k: row["value"]
        for k, row in rows.items()
        if not k.startswith(("interval", "predictive", "PIT"))  # of samples, which a run draws
    }


def test_evaluate_says_how_calibrated_inference_is_where_asked(
    undertow: Undertow, run: Path, file: Path, tmp_path: Path
) -> None:
    done = undertow("evaluate", run, file, "--calibrate", 4, "--out", tmp_path / "own.json")
    assert done.exit_code == 0, done.output
    assert "rates coverage" in done.stdout
    assert "simulated from the model itself" in done.stderr
    held = json.loads((tmp_path / "own.json").read_text())["calibration"]["rates coverage"]
    assert 0 <= held["value"] <= 1
    assert held["n_trials"] == 4


def test_evaluate_gives_the_same_scores(
    undertow: Undertow, run: Path, file: Path, tmp_path: Path
) -> None:
    done = undertow("evaluate", run, file, "--out", tmp_path / "again.json")
    assert done.exit_code == 0, done.output
    again = json.loads((tmp_path / "again.json").read_text())["scores"]
    held = json.loads((run / "scores.json").read_text())["scores"]
    assert again == [row for row in held if row["model"] in ("latent-sde", "true rates")]


@pytest.mark.parametrize("mode", ["smooth", "generate"])
def test_predict_writes_what_the_model_predicts_in_a_mode(
    undertow: Undertow, run: Path, file: Path, tmp_path: Path, mode: str
) -> None:
    done = undertow(
        "predict", run, file, "--out", tmp_path / "p", "--mode", mode, "--samples", 2, "--csv"
    )
    assert done.exit_code == 0, done.output
    model = load_model(run / "model.safetensors")
    assert isinstance(model, LatentSDE)
    expected = model.predict(make_trials().replace(heldout=model.heldout_), samples=2, mode=mode)
    with xarray.open_dataset(tmp_path / "p" / "predictions.nc", engine="h5netcdf") as held:
        np.testing.assert_allclose(held["rates"].values, expected.rates, rtol=1e-6)
        np.testing.assert_allclose(held["behavior"].values, expected.behavior, rtol=1e-6)
        assert held["rate_samples"].shape[0] == 2
    table = np.genfromtxt(tmp_path / "p" / "behavior.csv", delimiter=",", names=True)
    assert table.dtype.names == ("trial", "time_s", "x", "y")
    np.testing.assert_allclose(table["y"][:20], expected.behavior[0, :, 1], rtol=1e-4, atol=1e-5)


def test_the_report_shows_what_it_generates_and_its_dynamics(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    for name in (
        "generated_rates",
        "predicted_behavior",
        "frequencies",
        "coupling",
        "phase_portrait",
    ):
        assert (run / "figures" / f"{name}.png").exists()
    assert "not identifiable: other parameters may describe the data as well" in page
    assert "The model was a latent SDE" in page
    assert "settings: coupling = diffusive" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "latent-sde", "--dynamics", "neural-sd"], "did you mean 'neural-sde'?"),
        (
            ["--model", "latent-sde", "--set", "dynamics.couplng=none"],
            "did you mean 'dynamics.coupling'?",
        ),
        (["--model", "latent-sde", "--set", "latent_dim=7"], "state_dim is 7"),
        (
            ["--model", "latent-sde", "--preset", "papers"],
            "did you mean 'paper'?",
        ),
        (
            ["--dynamics", "neural-sde"],
            "--dynamics is of latent-sde: langevin-flow has no choice of dynamics",
        ),
        (
            ["--set", "dynamics.noise=false"],
            "langevin-flow has no setting 'dynamics.noise'",
        ),
    ],
)
def test_what_fit_refuses(
    undertow: Undertow, file: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    done = undertow("fit", file, "--out", tmp_path / "new", *words)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_dry_run_names_the_dynamics_in_one_line(undertow: Undertow, file: Path) -> None:
    words = ["--dynamics", "neural-sde", "--set", "dynamics.noise=false", "--set", "latent_dim=3"]
    done = undertow("fit", file, "--model", "latent-sde", *words, *SETS, "--dry-run")
    assert done.exit_code == 0, done.output
    line = next(line for line in done.stdout.splitlines() if line.startswith("model"))
    assert "NeuralSDE(state_dim=3" in line
    assert "noise=False" in line


def test_predict_spreads_samples_as_asked(
    undertow: Undertow, run: Path, file: Path, tmp_path: Path
) -> None:
    def logs(name: str, *words: object) -> tuple[np.ndarray, str]:
        done = undertow("predict", run, file, "--out", tmp_path / name, "--samples", 20, *words)
        assert done.exit_code == 0, done.output
        with xarray.open_dataset(tmp_path / name / "predictions.nc", engine="h5netcdf") as held:
            values = np.log(held["rate_samples"].to_numpy())
        return values - values.mean(0), done.stderr

    model = load_model(run / "model.safetensors")
    trials = make_trials().replace(heldout=model.heldout_)
    prediction = model.predict(trials, samples=20)

    def expected(factor: float) -> np.ndarray:
        values = np.log(widened(prediction, factor).rate_samples)
        return values - values.mean(0)

    wide, _ = logs("wide", "--widen", 3)
    np.testing.assert_allclose(wide, expected(3), atol=1e-4)
    auto, said = logs("auto", "--widen", "auto")
    factor = spread_factor(prediction).value
    assert f"held-out neurons tell {factor:.2f}" in said
    np.testing.assert_allclose(auto, expected(max(factor, 1.0)), atol=1e-3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--samples", 20, "--widen", "-1"), "--widen -1: it must be a number above zero, or auto"),
        (
            ("--samples", 20, "--widen", "more"),
            "--widen more: it must be a number above zero, or auto",
        ),
        (("--widen", "2"), "--widen spreads samples: ask for some with --samples N"),
        (("--refine", -1), "--refine is -1: it must be a whole number, at least 0"),
        (("--particles", 1), "particles is 1: it must be a whole number, at least 2"),
    ],
)
def test_predict_refuses_a_spread_or_steps_it_cannot_give(
    undertow: Undertow,
    run: Path,
    file: Path,
    tmp_path: Path,
    words: tuple[object, ...],
    message: str,
) -> None:
    done = undertow("predict", run, file, "--out", tmp_path / "p", *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (tmp_path / "p").exists()


def test_predict_refuses_a_mode_or_a_model_without_it(
    undertow: Undertow, fitted: Path, recording: Path, tmp_path: Path
) -> None:
    done = undertow("predict", fitted, recording, "--out", tmp_path / "p", "--mode", "generate")
    assert done.exit_code == 2
    assert "smoothing does not generate" in done.stderr
    done = undertow("predict", fitted, recording, "--out", tmp_path / "p", "--mode", "dream")
    assert done.exit_code == 2
    assert "--mode dream: it must be smooth or generate" in done.stderr
    assert not (tmp_path / "p").exists()


def test_presets_regions_and_pieces_are_set_on_the_command_line(
    undertow: Undertow, tmp_path: Path
) -> None:
    trials = make_trials()
    region = np.where(np.arange(trials.n_neurons) % 2, "A", "B")
    file = write_hdf5(trials.replace(region=region), tmp_path / "regions.h5")
    words = ["--model", "latent-sde", "--preset", "paper", "--dry-run"]
    for setting in (
        "regions=shared+split",
        "dynamics.still=0.25",
        "dynamics.coupling_network=8",
        "dynamics.diffusion=full",
        "dynamics.integrator=splitting",
        "posterior.initial_share=0.5",
        "encoder.missing=neurons",
        "encoder.neuron_dropout=0.1",
    ):
        words += ["--set", setting]
    done = undertow("fit", file, *words)
    assert done.exit_code == 0, done.output
    (model,) = (line for line in done.stdout.splitlines() if line.startswith("model "))
    for said in (
        "regions='shared+split'",
        "still=0.25",
        "coupling_network=8",
        "diffusion='full'",
        "initial_share=0.5",
        "neuron_dropout=0.1",
        "kl=KLSchedule(peak=10.0)",
    ):
        assert said in model
    words[words.index("regions=shared+split")] = 'regions={"shared": 4, "A": 2, "B": 2}'
    assert "regions={'shared': 4, 'A': 2, 'B': 2}" in undertow("fit", file, *words).stdout
