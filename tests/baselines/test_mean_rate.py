"""`MeanRate`: what knows nothing of a trial."""

import numpy as np
import pytest

from tests.conftest import make_small_trials
from undertow.baselines import MeanRate
from undertow.errors import ModelError


def test_every_bin_has_the_mean_of_all_trials_given() -> None:
    """Of training and validation trials; of forward bins their own; NaN past a trial's end."""
    trials = make_small_trials().replace(forward_bins=4).hold_out(2, seed=0)
    lengths = np.full(20, trials.n_time)
    lengths[3] = 7
    test = trials[60:].replace(lengths=lengths)
    rates = MeanRate().fit(trials[:50], trials[50:60]).predict(test).rates
    spikes = trials.spikes[:60]
    np.testing.assert_allclose(rates[0, 5], spikes[:, :16].mean((0, 1)) / 0.02, rtol=1e-6)
    np.testing.assert_allclose(rates[0, 17], spikes[:, 16:].mean((0, 1)) / 0.02, rtol=1e-6)
    assert np.isnan(rates[3, 7:]).all()
    assert (rates[:3] == rates[:1]).all()


def test_it_tells_nothing_beyond_the_mean() -> None:
    """Scored on the trials it averaged, forward bins aside, bits per spike are zero."""
    trials = make_small_trials().hold_out(2, seed=0)
    model = MeanRate().fit(trials[:40], trials[40:])
    assert model.score(trials)["co-bps"].value == pytest.approx(0.0, abs=1e-6)
    assert model.parameter_counts() == {"all": 20}
    with pytest.raises(ModelError, match="MeanRate has no posterior to sample from"):
        model.predict(trials, samples=3)
