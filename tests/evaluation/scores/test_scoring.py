"""Scores of predictions: which there are, and that each is the plain metric on the right bins and
neurons."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from undertow.data import Prediction, TrialSet
from undertow.errors import DataError
from undertow.evaluation import (
    LogRates,
    bits_per_spike,
    compare,
    decode_velocity,
    log_rate_velocity_r2,
    per_neuron_scores,
    psth,
    psth_r2,
    rate_r2,
    score_prediction,
    sufficient_statistics,
    velocity_r2,
    with_hidden,
)

FORWARD = 4


def make(n_trials: int = 24, seed: int = 0, silent: bool = False) -> Prediction:
    """Noisy rates for trials with everything: held-out neurons, forward bins, truth, conditions,
    velocity."""
    rng = np.random.default_rng(seed)
    condition = np.arange(n_trials) % 3
    time = np.arange(20)
    phase = 2 * np.pi * (time / 20 + condition[:, None] / 3)
    waves = np.stack([np.cos(phase), np.sin(phase)], axis=-1) + 0.2 * rng.normal(
        size=(n_trials, 20, 2)
    )
    truth = 20 * np.exp(waves @ np.random.default_rng(9).normal(size=(2, 6)))
    spikes = rng.poisson(truth * 0.02).astype(float)
    if silent:
        spikes[..., [0, 4]] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trials = TrialSet(
            spikes=spikes,
            bin_s=0.02,
            condition=condition,
            behavior=np.concatenate([waves * 100, waves], axis=-1),
            behavior_names=("hand_vel_x", "hand_vel_y", "pos_x", "pos_y"),
            truth=truth,
            forward_bins=FORWARD,
            heldout=np.isin(np.arange(6), [1, 4]),
            region=["M1", "M1", "PMd", "PMd", "M1", "PMd"],
        )
    rates = truth * np.exp(0.2 * rng.normal(size=truth.shape))
    # any rates can stand for those of hidden entries: what is scored is what is handed over
    return Prediction(rates, trials, hidden_rates=rates)


def test_every_score_there_is() -> None:
    prediction, train = make(), make(seed=1)
    scores = score_prediction(prediction, train, resamples=100)
    assert list(scores) == [
        *(
            "co-bps",
            "held-in bps",
            "fp-bps",
            "rate R2",
            "rate R2 variance-weighted",
            "rate R2 median",
        ),
        *("psth R2", "velocity R2", "velocity R2 log-rate"),
    ]
    for name, score in scores.items():
        assert score.name == name
        assert score.low < score.value < score.high
        assert score.n_trials == 24
    assert scores["co-bps"].n_neurons == 2
    assert scores["fp-bps"].n_neurons == 6


def test_scores_are_the_plain_metrics_on_window_and_forward_bins() -> None:
    prediction, train = make(), make(seed=1)
    found = sufficient_statistics(prediction, train)
    values = {name: s.value for name, s in found.items()}
    trials, counts, window, after = (
        prediction.trials,
        prediction.counts,
        slice(0, 16),
        slice(16, 20),
    )
    out = trials.heldout
    spikes = trials.spikes.astype(float)
    assert values["co-bps"] == pytest.approx(
        bits_per_spike(counts[:, window, out], spikes[:, window, out]), rel=1e-9
    )
    heldin = bits_per_spike(counts[:, window, ~out], spikes[:, window, ~out])
    assert values["held-in bps"] == pytest.approx(heldin, rel=1e-9)
    assert values["fp-bps"] == pytest.approx(
        bits_per_spike(counts[:, after], spikes[:, after]), rel=1e-9
    )
    assert values["rate R2"] == pytest.approx(
        rate_r2(prediction.rates[:, window], trials.truth[:, window]), rel=1e-9
    )
    velocity, train_velocity = trials.behavior[:, window, :2], train.trials.behavior[:, window, :2]
    arrays = train.counts[:, window], train_velocity, counts[:, window], velocity
    assert values["velocity R2"] == pytest.approx(velocity_r2(*arrays), rel=1e-9)
    assert values["velocity R2 log-rate"] == pytest.approx(
        log_rate_velocity_r2(*arrays, 5, found["velocity R2 log-rate"].facts["floor_hz"] * 0.02),
        rel=1e-9,
    )


def test_psth_score_is_the_benchmark_metric_on_our_own_psth() -> None:
    prediction, train = make(), make(seed=1)
    statistic = sufficient_statistics(prediction, train)["psth R2"]
    spikes = np.concatenate([prediction.trials.spikes, train.trials.spikes])[:, :16]
    _, target = psth(spikes, np.tile(prediction.trials.condition, 2), 0.05, 0.02)
    index = [np.flatnonzero(prediction.trials.condition == k) for k in range(3)]
    expected = psth_r2(prediction.counts[:, :16], target, index)
    assert statistic.value == pytest.approx(expected, abs=1e-6)


def test_what_is_missing_is_not_scored() -> None:
    prediction = make()
    bare = prediction.trials.replace(
        truth=None,
        condition=None,
        behavior=None,
        behavior_names=(),
        forward_bins=0,
        heldout=np.zeros(6, bool),
    )
    alone = Prediction(prediction.rates, bare)
    assert list(score_prediction(alone, make(seed=1), resamples=10)) == []
    alone = with_hidden(alone, prediction)
    assert list(score_prediction(alone, make(seed=1), resamples=10)) == ["held-in bps"]
    without_train = score_prediction(prediction, resamples=10)
    assert "velocity R2" not in without_train
    assert "psth R2" not in without_train


def test_silent_neurons_are_left_out_and_said() -> None:
    prediction, train = make(silent=True), make(seed=1)
    scores = score_prediction(prediction, train, resamples=10)
    assert scores["co-bps"].n_neurons == 1
    assert scores["rate R2"].note.endswith("2 silent neurons left out")
    kept = [1, 2, 3, 5]
    truth = prediction.trials.truth[:, :16, kept]
    assert scores["rate R2"].value == pytest.approx(
        rate_r2(prediction.rates[:, :16, kept], truth), rel=1e-9
    )


def test_trial_ends_and_missing_bins_change_nothing() -> None:
    prediction, train = make(), make(seed=1)
    spikes, lengths = np.array(prediction.trials.spikes), np.full(24, 20)
    lengths[:3], spikes[5, 2:4] = 12, np.nan
    trials = prediction.trials.replace(spikes=spikes, lengths=lengths)
    unseen = np.isnan(trials.spikes)
    rates = np.array(prediction.rates)
    rates[~trials.valid] = np.nan
    garbage = np.where(unseen & trials.valid[..., None], 1e6, prediction.rates)
    garbage[~trials.valid] = 1e6
    one, other = (
        sufficient_statistics(Prediction(each, trials, hidden_rates=each), train)
        for each in (rates, garbage)
    )
    for name in ("co-bps", "held-in bps", "fp-bps", "psth R2"):
        assert one[name].value == pytest.approx(other[name].value, rel=1e-6), name
    assert np.isfinite([s.value for s in one.values()]).all()


def test_missing_rates_are_an_error() -> None:
    prediction = make()
    rates = np.array(prediction.rates)
    rates[2, 3, 1] = np.nan
    with pytest.raises(DataError, match="rates holds 1 NaN"):
        score_prediction(Prediction(rates, prediction.trials))


def test_compare_is_paired_and_refuses_other_trials() -> None:
    a, train = make(), make(seed=1)
    b = Prediction(
        a.rates * np.exp(0.5 * np.random.default_rng(5).normal(size=a.rates.shape)), a.trials
    )
    b = with_hidden(b, Prediction(b.rates, b.trials, hidden_rates=b.rates))
    differences = compare(a, b, train, train, resamples=300)
    one, other = (
        score_prediction(a, train, resamples=300),
        score_prediction(b, train, resamples=300),
    )
    assert list(differences) == list(one)
    for name, score in differences.items():
        assert score.name == f"{name} difference"
        assert score.value == pytest.approx(one[name].value - other[name].value, abs=1e-12)
    assert differences["co-bps"].low > 0
    with pytest.raises(DataError, match="different trials"):
        compare(a, Prediction(b.rates, a.trials.replace(trial_ids=np.arange(100, 124))))


def test_decoded_velocity_is_nan_outside_what_can_be_decoded() -> None:
    prediction, train = make(), make(seed=1)
    decoded = decode_velocity(prediction, train)
    assert decoded.shape == (24, 20, 2)
    known = np.isfinite(decoded).all(axis=(0, 2))
    assert known.tolist() == [False] * 5 + [True] * 11 + [False] * 4
    plain = decode_velocity(prediction, train, log_rates=None)
    assert np.isfinite(plain[:, :16]).all()
    raised = decode_velocity(prediction, train, LogRates(lag_s=0.0, floor_hz=1000.0))
    assert np.ptp(raised[:, :16, 0]) < 1e-6 * np.ptp(plain[:, :16, 0])
    trials = train.trials.replace(behavior_names=("a", "b", "c", "d"))
    with pytest.raises(DataError, match="'vel' in its name"):
        decode_velocity(prediction, Prediction(train.rates, trials))


def test_per_neuron_table() -> None:
    prediction = make(silent=True)
    table = per_neuron_scores(prediction)
    trials, window = prediction.trials, slice(0, 16)
    assert {len(column) for column in table.values()} == {6}
    assert table["region"].tolist() == ["M1", "M1", "PMd", "PMd", "M1", "PMd"]
    assert np.isnan(table["bits_per_spike"][[0, 4]]).all()
    one = bits_per_spike(
        prediction.counts[:, window, [2]], trials.spikes[:, window, [2]].astype(float)
    )
    assert table["bits_per_spike"][2] == pytest.approx(one, rel=1e-9)
    r2 = rate_r2(prediction.rates[:, window, [3]], trials.truth[:, window, [3]])
    assert table["rate_r2"][3] == pytest.approx(r2, rel=1e-9)
    rates = trials.spikes[:, window].mean(axis=(0, 1)) / 0.02
    np.testing.assert_allclose(table["mean_rate_hz"], rates, rtol=1e-5)
    flat = replace(prediction, hidden_rates=np.full_like(prediction.rates, 10.0))
    constant = per_neuron_scores(flat)["bits_per_spike"]
    assert constant[3] < 0 < table["bits_per_spike"][3]
    assert constant[1] == table["bits_per_spike"][1]
