"""The PIT histogram: what chance makes of right predictions holds them, and not others."""

import numpy as np
import pytest

from tests.evaluation.scores.test_predictive import NEURONS, predicted
from undertow.analysis import pit_histogram
from undertow.errors import DataError


def test_right_predictions_lie_in_the_band_and_others_do_not() -> None:
    right, sure = (pit_histogram(predicted(each), bars=10) for each in (1.0, 3.0))
    assert right.heights.mean() == pytest.approx(1.0)
    assert right.edges.tolist() == pytest.approx(np.linspace(0, 1, 11).tolist())
    outside = (right.heights < right.low) | (right.heights > right.high)
    assert outside.sum() <= 3  # of ten bars at 95 %
    assert sure.heights[0] > sure.high[0]
    assert sure.heights[-1] > sure.high[-1]  # a bowl
    assert (sure.held < sure.held_low)[:-1].all()
    assert sure.held[-1] == pytest.approx(1.0)
    assert sure.levels.tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert sure.n_counts == 80 * 2 * NEURONS / 2


def test_trials_that_err_together_make_the_band_wider() -> None:
    """With one error for all neurons of a trial there is less to count than counts."""
    prediction = predicted(1.0)
    shared = prediction.rate_samples[..., :1] * np.ones(NEURONS)
    alone = pit_histogram(prediction, bars=10)
    together = pit_histogram(
        type(prediction)(prediction.rates, prediction.trials, rate_samples=shared), bars=10
    )
    assert (together.high - together.low).mean() > 1.5 * (alone.high - alone.low).mean()


def test_dispersion_enters_the_band_and_bars_must_be_even() -> None:
    wide = pit_histogram(predicted(1.0, alpha=1.5), bars=10)
    outside = (wide.heights < wide.low) | (wide.heights > wide.high)
    assert outside.sum() <= 3
    with pytest.raises(DataError, match="must be even"):
        pit_histogram(predicted(1.0, n_trials=4), bars=5)
