"""Rasters, and single trials of single neurons."""

import numpy as np

from tests.report.records import make_prediction, make_trials
from undertow.analysis import rasters, single_trial_rates


def test_rasters_are_reordered_rows_of_the_data() -> None:
    prediction = make_prediction(make_trials())
    found = rasters(prediction, make_prediction(make_trials(), seed=9), trials=2)
    assert found.names == ("trial 0, condition 0", "trial 1, condition 1")
    assert found.n_heldin == 4
    assert sorted(found.order.tolist()) == list(range(6))
    assert set(found.order[:4].tolist()) == {0, 1, 2, 3}
    np.testing.assert_array_equal(found.spikes, prediction.trials.spikes[:2][:, :, found.order])
    np.testing.assert_array_equal(found.rates, prediction.rates[:2][:, :, found.order])


def test_rates_past_a_trials_end_are_blank() -> None:
    trials = make_trials(3, truth=None, lengths=np.array([15, 6, 15]))
    found = rasters(make_prediction(trials), trials=3)
    row = found.names.index("trial 1, condition 1")
    assert np.isnan(found.rates[row, 6:]).all()
    assert np.isfinite(found.rates[row, :6]).all()


def test_single_trials_hold_quantiles_of_the_samples() -> None:
    prediction = make_prediction(make_trials(), samples=200)
    found = single_trial_rates(prediction, trials=2, neurons=2)
    neuron = int(found.neuron_names[0].split()[1])
    assert prediction.rate_samples is not None
    assert found.low is not None
    assert found.high is not None
    low, high = np.quantile(prediction.rate_samples[:, 1, :, neuron], [0.05, 0.95], axis=0)
    np.testing.assert_allclose(found.low[1, :, 0], low)
    np.testing.assert_allclose(found.high[1, :, 0], high)
    np.testing.assert_array_equal(found.rates[1, :, 0], prediction.rates[1, :, neuron])
    assert found.neuron_names[1].endswith("(held out)")


def test_too_few_samples_give_no_interval() -> None:
    found = single_trial_rates(make_prediction(make_trials(), samples=199))
    assert found.low is None
    assert found.high is None
