"""The likeliest regimes, and their order by condition."""

import numpy as np
import pytest

from tests.report.records import make_prediction, make_trials, with_regimes
from undertow.analysis import regime_map
from undertow.errors import UndertowError


def test_rows_are_trials_by_condition_and_show_the_likeliest_regime() -> None:
    lengths = np.full(12, 15)
    lengths[4] = 6
    prediction = with_regimes(make_prediction(make_trials(lengths=lengths)))
    found, shares = regime_map(prediction), prediction.latents["regimes"]
    assert found.what == "condition"
    assert found.order.tolist() == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]
    assert found.groups.tolist() == [0] * 6 + [1] * 6
    assert found.likeliest[7, 3] == shares[3, 3].argmax()
    assert found.probability[7, 3] == shares[3, 3].max()
    assert (found.likeliest[2, 6:] == -1).all()
    assert np.isnan(found.probability[2, 6:]).all()
    inside = shares[prediction.trials.valid].argmax(-1)
    np.testing.assert_allclose(found.share, [np.mean(inside == k) for k in range(3)])


def test_some_trials_are_chosen_by_their_ids() -> None:
    prediction = with_regimes(make_prediction(make_trials(condition=None)))
    found = regime_map(prediction, [7, 2])
    assert found.order.tolist() == [2, 7]
    assert found.what is None
    with pytest.raises(UndertowError, match="no trial '99'"):
        regime_map(prediction, ["99"])


def test_a_prediction_without_regimes_is_refused() -> None:
    with pytest.raises(UndertowError, match="has no regimes: predict with a model that has"):
        regime_map(make_prediction(make_trials()))
