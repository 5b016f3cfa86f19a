"""Averages over trials: by condition, PSTHs, the population."""

import numpy as np
import pytest

from tests.report.records import make_prediction, make_trials
from undertow.analysis import condition_averages, population_rates, psth
from undertow.errors import UndertowError


def test_condition_averages_are_means_of_what_is_finite() -> None:
    values = np.random.default_rng(0).normal(size=(5, 3, 2))
    values[0, 1, 1] = np.nan
    values[[1, 3], 2, 0] = np.nan
    found = condition_averages(values, np.array(["b", "a", "b", "a", "b"]))
    assert found.labels.tolist() == ["a", "b"]
    assert found.n_trials.tolist() == [2, 3]
    assert np.isnan(found.mean[0, 2, 0])
    np.testing.assert_allclose(found.mean[1, 1, 1], values[[2, 4], 1, 1].mean())
    np.testing.assert_allclose(found.mean[1, 0], values[[0, 2, 4], 0].mean(axis=0))


def test_condition_averages_need_a_label_per_trial() -> None:
    with pytest.raises(UndertowError, match="no condition labels"):
        condition_averages(np.zeros((2, 3, 1)), None)
    with pytest.raises(UndertowError, match="3 condition labels for 2 trials"):
        condition_averages(np.zeros((2, 3, 1)), np.zeros(3))


def test_population_rates_are_sums_over_neurons_where_spikes_were_observed() -> None:
    spikes = make_trials().spikes.copy()
    spikes[0, 3] = np.nan
    prediction = make_prediction(make_trials(spikes=spikes))
    found = population_rates(prediction, prediction)
    assert found.names == ("4 held-in neurons", "2 held-out neurons")
    np.testing.assert_allclose(
        found.observed[0, 3], spikes[1:, 3, :4].mean(axis=0).sum() / 0.02, rtol=1e-6
    )
    np.testing.assert_allclose(found.inferred[1, 3], prediction.rates[1:, 3, 4:].mean(axis=0).sum())
    np.testing.assert_allclose(found.inferred[1, 2], prediction.rates[:, 2, 4:].mean(axis=0).sum())
    assert found.baseline is not None
    np.testing.assert_array_equal(found.baseline, found.inferred)


def test_psth_of_synthetic_data_is_the_average_truth() -> None:
    prediction = make_prediction(make_trials())
    trials = prediction.trials
    found = psth(prediction, neurons=2)
    neuron = int(found.neuron_names[0].split()[1])
    assert found.reference_name == "true rate"
    assert found.n_trials.tolist() == found.n_reference_trials.tolist() == [6, 6]
    assert trials.truth is not None
    assert trials.condition is not None
    mine = trials.condition == 1
    np.testing.assert_allclose(
        found.reference[1, :, 0], trials.truth[mine, :, neuron].mean(axis=0), rtol=1e-6
    )
    np.testing.assert_allclose(
        found.inferred[1, :, 0], prediction.rates[mine, :, neuron].mean(axis=0)
    )
    np.testing.assert_array_equal(found.spikes[1][:, :, 0], trials.spikes[mine, :, neuron])


def test_psth_of_recorded_data_pools_training_spikes_and_smooths() -> None:
    test, train = make_trials(truth=None), make_trials(20, truth=None)
    found = psth(make_prediction(test), training=train, neurons=1, smooth_s=0.03)
    neuron = int(found.neuron_names[0].split()[1])
    assert found.n_reference_trials.tolist() == [16, 16]
    assert "sd 30 ms" in found.reference_name
    assert test.condition is not None
    assert train.condition is not None
    pooled = np.concatenate(
        [each.spikes[each.condition == 0][:, :, neuron] for each in (test, train)]
    )
    weights = np.exp(-0.5 * (np.subtract.outer(np.arange(15), np.arange(15)) * 0.02 / 0.03) ** 2)
    smooth = weights @ pooled.mean(axis=0) / weights.sum(axis=1) / 0.02
    np.testing.assert_allclose(found.reference[0, :, 0], smooth, rtol=1e-5)


def test_psth_refuses_training_trials_of_another_window() -> None:
    with pytest.raises(UndertowError, match="must be the same"):
        psth(make_prediction(make_trials(truth=None)), training=make_trials(n_time=9, truth=None))
