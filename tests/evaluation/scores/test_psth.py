"""The noise ceiling of trial averages, and what a score of them must be read beside."""

import numpy as np
import pytest

from undertow.data import Prediction, TrialSet
from undertow.evaluation import combine, psth, sufficient_statistics
from undertow.evaluation.scores.psth import noise_ceiling

BINS, NEURONS, BIN_S = 30, 8, 0.02
EVERY = np.ones(NEURONS, bool)


def make(per_condition: int, seed: int, gain: float = 1.0) -> TrialSet:
    rng = np.random.default_rng(seed)
    time, condition = np.arange(BINS) / BINS, np.arange(6 * per_condition) % 6
    phase = 2 * np.pi * (time[:, None] + condition[:, None, None] / 6 + np.arange(NEURONS) / 8)
    truth = 15 * np.exp(gain * np.sin(phase))
    return TrialSet(rng.poisson(truth * BIN_S), BIN_S, truth=truth, condition=condition)


@pytest.mark.parametrize("per_condition", [4, 5, 12])
def test_the_ceiling_is_what_psths_without_noise_would_score(per_condition: int) -> None:
    """Averaged over draws: the split-half estimate is unbiased, odd numbers of trials included."""
    ceilings, reached = [], []
    for seed in range(12):
        trials = make(per_condition, seed)
        labels, target = psth(trials.spikes, trials.condition, 0.05, BIN_S)
        member = np.searchsorted(labels, trials.condition)
        spikes = np.asarray(trials.spikes, float)
        ceilings.append(noise_ceiling([(spikes, member)], target, 0.05, BIN_S, EVERY))
        _, clean = psth(trials.truth * BIN_S, trials.condition, 0.05, BIN_S)
        flat, true = target.reshape(-1, NEURONS), clean.reshape(-1, NEURONS)
        reached.append(np.mean(1 - ((flat - true) ** 2).sum(0) / flat.var(0) / len(flat)))
    assert np.mean(ceilings) == pytest.approx(np.mean(reached), abs=0.03)
    assert np.mean(ceilings) < 0.99


def test_spikes_without_signal_have_a_ceiling_of_nothing() -> None:
    trials = make(10, 0, gain=0.0)
    labels, target = psth(trials.spikes, trials.condition, 0.05, BIN_S)
    member = np.searchsorted(labels, trials.condition)
    spikes = np.asarray(trials.spikes, float)
    assert abs(noise_ceiling([(spikes, member)], target, 0.05, BIN_S, EVERY)) < 0.2
    alone = noise_ceiling([(spikes[:6], member[:6])], target, 0.05, BIN_S, EVERY)
    assert np.isnan(alone)


@pytest.mark.parametrize("per_condition", [2, 5])
def test_trials_per_condition_and_ceiling_are_said(per_condition: int) -> None:
    test, train = make(per_condition, 1)[: 6 * per_condition - 1], make(5, 2)
    found = sufficient_statistics(
        Prediction(np.asarray(test.truth), test), Prediction(np.asarray(train.truth), train)
    )
    score = combine([[found]])["psth R2"]
    fewest, most = (
        score.facts["fewest trials per condition"],
        score.facts["most trials per condition"],
    )
    assert (fewest, most) == (per_condition - 1, per_condition)
    assert 0.5 < score.facts["noise ceiling"] < 1
    assert f"{per_condition - 1}–{per_condition} of these trials a condition" in score.note
    assert f"noise ceiling {score.facts['noise ceiling']:.3g}" in score.note
    assert ("give 4 or more" in score.note) == (per_condition - 1 < 4)
    assert score.to_dict()["facts"]["noise ceiling"] == score.facts["noise ceiling"]


def test_neurons_that_are_silent_in_all_conditions_drawn_leave_the_interval_finite() -> None:
    """With one trial a condition many resamples draw only conditions in which they never
    fire: of their variance nothing but rounding is left, and their R² there is 0, not −1e13."""
    spikes = np.random.default_rng(3).poisson(1.0, (5, BINS, 30)).astype(float)
    spikes[:4, :, :29] = 0
    rates = np.random.default_rng(4).uniform(0.5, 1.5, spikes.shape) / BIN_S
    trials = TrialSet(spikes, BIN_S, condition=np.arange(5))
    prediction = Prediction(rates, trials)
    score = combine([[sufficient_statistics(prediction, prediction)]])["psth R2"]
    assert -1e3 < score.low <= score.value <= score.high < 1.0
