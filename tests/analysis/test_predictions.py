"""What is taken from a prediction: rasters, single trials, PSTHs, decoded velocity, paths, the
neuron table."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.report.records import make_prediction, make_trials
from undertow.analysis import (
    decoded_velocity,
    hand_paths,
    neuron_table,
    psth,
    rasters,
    single_trial_rates,
)
from undertow.analysis.behavior import DecodedVelocity, integrated
from undertow.data import Prediction, TrialSet
from undertow.errors import UndertowError
from undertow.evaluation import bits_per_spike, decode_velocity, rate_r2


def test_rasters_are_reordered_rows_of_the_data() -> None:
    prediction = make_prediction(make_trials())
    found = rasters(prediction, make_prediction(make_trials(), seed=9), n_trials=2)
    assert found.names == ("trial 0, condition 0", "trial 1, condition 1")
    assert found.n_heldin == 4
    assert sorted(found.order.tolist()) == list(range(6))
    assert set(found.order[:4].tolist()) == {0, 1, 2, 3}
    np.testing.assert_array_equal(found.spikes, prediction.trials.spikes[:2][:, :, found.order])
    np.testing.assert_array_equal(found.rates, prediction.rates[:2][:, :, found.order])


def test_rates_past_a_trials_end_are_blank() -> None:
    trials = make_trials(3, truth=None, lengths=np.array([15, 6, 15]))
    found = rasters(make_prediction(trials), n_trials=3)
    row = found.names.index("trial 1, condition 1")
    assert np.isnan(found.rates[row, 6:]).all()
    assert np.isfinite(found.rates[row, :6]).all()


def test_single_trials_hold_quantiles_of_the_samples() -> None:
    prediction = make_prediction(make_trials(), samples=200)
    found = single_trial_rates(prediction, n_trials=2, n_neurons=2)
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


def test_psth_of_synthetic_data_is_the_average_truth() -> None:
    prediction = make_prediction(make_trials())
    trials = prediction.trials
    found = psth(prediction, n_neurons=2)
    neuron = int(found.neuron_names[0].split()[1])
    assert found.reference_name == "true rate"
    assert found.n_trials.tolist() == found.n_reference_trials.tolist() == [6, 6]
    assert trials.truth is not None
    assert trials.condition is not None
    mine = trials.condition == 1
    np.testing.assert_allclose(
        found.reference[1, :, 0], trials.truth[mine, :, neuron].mean(axis=0), rtol=1e-6
    )
    np.testing.assert_allclose(
        found.inferred[1, :, 0], prediction.rates[mine, :, neuron].mean(axis=0)
    )
    np.testing.assert_array_equal(found.spikes[1][:, :, 0], trials.spikes[mine, :, neuron])


def test_psth_of_recorded_data_pools_training_spikes_and_smooths() -> None:
    test, train = make_trials(truth=None), make_trials(20, truth=None)
    found = psth(make_prediction(test), training=train, n_neurons=1, smooth_s=0.03)
    neuron = int(found.neuron_names[0].split()[1])
    assert found.n_reference_trials.tolist() == [16, 16]
    assert "sd 30 ms" in found.reference_name
    assert test.condition is not None
    assert train.condition is not None
    pooled = np.concatenate(
        [each.spikes[each.condition == 0][:, :, neuron] for each in (test, train)]
    )
    weights = np.exp(-0.5 * (np.subtract.outer(np.arange(15), np.arange(15)) * 0.02 / 0.03) ** 2)
    smooth = weights @ pooled.mean(axis=0) / weights.sum(axis=1) / 0.02
    np.testing.assert_allclose(found.reference[0, :, 0], smooth, rtol=1e-5)


def test_psth_refuses_training_trials_of_another_window() -> None:
    with pytest.raises(UndertowError, match="must be the same"):
        psth(make_prediction(make_trials(truth=None)), training=make_trials(n_time=9, truth=None))


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


def test_neuron_table_row_by_row() -> None:
    spikes = make_trials().spikes.copy()
    spikes[:, :, 2] = 0
    trials = make_trials(spikes=spikes, forward_bins=3, region=list("aabbab"))
    mine, other = make_prediction(trials), make_prediction(trials, seed=8)
    table = neuron_table(mine, other)
    for k in (0, 5):
        counts = mine.counts[:, :12, k : k + 1]
        assert table.score[k] == pytest.approx(
            bits_per_spike(counts, trials.spikes[:, :12, k : k + 1])
        )
        assert table.n_spikes[k] == trials.spikes[:, :12, k].sum()
    assert np.isnan(table.score[2])
    assert 2 not in table.sorted_by_score
    assert (np.diff(table.score[table.sorted_by_score]) <= 0).all()
    columns = table.columns()
    assert columns["region"] == list("aabbab")
    assert table.rate_r2 is not None
    assert trials.truth is not None
    expected = rate_r2(mine.rates[:, :12, :1], trials.truth[:, :12, :1])
    assert columns["rate_r2"][0] == pytest.approx(expected)
    assert columns["difference"][0] == pytest.approx(
        table.score[0] - columns["baseline_bits_per_spike"][0]
    )


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
