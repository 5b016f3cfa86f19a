"""The command line in this process, a small recording, and one finished fit."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.conftest import make_small_trials
from undertow.cli.app import app
from undertow.data import write_hdf5
from undertow.training import use_threads

Undertow = Callable[..., Result]


@pytest.fixture(scope="session")
def undertow() -> Undertow:
    """`undertow("fit", path, "--out", out)` → exit code, stdout, stderr."""

    def call(*words: object) -> Result:
        try:
            return CliRunner().invoke(app, [str(word) for word in words])
        finally:
            use_threads(None)  # a number of threads asked for is one process's alone

    return call


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small HDF5 recording of 80 trials, 10 neurons, 4 conditions."""
    return write_hdf5(make_small_trials(), tmp_path_factory.mktemp("data") / "small.h5")


@pytest.fixture(scope="session")
def fitted(undertow: Undertow, recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished fit of the smoothing baseline."""
    out = tmp_path_factory.mktemp("runs") / "smoothing"
    done = undertow("fit", recording, "--out", out, "--model", "smoothing", "--heldout", 3)
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="session")
def fitted_langevin(
    undertow: Undertow, recording: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The directory of a finished fit of a tiny LangevinFlow, its settings from a config file."""
    folder = tmp_path_factory.mktemp("runs")
    config = folder / "tiny.toml"
    config.write_text(
        "heldout = 3\nsplit-seed = 2\nseed = 7\n[set]\nlatent_dim = 8\n"
        "encoder.hidden_dim = 8\ndecoder.width = 8\n"
        "decoder.heads = 2\nsamples = 3\n[set.training]\nepochs = 9\n"
    )
    out = folder / "langevin"
    done = undertow(
        "fit", recording, "--out", out, "--config", config, "--set", "training.epochs=2", "--quiet"
    )
    assert done.exit_code == 0, done.output
    return out
