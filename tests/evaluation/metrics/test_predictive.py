"""PIT of counts: closed forms of the distribution functions, and a level histogram where right."""

import numpy as np
import pytest
from scipy import stats

from undertow.errors import DataError
from undertow.evaluation import pit_bars, predictive_pit


def test_low_and_high_are_the_mixtures_distribution_function_around_the_count() -> None:
    counts, means = np.array([[0.0, 3.0, np.nan]]), np.array([[[0.5, 2.0, 1.0]], [[1.5, 6.0, 1.0]]])
    low, high = predictive_pit(counts, means)
    both = stats.poisson(means[:, 0, 1])
    assert high[0, 0] == pytest.approx((np.exp(-0.5) + np.exp(-1.5)) / 2)
    assert low[0, 0] == 0.0
    assert (low[0, 1], high[0, 1]) == pytest.approx((both.cdf(2).mean(), both.cdf(3).mean()))
    assert np.isnan([low[0, 2], high[0, 2]]).all()


@pytest.mark.parametrize("alpha", [0.02, 0.5, 3.0])
def test_negative_binomial_laws_are_those_of_their_dispersion(alpha: float) -> None:
    means = np.array([[0.3, 4.0, 30.0]])
    low, high = predictive_pit(np.array([1.0, 4.0, 12.0]), means, alpha)
    law = stats.nbinom(1 / alpha, 1 / (1 + alpha * means[0]))
    assert high == pytest.approx(law.cdf([1, 4, 12]))
    assert low == pytest.approx(law.cdf([0, 3, 11]))
    limit = predictive_pit(np.array([1.0, 4.0, 12.0]), means, 1e-6)[1]
    assert limit == pytest.approx(stats.poisson(means[0]).cdf([1, 4, 12]), rel=1e-3)


def test_bars_share_a_count_out_and_are_level_where_the_law_is_right() -> None:
    """Each count's expected part in any bar is 1/bars exactly: here summed over the whole law."""
    counts = np.arange(60.0)
    low, high = predictive_pit(counts, np.full((1, 60), 7.3))
    parts = pit_bars(low, high, 10)
    assert parts.sum(axis=1) == pytest.approx(1.0)
    assert stats.poisson(7.3).pmf(counts) @ parts == pytest.approx(0.1, abs=1e-12)
    narrow = stats.poisson(7.3).pmf(counts) @ pit_bars(
        *predictive_pit(counts, np.full((1, 60), 5.0)), 10
    )
    assert narrow[-1] > 0.25  # rates too low: counts lie at the upper end


def test_counts_the_law_holds_impossible_and_missing_ones() -> None:
    low, high = predictive_pit(np.array([5.0, np.nan]), np.zeros((2, 2)))
    assert pit_bars(low, high, 4).tolist() == [[0, 0, 0, 1], [0, 0, 0, 0]]
    assert pit_bars(np.array([0.25]), np.array([0.25]), 4).tolist() == [[0, 1, 0, 0]]


@pytest.mark.parametrize(
    ("counts", "means", "match"),
    [
        (np.ones(3), np.ones((2, 4)), "one axis more"),
        (-np.ones(3), np.ones((2, 3)), "a count is negative"),
        (np.ones(3), -np.ones((2, 3)), "negative or not finite"),
    ],
)
def test_what_is_no_count_or_mean_is_refused(counts, means, match: str) -> None:
    with pytest.raises(DataError, match=match):
        predictive_pit(counts, means)
