"""Decoding labels: what can be decoded is, what cannot is not; beside the majority share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from undertow.data import join_trials, read_npz, split_trials
from undertow.errors import DataError
from undertow.evaluation import label_accuracy


def make_rates(n: int, seed: int, gain: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Rates in spikes/s, (n, 20, 6), and a label of three kinds that raises one neuron's rate late
    in the trial."""
    rng = np.random.default_rng(seed)
    label = rng.choice(["go", "stop", "wait"], n, p=[0.5, 0.3, 0.2])
    rates = np.exp(rng.normal(1.0, 0.3, (n, 20, 6)))
    for k, name in enumerate(("go", "stop", "wait")):
        rates[label == name, 12:16, k] *= np.exp(gain)
    return rates, label


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


def test_more_features_than_trials_are_decoded_as_by_scikit_learn() -> None:
    """Inside, such features are first turned into the span of the training rows."""
    (x, y), (new, truth) = make_rates(30, 0, gain=0.3), make_rates(200, 1, gain=0.3)
    found = label_accuracy(x, y, new, truth, windows=20)
    rows, new_rows = x.reshape(30, 120), new.reshape(200, 120)
    scale = rows.std(axis=0) * np.sqrt(120)
    model = LogisticRegression(C=found.inverse_penalty, max_iter=5000)
    model.fit((rows - rows.mean(axis=0)) / scale, y)
    decoded = model.predict((new_rows - rows.mean(axis=0)) / scale)
    assert len(set(decoded)) > 1
    np.testing.assert_array_equal(found.decoded, decoded)


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
    ({"windows": 7}, "windows is 7: .* from 1 to 6"),
    ({"floor": 0.0}, "floor is 0.0: .* above 0"),
    ({"test_features": -np.ones((2, 6, 3)), "floor": 0.1}, "averages below zero"),
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


def test_real_cues_are_decoded_far_above_chance(test_data: Callable[[str], Path]) -> None:
    trials = read_npz(test_data("prefrontal_K070217_30ms.npz"), label="cue")
    split = split_trials(trials.select(time=slice(0, 100)))
    train, test = join_trials(split.train, split.validation), split.test
    found = label_accuracy(train.spikes, train.labels["cue"], test.spikes, test.labels["cue"])
    assert found.majority_share < 0.35
    assert found.accuracy > 0.5
