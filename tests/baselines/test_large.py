"""Smoothing on sets too large to be held in double precision: same answers, little memory."""

import tracemalloc

import numpy as np
import pytest

from undertow.baselines import Smoothing
from undertow.data import TrialSet
from undertow.evaluation import bits_per_spike
from undertow.evaluation.metrics import poisson_blocks
from undertow.evaluation.metrics.poisson_blocks import BlockedPoissonDesign
from undertow.evaluation.metrics.poisson_regression import PoissonDesign
from undertow.models import smoothed_regression

GRID = {"width_s": (0.03, 0.08), "floor_hz": (0.5, 2.0), "penalty": (0.01, 0.1)}


def population(n_trials: int, n_time: int, n_neurons: int) -> TrialSet:
    rng = np.random.default_rng(0)
    latents = np.cumsum(rng.normal(0, 0.3, (n_trials, n_time, 3)), axis=1)
    rates = 10 * np.exp(np.tanh(latents) @ rng.normal(0, 0.6, (3, n_neurons)))
    return TrialSet(rng.poisson(rates * 0.02).astype(np.float32), 0.02)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything counts as large."""
    monkeypatch.setattr(smoothed_regression, "LARGE", 1_000)
    monkeypatch.setattr(smoothed_regression, "HELD", 10_000)
    monkeypatch.setattr(poisson_blocks, "ROWS_AT_FIRST", 200)
    monkeypatch.setattr("undertow.memory.BLOCK_BYTES", 2**16)


def example() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3000, 12)) * np.linspace(0.1, 2, 12) + 1.0
    counts = rng.poisson(np.exp(x @ rng.normal(0, 0.15, (12, 5)) - 1)).astype(np.float64)
    counts[::7, 2] = np.nan
    counts[:, 4] = 0.0
    return x, counts


@pytest.mark.parametrize("missing", [True, False])
def test_blocks_in_single_precision_find_the_same_regression(
    missing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, counts = example()
    counts = counts if missing else np.nan_to_num(counts)
    exact = PoissonDesign(x, counts).fit(0.01)
    monkeypatch.setattr(poisson_blocks, "ROWS_AT_FIRST", 500)
    monkeypatch.setattr("undertow.memory.BLOCK_BYTES", 2**15)
    design = BlockedPoissonDesign((x[k : k + 700] for k in range(0, 3000, 700)), counts)
    assert design.counts.dtype == (np.float32 if missing else np.uint8)
    found = design.fit(0.01)
    np.testing.assert_allclose(found.weights, exact.weights, atol=2e-5)
    np.testing.assert_allclose(found.log_counts(x), exact.log_counts(x), atol=1e-4)
    near = design.fit(0.02, start=found, tolerance=1e-3)
    np.testing.assert_allclose(near.weights, PoissonDesign(x, counts).fit(0.02).weights, atol=0.02)


def test_bins_of_every_so_manieth_row_are_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undertow.memory.BLOCK_BYTES", 2**13)
    trials = population(7, 20, 6).replace(lengths=np.array([20, 13, 20, 1, 20, 5, 20]))
    smooth = smoothed_regression.HeldInSmoother(np.ones(6))
    rows = np.concatenate(list(smooth.rows(trials, 0.05)))
    assert len(rows) == 99
    for every in (2, 3, 30):
        found = np.concatenate(list(smooth.rows(trials, 0.05, every)))
        np.testing.assert_allclose(found, rows[::every], rtol=1e-12)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("heldout", [0, 6])
def test_a_large_set_is_fitted_as_a_small_one(
    heldout: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = population(60, 20, 24).hold_out(heldout)
    found = Smoothing(**GRID).fit(trials[:45])
    monkeypatch.undo()
    exact = Smoothing(**GRID).fit(trials[:45])
    assert (found.width_s_, found.floor_hz_) == (exact.width_s_, exact.floor_hz_)
    assert found.penalty_ == exact.penalty_
    scores = [
        bits_per_spike(model.predict(trials[45:]).counts, trials[45:].spikes)
        for model in (found, exact)
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)


@pytest.mark.usefixtures("large")
def test_a_fit_and_a_prediction_take_little_beside_the_counts() -> None:
    trials = population(200, 50, 80).hold_out(20)
    train, counts = trials[:150], trials.spikes.nbytes
    Smoothing(**GRID).fit(train[:20])  # modules are imported once
    tracemalloc.start()
    try:
        model = Smoothing(**GRID).fit(train)
        fitted = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        held = tracemalloc.get_traced_memory()[0]
        rates = model.predict(trials).rates
        predicted = tracemalloc.get_traced_memory()[1] - held
    finally:
        tracemalloc.stop()
    # features in single precision, held-out counts, and the validation trials in double precision
    assert fitted < 3 * counts
    assert rates.dtype == np.float32
    assert predicted < 1.5 * counts
