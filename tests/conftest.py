"""What every test may use: real recordings by name, a small TrialSet, fixed threads, repeatable
hypothesis."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from undertow.data import TrialSet

settings.register_profile("undertow", deadline=None, derandomize=True)
settings.load_profile("undertow")


@pytest.fixture(scope="session", autouse=True)
def _fixed_threads() -> None:
    """The same number of torch threads everywhere: sums come out in the same order."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


@pytest.fixture(scope="session")
def test_data() -> Callable[[str], Path]:
    """`test_data("maze_reach_5ms.npz")` → its path; skips, by name, where the recording is not at
    hand."""

    def find(name: str) -> Path:
        folder = os.environ.get("UNDERTOW_TEST_DATA")
        if not folder:
            pytest.skip(f"{name}: UNDERTOW_TEST_DATA is not set")
        path = Path(folder) / name
        if not path.exists():
            pytest.skip(f"{name}: not in UNDERTOW_TEST_DATA")
        return path

    return find


def make_small_trials(
    n_trials: int = 80, n_time: int = 20, n_neurons: int = 10, seed: int = 0
) -> TrialSet:
    """Poisson spikes of `n_neurons` mixing two slow waves, in 4 conditions of different phase; with
    truth."""
    rng = np.random.default_rng(seed)
    condition = np.arange(n_trials) % 4
    angle = 2 * np.pi * (np.arange(n_time) / n_time + condition[:, None] / 4)
    waves = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    truth = 15.0 * np.exp(waves @ rng.normal(size=(2, n_neurons)))
    return TrialSet(
        spikes=rng.poisson(truth * 0.02),
        bin_s=0.02,
        condition=condition,
        behavior=waves,
        behavior_names=("x", "y"),
        truth=truth,
    )


@pytest.fixture(scope="session")
def small_trials() -> TrialSet:
    """80 trials × 20 bins of 20 ms × 10 neurons, 4 conditions, with behaviour and truth; a quarter
    held out."""
    return make_small_trials().hold_out(2, seed=0)


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs without drawing figures, for tests that look at everything else."""
    for module in ("single_run", "cross_validation"):
        monkeypatch.setattr(
            f"undertow.experiments.{module}.report_run", lambda out, *_: out / "report.html"
        )
