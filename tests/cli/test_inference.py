"""`undertow predict --refine --particles`: what it writes, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
import xarray

from tests.cli.conftest import Undertow
from tests.cli.test_latent_sde import SETS, make_trials
from undertow.data import write_hdf5
from undertow.experiments import load_model
from undertow.models import LatentSDE


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hdf5(make_trials(), tmp_path_factory.mktemp("data") / "driven.h5")


@pytest.fixture(scope="module")
def run(undertow: Undertow, file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "out"
    words = ["--model", "latent-sde", "--set", "latent_dim=4", "--heldout", 3, "--quiet"]
    done = undertow("fit", file, "--out", out, *words, *SETS)
    assert done.exit_code == 0, done.output
    return out


def test_predict_refines_and_draws_with_particles(
    undertow: Undertow, run: Path, file: Path, tmp_path: Path
) -> None:
    for mode in ("smooth", "generate"):
        out = tmp_path / mode
        words = ["--refine", 1, "--particles", 10, "--samples", 3, "--mode", mode]
        done = undertow("predict", run, file, "--out", out, *words)
        assert done.exit_code == 0, done.output
        model = load_model(run / "model.safetensors")
        assert isinstance(model, LatentSDE)
        trials = make_trials().replace(heldout=model.heldout_)
        mine = model.predict(trials, 3, mode=mode, refine=1, particles=10)
        with xarray.open_dataset(out / "predictions.nc", engine="h5netcdf") as held:
            np.testing.assert_array_equal(held["rate_samples"], mine.rate_samples)
            np.testing.assert_array_equal(held["effective_samples"], mine.effective_samples)
            np.testing.assert_array_equal(held["refined_bound"], mine.terms["refined_bound"])


def test_a_model_without_a_posterior_over_paths_has_nothing_to_refine(
    undertow: Undertow, fitted: Path, recording: Path, tmp_path: Path
) -> None:
    done = undertow("predict", fitted, recording, "--out", tmp_path / "p", "--refine", 5)
    assert done.exit_code == 2
    assert "has no posterior over paths to refine" in done.stderr
    assert "leave out refine" in done.stderr
