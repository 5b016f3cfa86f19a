"""Resampling weights and intervals."""

import numpy as np
import pytest

from undertow.errors import DataError
from undertow.evaluation import bootstrap_weights
from undertow.evaluation.scores.bootstrap import interval
from undertow.evaluation.scores.sums import BitsPerSpike, RSquared


def test_every_resample_keeps_the_size_of_each_condition() -> None:
    condition = np.array(["a"] * 4 + ["b"] * 7)
    weights = bootstrap_weights(11, condition, resamples=50)
    np.testing.assert_allclose(weights[:, :4].sum(axis=1), 4)
    np.testing.assert_allclose(weights[:, 4:].sum(axis=1), 7)
    assert (weights == bootstrap_weights(11, condition, resamples=50)).all()
    assert (weights != bootstrap_weights(11, condition, resamples=50, seed=1)).any()


def test_variance_of_a_mean_is_right_with_three_trials_per_condition() -> None:
    values = np.random.default_rng(0).normal(size=30)
    condition = np.repeat(np.arange(10), 3)
    means = bootstrap_weights(30, condition, resamples=40_000) @ values / 30
    expected = sum(values[condition == k].var(ddof=1) * 3 for k in range(10)) / 30**2
    # the variance of a variance over 40 000 resamples is about 2/40 000 of its square
    assert means.var() == pytest.approx(expected, rel=4 * np.sqrt(2 / 40_000))


def test_single_trials_are_resampled_together() -> None:
    weights = bootstrap_weights(5, [0, 1, 2, 2, 2], resamples=200)
    assert weights[:, 0].std() > 0
    np.testing.assert_allclose(weights[:, :2].sum(axis=1), 2)
    assert (bootstrap_weights(1, resamples=3) == 1).all()


def test_interval_is_moved_to_the_score() -> None:
    resampled = np.random.default_rng(0).normal(3.0, 2.0, 100_000)
    low, high = interval(5.0, resampled, level=0.95)
    assert low == pytest.approx(5 - 1.96 * 2, abs=0.05)
    assert high == pytest.approx(5 + 1.96 * 2, abs=0.05)
    assert np.isnan(interval(5.0, np.full(3, np.nan))).all()


def test_errors() -> None:
    with pytest.raises(DataError, match="resamples is 0"):
        bootstrap_weights(3, resamples=0)
    with pytest.raises(DataError, match=r"condition has shape \(2,\)"):
        bootstrap_weights(3, [0, 1])


def test_intervals_cover_the_expected_score() -> None:
    """95 % intervals of 27 trials in 9 conditions hold the expected score about 95 % of the
    time."""
    condition, about = (
        np.repeat(np.arange(9), 3),
        {"name": "x", "unit": "", "bin_s": 0.02, "n_neurons": 10},
    )
    about |= {"trial_ids": np.arange(27), "condition": condition}
    base = 0.2 * np.exp(0.7 * np.random.default_rng(0).normal(size=(9, 15, 10)))[condition]

    def draw(rng: np.random.Generator) -> list[BitsPerSpike | RSquared]:
        gain = np.exp(0.2 * rng.normal(size=(27, 1, 1)))
        rates = base * gain**0.6 * np.exp(0.3 * rng.normal(size=(27, 1, 10)))
        bits = BitsPerSpike.from_counts(rates, rng.poisson(base * gain), **about)
        return [bits, RSquared.from_targets(rates, base * gain, **about)]

    expected = np.mean(
        [[s.value for s in draw(np.random.default_rng([1, k]))] for k in range(2000)], axis=0
    )
    covered = np.zeros(2)
    for k in range(400):
        weights = bootstrap_weights(27, condition, resamples=300, seed=k)
        for which, statistic in enumerate(draw(np.random.default_rng([2, k]))):
            low, high = interval(statistic.value, statistic.finish(weights))
            covered[which] += low <= expected[which] <= high
    # 18 degrees of freedom and a skewed score cost a few per cent; n draws out of n would cover
    # 0.85
    assert (covered / 400 > 0.88).all()
    assert (covered / 400 < 0.99).all()
