"""Velocity scores: one floor for every model, and channels that are not known everywhere."""

import numpy as np
import pytest

from undertow.data import Prediction, TrialSet
from undertow.evaluation import (
    LogRates,
    combine,
    decode_velocity,
    log_rate_velocity_r2,
    score_prediction,
    sufficient_statistics,
)
from undertow.evaluation.scores.floor import FLOORS_HZ, chosen_floor

BIN_S, LAG = 0.02, 5
NAME = "velocity R2 log-rate"


def make(seed: int, n_trials: int = 40, sparse: bool = True) -> Prediction:
    """Velocity linear in log-rates 100 ms before; sparse rates come down to 1e-6 spikes/s at
    random, where their logarithm is of noise alone."""
    rng, mixing = np.random.default_rng(seed), np.random.default_rng(9)
    latent = np.cumsum(rng.normal(size=(n_trials, 35, 2)), axis=1) / 3
    rates = 10 * np.exp(0.3 * latent @ mixing.normal(size=(2, 12)))
    velocity = np.concatenate([np.zeros((n_trials, LAG, 2)), latent[:, :-LAG]], axis=1)
    velocity[:, :LAG] = np.nan
    trials = TrialSet(
        rng.poisson(rates * BIN_S), BIN_S, behavior=velocity, behavior_names=("vel_x", "vel_y")
    )
    if sparse:
        off = rng.random(rates.shape) < 0.1
        rates = np.where(off, 10.0 ** rng.uniform(-6, -1, rates.shape), rates)
    return Prediction(rates, trials)


TEST, TRAIN = make(0), make(1)


def test_the_floor_is_chosen_in_training_trials_and_said() -> None:
    score = score_prediction(TEST, TRAIN, resamples=20)[NAME]
    floor = score.facts["floor_hz"]
    assert floor in FLOORS_HZ
    assert f"rates raised to {floor:g} spikes/s, chosen in the training trials" in score.note
    window = TRAIN.counts, TRAIN.trials.behavior, TEST.counts, TEST.trials.behavior
    assert score.value == pytest.approx(log_rate_velocity_r2(*window, LAG, floor * BIN_S), rel=1e-9)
    none = sufficient_statistics(TEST, TRAIN, log_rates=LogRates(floor_hz=0))[NAME]
    assert none.value < score.value - 0.1
    other = make(5)
    assert score_prediction(other, TRAIN, resamples=5)[NAME].facts == score.facts


def test_the_choice_is_that_of_cross_validation_by_hand() -> None:
    rates, velocity = TRAIN.counts, np.asarray(TRAIN.trials.behavior, float)
    fold = np.arange(len(rates)) % 5

    def by_hand(floor: float) -> float:
        parts = [(fold != k, fold == k) for k in range(5)]
        return float(
            np.mean(
                [
                    log_rate_velocity_r2(
                        rates[a], velocity[a], rates[b], velocity[b], LAG, floor * BIN_S
                    )
                    for a, b in parts
                ]
            )
        )

    scores = {floor: by_hand(floor) for floor in FLOORS_HZ}
    assert chosen_floor(rates, velocity, LAG, BIN_S) == max(scores, key=scores.__getitem__)


def test_rates_that_never_come_near_zero_are_scored_alike_under_any_floor() -> None:
    test, train = make(0, sparse=False), make(1, sparse=False)
    chosen = sufficient_statistics(test, train)[NAME].value
    plain = sufficient_statistics(test, train, log_rates=LogRates(floor_hz=0.01))[NAME].value
    assert chosen == pytest.approx(plain, abs=0.02)


def test_floors_that_differ_between_folds_are_said_as_a_range() -> None:
    one, other = (
        sufficient_statistics(TEST, TRAIN, log_rates=LogRates(floor_hz=f)) for f in (0.5, 2.0)
    )
    score = combine([[one], [other]])[NAME]
    assert score.facts["floor_hz"] == (0.5, 2.0)
    assert "raised to 0.5 to 2 spikes/s" in score.note
    assert score.to_dict()["facts"] == {"floor_hz": [0.5, 2.0]}


@pytest.mark.parametrize("channel", [0, 1])
def test_one_missing_value_in_any_channel_leaves_out_its_bin(channel: int) -> None:
    found = []
    for missing in ([channel], [0, 1]):
        both = []
        for each in (TEST, TRAIN):
            behavior = np.array(each.trials.behavior)
            behavior[3, 20, missing] = np.nan
            both.append(Prediction(each.rates, each.trials.replace(behavior=behavior)))
        found.append(sufficient_statistics(*both))
    for name in ("velocity R2", NAME):
        assert found[0][name].value == found[1][name].value
        assert np.isfinite(found[0][name].value)


def test_a_channel_known_nowhere_is_left_out_by_name() -> None:
    both = []
    for each in (TEST, TRAIN):
        behavior = np.array(each.trials.behavior)
        behavior[..., 1] = np.nan
        both.append(Prediction(each.rates, each.trials.replace(behavior=behavior)))
    score = score_prediction(*both, resamples=5)[NAME]
    assert "without vel_y, known in no bin" in score.note
    decoded = decode_velocity(*both)
    assert decoded.shape == (40, 35, 2)
    assert np.isfinite(decoded[:, LAG:, 0]).all()
    assert np.isnan(decoded[..., 1]).all()
