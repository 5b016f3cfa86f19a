"""Decoded velocity and hand paths."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.report.records import make_prediction, make_trials
from undertow.analysis import decoded_velocity, hand_paths, predicted_behavior
from undertow.analysis.behavior import DecodedVelocity, integrated
from undertow.data import Prediction, TrialSet
from undertow.errors import UndertowError
from undertow.evaluation import decode_velocity


def test_decoded_velocity_is_the_evaluations_and_blank_past_the_end() -> None:
    lengths = np.r_[np.full(11, 15), 9]
    test = make_prediction(make_trials(lengths=lengths, truth=None))
    train = make_prediction(make_trials(20))
    found = decoded_velocity(train, test)
    assert found.channel_names == ("hand_vel_x", "hand_vel_y")
    assert found.lag_s == pytest.approx(0.1)
    np.testing.assert_allclose(found.decoded[:11], decode_velocity(test, train)[:11])
    assert np.isnan(found.decoded[11, 9:]).all()
    assert np.isnan(found.decoded[:, :5]).all()
    np.testing.assert_array_equal(found.true[0], test.trials.behavior[0, :, :2])  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"behavior": None, "behavior_names": ()}, "'vel' in its name"),
        ({"behavior": np.zeros((12, 15, 4)), "behavior_kind": "categorical"}, "'vel' in its name"),
        ({"behavior": np.full((12, 15, 4), np.nan)}, "missing throughout"),
    ],
)
def test_velocity_that_is_not_there_is_said(changes: dict, words: str) -> None:
    with pytest.raises(UndertowError, match=words):
        decoded_velocity(make_prediction(make_trials(20)), make_prediction(make_trials(**changes)))


def test_integrating_a_straight_and_a_curved_motion() -> None:
    time = (np.arange(50) + 0.5) * 0.01
    velocity = np.stack([np.full(50, 3.0), 2.0 * time], axis=-1)[None]
    path = integrated(velocity, 0.01, np.array([[1.0, 1.0]]))
    np.testing.assert_allclose(path[0, :, 0], 1.0 + 3.0 * (time - time[0]))
    np.testing.assert_allclose(path[0, :, 1], 1.0 + time**2 - time[0] ** 2)


def test_integration_stands_still_over_gaps() -> None:
    velocity = np.ones((1, 5, 2))
    velocity[0, 0] = velocity[0, 2] = np.nan
    path = integrated(velocity, 1.0, np.zeros((1, 2)))
    np.testing.assert_array_equal(path[0, :, 0], [np.nan, 0.0, np.nan, 0.0, 1.0])


@pytest.mark.parametrize("with_position", [True, False])
def test_perfect_decoding_gives_the_measured_path(with_position: bool) -> None:
    trials = make_trials()
    assert trials.behavior is not None
    true = trials.behavior[:, :, :2].astype(float)
    path = integrated(true, 0.02, np.full((12, 2), 7.0))
    behavior = np.concatenate([true, path], axis=2) if with_position else true
    names = ("vel_x", "vel_y", "pos_x", "pos_y")[: behavior.shape[2]]
    trials = trials.replace(behavior=behavior, behavior_names=names)
    decoded = true.copy()
    decoded[:, :4] = np.nan
    measured, moved = hand_paths(
        DecodedVelocity(true, decoded, ("vel_x", "vel_y"), ("",) * 12, 0.08), trials
    )
    start = 7.0 if with_position else 0.0
    np.testing.assert_allclose(measured.position[:, 0], start, atol=1e-6)
    np.testing.assert_allclose(moved.position[:, 4:], measured.position[:, 4:], atol=1e-5)
    assert np.isnan(moved.position[:, :4]).all()
    np.testing.assert_array_equal(moved.condition, trials.condition)


def test_on_a_real_recording_decoded_paths_follow_the_hand(
    test_data: Callable[[str], Path],
) -> None:
    trials = TrialSet.from_npz(test_data("maze_reach_5ms.npz"), bin_s=0.02)
    smooth = np.exp(-0.5 * (np.subtract.outer(np.arange(25), np.arange(25)) / 2.5) ** 2)
    rates = (smooth / smooth.sum(axis=1, keepdims=True)) @ trials.spikes / 0.02 + 0.5
    split = np.arange(129) % 4 == 0
    test, train = (Prediction(rates[part], trials[part]) for part in (split, ~split))
    velocity = decoded_velocity(train, test)
    measured, moved = hand_paths(velocity, test.trials)
    known = np.isfinite(moved.position)
    error = np.sqrt(np.mean((moved.position - measured.position)[known] ** 2))
    spread = np.sqrt(np.mean((measured.position - measured.position[:, :1])[known] ** 2))
    assert error < 0.7 * spread


def test_the_share_of_measured_values_inside_their_interval_is_counted_over_all_trials() -> None:
    trials = make_trials(200)
    assert trials.behavior is not None
    noise = np.random.default_rng(0).normal(size=trials.behavior.shape)
    noise[0, 0, 0] = np.nan
    for factor, share in ((1.0, 0.9), (2.0, 0.589)):
        measured = trials.replace(behavior=trials.behavior + factor * noise)
        made = make_prediction(measured)
        std = np.ones_like(trials.behavior)
        made = dataclasses.replace(made, behavior=trials.behavior, behavior_std=std)
        assert predicted_behavior(made, trials=2).held == pytest.approx(share, abs=0.02)
    assert predicted_behavior(dataclasses.replace(made, behavior_std=None)).held is None
