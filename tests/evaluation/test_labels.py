"""Decoding labels: what can be decoded is, what cannot is not; beside the majority share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from undertow.data import Prediction, TrialSet, join_trials, read_npz, split_trials
from undertow.errors import DataError
from undertow.evaluation import (
    compare,
    label_accuracy,
    load_statistics,
    save_statistics,
    score_prediction,
    sufficient_statistics,
)
from undertow.evaluation.labels import _probabilities, _standardised


def make_rates(n: int, seed: int, gain: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Rates in spikes/s, (n, 20, 6), and a label of three kinds that raises one neuron's rate late
    in the trial."""
    rng = np.random.default_rng(seed)
    label = rng.choice(["go", "stop", "wait"], n, p=[0.5, 0.3, 0.2])
    rates = np.exp(rng.normal(1.0, 0.3, (n, 20, 6)))
    for k, name in enumerate(("go", "stop", "wait")):
        rates[label == name, 12:16, k] *= np.exp(gain)
    return rates, label


def make_prediction(n: int, seed: int, **fields: Any) -> Prediction:
    rates, label = make_rates(n, seed)
    spikes = np.random.default_rng(seed + 100).poisson(rates * 0.02)
    trials = TrialSet(spikes, 0.02, labels={"choice": label}, condition=label, **fields)
    return Prediction(rates=rates, trials=trials)


def test_a_label_in_the_rates_is_decoded() -> None:
    (x, y), (new, truth) = make_rates(120, 0), make_rates(80, 1)
    found = label_accuracy(x, y, new, truth, floor=0.1)
    assert found.accuracy > 0.95
    assert found.accuracy == np.mean(found.decoded == truth)
    assert found.majority == "go"
    assert found.majority_share == np.mean(truth == "go")
    plain = label_accuracy(x - 4, y, new - 4, truth)  # latents may be negative
    assert plain.accuracy > 0.9


def test_a_label_that_is_not_there_gives_the_majority() -> None:
    (x, _), (new, _) = make_rates(200, 0, gain=0.0), make_rates(200, 1, gain=0.0)
    rng = np.random.default_rng(2)
    y, truth = (rng.choice([-1, 1], 200, p=[0.2, 0.8]) for _ in range(2))
    found = label_accuracy(x, y, new, truth, floor=0.1)
    assert found.majority == 1
    assert abs(found.accuracy - found.majority_share) < 3 * np.sqrt(0.2 * 0.8 / 200)


def test_the_windows_are_averages_of_equal_stretches() -> None:
    """A label that only the order of two bursts tells needs more than one window."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 40)
    x = rng.normal(0, 0.1, (80, 10, 1))
    x[y == 0, 0:2, 0] += 1
    x[y == 1, 8:10, 0] += 1
    order = rng.permutation(80)
    fit, test = order[:60], order[60:]
    assert label_accuracy(x[fit], y[fit], x[test], y[test], windows=5).accuracy == 1.0
    assert label_accuracy(x[fit], y[fit], x[test], y[test], windows=1).accuracy < 0.8


def test_turning_into_the_span_of_the_training_rows_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    x, new = rng.normal(2, 3, (30, 80)), rng.normal(2, 3, (9, 80))
    codes = np.arange(30) % 3
    turned, new_turned = _standardised(x, new)
    assert turned.shape == (30, 30)
    scale = x.std(axis=0) * np.sqrt(80)
    plain, new_plain = (x - x.mean(axis=0)) / scale, (new - x.mean(axis=0)) / scale
    np.testing.assert_allclose(
        _probabilities(turned, codes, new_turned, 3, 1.0),
        _probabilities(plain, codes, new_plain, 3, 1.0),
        atol=1e-4,
    )


def test_missing_labels_are_left_out_and_new_ones_are_wrong() -> None:
    (x, y), (new, truth) = make_rates(90, 0), make_rates(40, 1)
    y, truth = y.copy(), truth.copy()
    y[:10], truth[:10] = "", ""
    truth[10] = "jump"
    found = label_accuracy(x, y, new, truth, floor=0.1)
    assert found.accuracy == np.mean((found.decoded == truth)[10:])
    assert "jump" not in found.decoded
    assert "" not in found.decoded


def test_trials_that_end_early_count_what_they_have() -> None:
    (x, y), (new, truth) = make_rates(90, 0), make_rates(40, 1)
    x[::3, 17:] = np.nan
    new[::2, 14:] = np.nan
    assert label_accuracy(x, y, new, truth, floor=0.1).accuracy > 0.9


WRONG = [
    ({"train_labels": ["a"] * 3}, "has shape .* it must have 4 entries"),
    ({"train_labels": ["a"] * 4}, "1 label.* decoding needs two labels"),
    ({"test_labels": ["", ""]}, "0 test trials with one"),
    ({"test_features": np.ones((2, 6, 5))}, "test_features has 5 channels: train_features has 3"),
    ({"windows": 7}, "windows is 7: it must lie between 1 and 6"),
    ({"floor": 0.0}, "the floor is 0.0"),
    (
        {"train_features": np.full((4, 6, 3), np.nan)},
        "train_features of trial 0 holds no value at all",
    ),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_wrong_input_is_named(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "train_features": np.ones((4, 6, 3)),
        "train_labels": ["a", "a", "b", "b"],
        "test_features": np.ones((2, 6, 3)),
        "test_labels": ["a", "b"],
    }
    with pytest.raises(DataError, match=message):
        label_accuracy(**{**given, **change})


def test_scores_of_a_prediction(tmp_path: Path) -> None:
    train, test = make_prediction(90, 0), make_prediction(60, 1)
    direct = label_accuracy(
        train.rates,
        train.trials.labels["choice"],
        test.rates,
        test.trials.labels["choice"],
        floor=0.1,
    )
    scores = score_prediction(test, train, resamples=300)
    accuracy, majority = scores["label accuracy choice"], scores["majority share choice"]
    assert (accuracy.value, majority.value) == (direct.accuracy, direct.majority_share)
    assert accuracy.low <= accuracy.value <= accuracy.high
    assert (accuracy.unit, accuracy.n_trials, accuracy.n_neurons) == ("share", 60, 6)
    assert majority.note == "always answering 'go'"
    assert "label accuracy choice" not in score_prediction(test, resamples=10)
    differences = compare(test, test, train, train, resamples=50)
    assert differences["label accuracy choice"].value == 0
    statistics = sufficient_statistics(test, train)
    back = load_statistics(save_statistics(tmp_path / "sums.npz", statistics))
    assert back["label accuracy choice"].value == direct.accuracy


def test_forward_bins_are_not_decoded_from() -> None:
    train, test = make_prediction(90, 0, forward_bins=8), make_prediction(60, 1, forward_bins=8)
    scores = score_prediction(
        test, train, resamples=10
    )  # what tells the label apart lies after bin 12
    assert scores["label accuracy choice"].value < 0.75


def test_a_label_with_one_value_or_in_one_set_only_has_no_score() -> None:
    train, test = make_prediction(30, 0), make_prediction(20, 1)
    same = Prediction(train.rates, train.trials.replace(labels={"choice": ["go"] * 30}))
    none = Prediction(train.rates, train.trials.replace(labels=None))
    for other in (same, none):
        assert not [name for name in sufficient_statistics(test, other) if "choice" in name]


def test_real_cues_are_decoded_far_above_chance(test_data: Callable[[str], Path]) -> None:
    trials = read_npz(test_data("prefrontal_K070217_30ms.npz"), label="cue")
    split = split_trials(trials.select(time=slice(0, 100)))
    train, test = join_trials(split.train, split.validation), split.test
    found = label_accuracy(train.spikes, train.labels["cue"], test.spikes, test.labels["cue"])
    assert found.majority_share < 0.35
    assert found.accuracy > 0.5
