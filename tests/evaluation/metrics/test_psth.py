"""PSTHs of given trials, and the smoothing behind them."""

import numpy as np
import pytest

from undertow.errors import DataError
from undertow.evaluation import psth, psth_r2
from undertow.evaluation.metrics.psth import gaussian_smooth


def test_psth_without_smoothing_is_the_mean_over_trials() -> None:
    spikes = np.random.default_rng(0).poisson(2.0, (6, 5, 3)).astype(float)
    labels, means = psth(spikes, ["b", "a", "b", "a", "a", "b"], kernel_std_s=0, bin_s=0.02)
    assert labels.tolist() == ["a", "b"]
    np.testing.assert_allclose(means[0], spikes[[1, 3, 4]].mean(axis=0))


def test_smoothing_entry_by_entry() -> None:
    values = np.random.default_rng(1).poisson(2.0, (2, 7, 2)).astype(float)
    values[0, 2, 1] = np.nan
    smoothed = gaussian_smooth(values, std_s=0.03, bin_s=0.02)
    left_out = gaussian_smooth(values, std_s=0.03, bin_s=0.02, centre=False)
    for trial, time, neuron in np.ndindex(values.shape):
        pairs = [
            (
                np.exp(-0.5 * ((time - other) * 0.02 / 0.03) ** 2),
                values[trial, other, neuron],
                other,
            )
            for other in range(7)
            if np.isfinite(values[trial, other, neuron])
        ]
        weights, counts, others = map(np.array, zip(*pairs, strict=True))
        expected = np.sum(weights * counts) / weights.sum()
        assert smoothed[trial, time, neuron] == pytest.approx(expected, abs=1e-12)
        rest = others != time
        expected = np.sum(weights[rest] * counts[rest]) / weights[rest].sum()
        assert left_out[trial, time, neuron] == pytest.approx(expected, abs=1e-12)


def test_smoothing_keeps_a_constant_at_edges_and_gaps() -> None:
    values = np.full((1, 9, 1), 3.0)
    values[0, 4] = np.nan
    np.testing.assert_allclose(gaussian_smooth(values, 0.05, 0.02), 3.0)


def test_missing_bins_stay_out_of_the_psth() -> None:
    spikes = np.ones((3, 4, 1))
    spikes[:, 3], spikes[0, 1] = np.nan, np.nan
    _, means = psth(spikes, [0, 0, 0], kernel_std_s=0.02, bin_s=0.02)
    np.testing.assert_allclose(means[0, :, 0], [1, 1, 1, np.nan])


def test_errors() -> None:
    rates, target = np.ones((4, 5, 2)), np.ones((2, 5, 2))
    with pytest.raises(DataError, match="one label per trial"):
        psth(rates, np.ones((2, 2)), 0.05, 0.02)
    with pytest.raises(DataError, match="first 1 size"):
        psth(rates, [1, 2], 0.05, 0.02)
    with pytest.raises(DataError, match="one entry per condition"):
        psth_r2(rates, target, [np.arange(4)])
    with pytest.raises(DataError, match="no condition has an evaluation trial"):
        psth_r2(rates, target, [[], []])
    with pytest.raises(DataError, match="jitter has shape"):
        psth_r2(rates, target, [[0], [1]], jitter=[1])
    with pytest.raises(DataError, match="rates holds NaN"):
        psth_r2(rates, target, [[0], [1]], jitter=[1, 0, 0, 0])
