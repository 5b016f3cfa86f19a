"""PIT scores of held-out spikes: right, too sure and not sure enough, and what they need."""

from dataclasses import replace

import numpy as np
import pytest

from undertow.data import Prediction, TrialSet
from undertow.errors import DataError
from undertow.evaluation import (
    PitDeviation,
    combine,
    load_statistics,
    predictive_statistics,
    save_statistics,
)
from undertow.evaluation.scores.intervals import interval_statistics

BINS, NEURONS, BIN_S, SAMPLES = 30, 20, 0.02, 100


def predicted(
    times_too_narrow: float, n_trials: int = 80, alpha: float | None = None, said: bool = True
) -> Prediction:
    """Log-rates that err by a Gaussian of deviation 0.5, and samples that spread by less."""
    rng = np.random.default_rng(0)
    shape = (n_trials, 1, NEURONS)
    rates = 30 * np.exp(0.5 * rng.standard_normal(shape)) * np.ones((1, BINS, 1))
    gain = 1.0 if alpha is None else rng.gamma(1 / alpha, alpha, (n_trials, BINS, NEURONS))
    trials = TrialSet(rng.poisson(rates * gain * BIN_S), BIN_S, heldout=np.arange(NEURONS) % 2 == 0)
    drawn = 30 * np.exp(0.5 / times_too_narrow * rng.standard_normal((SAMPLES, *shape)))
    samples = np.broadcast_to(drawn, (SAMPLES, n_trials, BINS, NEURONS))
    given = np.full(NEURONS, alpha) if alpha is not None and said else None
    return Prediction(samples.mean(0), trials, rate_samples=samples, dispersion=given)


def test_right_predictions_hold_nine_tenths_and_their_bars_are_level() -> None:
    """800 independent pairs of windows: a share of 0.9 is known to 0.011, four of these allowed."""
    scores = combine([[predictive_statistics(predicted(1.0))]])
    assert scores["predictive coverage"].value == pytest.approx(0.9, abs=0.044)
    assert scores["PIT deviation"].value < 0.2
    assert scores["PIT deviation"].low == 0.0
    assert scores["predictive coverage"].n_neurons == 10
    assert "windows of 0.24 s" in scores["predictive coverage"].note


@pytest.mark.parametrize(("times_too_narrow", "sign"), [(3.0, -1), (1 / 3, 1)])
def test_predictions_too_sure_or_not_sure_enough_are_found(
    times_too_narrow: float, sign: int
) -> None:
    scores = combine([[predictive_statistics(predicted(times_too_narrow))]])
    held, deviation = scores["predictive coverage"], scores["PIT deviation"]
    assert sign * (held.value - 0.9) > 0.04
    assert (held.high < 0.9) if sign < 0 else (held.low > 0.9)
    assert deviation.low > 0.1
    if sign < 0:  # samples that hardly spread hold little more than none at all
        assert held.value - 0.06 < held.facts["certain rates"] <= held.value


def test_dispersion_beyond_poissons_belongs_to_the_law_where_the_model_says_so() -> None:
    right, wrong = (
        combine([[predictive_statistics(predicted(1.0, alpha=1.5, said=said))]])
        for said in (True, False)
    )
    assert right["predictive coverage"].value == pytest.approx(0.9, abs=0.044)
    assert wrong["predictive coverage"].high < 0.87
    assert right["PIT deviation"].value < wrong["PIT deviation"].low


def test_the_deviation_of_level_bars_is_not_made_by_the_noise_of_few_counts() -> None:
    """Its square is unbiased: the mean of 400 sets of ten trials lies within 3 errors of 0."""
    rng = np.random.default_rng(1)
    squares = []
    for _ in range(400):
        bars = rng.multinomial(5, np.full(20, 0.05), size=10).astype(float)
        beyond = bars - 0.25
        pairs = np.square(beyond.sum(0)).sum() - np.square(beyond).sum()
        squares.append(20 * pairs / (50**2 - 10 * 25))
    error = np.std(squares) / 20
    assert abs(np.mean(squares)) < 3 * error
    known = {"name": "PIT deviation", "unit": "share", "trial_ids": np.arange(10)}
    statistic = PitDeviation(
        bars=bars, scored=np.full(10, 5.0), condition=None, bin_s=0.02, n_neurons=1, **known
    )
    assert statistic.value == pytest.approx(np.sqrt(max(squares[-1], 0.0)))


def test_missing_bins_are_left_out_and_a_window_without_any_counts_nothing(tmp_path) -> None:
    prediction = predicted(1.0, n_trials=10)
    spikes = np.array(prediction.trials.spikes, float)
    spikes[0, :12], spikes[1] = np.nan, np.nan
    gaps = replace(prediction, trials=prediction.trials.replace(spikes=spikes))
    found = predictive_statistics(gaps)
    assert found["predictive coverage"].scored.tolist() == [10, 0, *[20] * 8]
    kept = load_statistics(save_statistics(tmp_path / "kept.npz", found))
    assert {name: each.value for name, each in kept.items()} == {
        name: each.value for name, each in found.items()
    }
    # a part of the trials in which nothing was recorded adds nothing, and breaks nothing
    some = interval_statistics(lambda trials, samples=None, seed=0: gaps, gaps.trials)
    assert {"predictive coverage", "PIT deviation", "interval spread"} == set(some)


def test_what_they_need_is_said() -> None:
    prediction = predicted(1.0, n_trials=4)
    with pytest.raises(DataError, match="predict with samples=200"):
        predictive_statistics(Prediction(prediction.rates, prediction.trials))
    none = prediction.trials.replace(heldout=np.zeros(NEURONS, bool))
    with pytest.raises(DataError, match="no neuron is held out"):
        predictive_statistics(
            Prediction(prediction.rates, none, rate_samples=prediction.rate_samples)
        )
