"""Long checks that the whole path does what it is for: run by `make test-slow`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.dynamics.fixtures import rolled
from undertow import LangevinFlow, Smoothing, TrialSet, simulate_lorenz
from undertow.data import split_trials
from undertow.dynamics import HarmonicPotential, UnderdampedLangevin
from undertow.evaluation import compare
from undertow.training import Training

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:.*initial latent coordinates:undertow.training.TrainingWarning"
    ),
]


def test_lorenz_rates_are_recovered_far_better_than_by_smoothing() -> None:
    train, validation, test = split_trials(simulate_lorenz())
    training = Training(epochs=15, batch_size=16, validate_every=5)
    model = LangevinFlow(dropout=0.05, samples=10, training=training).fit(train, validation)
    baseline = Smoothing().fit(train, validation)
    score = model.score(test)["rate R2"]
    difference = compare(model.predict(test), baseline.predict(test))["rate R2"]
    assert score.low > 0.85
    assert difference.low > 0.2


def test_held_out_neurons_of_a_recording_are_predicted_better_than_by_smoothing(
    test_data: Callable[[str], Path],
) -> None:
    trials = TrialSet.from_npz(test_data("maze_reach_5ms.npz"), bin_s=0.02).hold_out(40, seed=0)
    train, validation, test = split_trials(trials)
    model = LangevinFlow(training=Training(epochs=100)).fit(train, validation)
    baseline = Smoothing().fit(train, validation)
    difference = compare(model.predict(test), baseline.predict(test))["co-bps"]
    assert difference.low > 0.02


@pytest.mark.parametrize("bin_s", [0.005, 0.02])
def test_stationary_law_is_boltzmann_whatever_the_bins(bin_s: float) -> None:
    """Equipartition, exact at any step: var(v) = k_Bτ/m; var(z) = k_Bτ/k."""
    mass, temperature, curvature = 2.0, 1.5, 0.5
    dynamics = UnderdampedLangevin(
        64,
        lambda dim: HarmonicPotential(dim, curvature),
        mass=mass,
        temperature=temperature,
        gamma=0.7,
        timescale_s=0.02,
    )
    generator = torch.Generator().manual_seed(0)
    bins, trials = round(2.0 / bin_s), 400
    noise = torch.randn(trials, bins, dynamics.steps_per_bin(bin_s), 32, generator=generator)
    with torch.no_grad():
        z, v = rolled(dynamics, torch.zeros(trials, 64), noise, bin_s).states[:, -1].chunk(2, -1)
    n = z.numel()  # independent draws: one time, many paths and coordinates
    spread = 5 * np.sqrt(2 / n)
    assert float(v.var()) == pytest.approx(temperature / mass, rel=spread)
    assert float(z.var()) == pytest.approx(temperature / curvature, rel=spread)
