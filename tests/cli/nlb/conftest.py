"""Prepared sets of the benchmark with runs of smoothing, made once."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import Undertow
from tests.nlb.random_tensors import random_tensors
from undertow.nlb import write_nlb_tensors

SCALING = ("mc_maze_large", "mc_maze_medium", "mc_maze_small")
SMOOTHING = (
    "--model",
    "smoothing",
    "--set",
    "width_s=0.04",
    "--set",
    "floor_hz=2",
    "--set",
    "penalty=0.1",
)


def prepare(folder: Path, set_name: str, bin_ms: int, phase: str) -> Path:
    """What `undertow nlb prepare` leaves, of random tensors."""
    tensors = random_tensors(set_name, bin_ms)
    if phase == "test":
        tensors = replace(tensors, phase="test", targets={})
    directory = folder / f"{set_name}_{bin_ms}_{phase}"
    directory.mkdir(parents=True)
    return write_nlb_tensors(tensors, directory / "tensors.h5")


@pytest.fixture(scope="session")
def _fitted(undertow: Undertow, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nlb") / "nlb"
    for set_name in ("mc_maze", *SCALING):
        for phase in ("val", "test"):
            prepare(folder, set_name, 20, phase)
            words = ("nlb", "fit", set_name, "--bin-ms", 20, "--phase", phase, "--folder", folder)
            done = undertow(*words, *SMOOTHING)
            assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def fitted_nlb(_fitted: Path, tmp_path: Path) -> Path:
    """The folder of MC_Maze and the scaling sets at 20 ms, both phases, each with a run of
    smoothing; a test's own."""
    return Path(shutil.copytree(_fitted, tmp_path / "nlb"))
