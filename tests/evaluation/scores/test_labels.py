"""Scores of decoded labels: the metric on the window of the trials that have a label."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.evaluation.metrics.test_labels import make_rates
from undertow.data import Prediction, TrialSet
from undertow.evaluation import (
    compare,
    label_accuracy,
    load_statistics,
    save_statistics,
    score_prediction,
    sufficient_statistics,
)


def make_prediction(n: int, seed: int, **fields: Any) -> Prediction:
    rates, label = make_rates(n, seed)
    spikes = np.random.default_rng(seed + 100).poisson(rates * 0.02)
    trials = TrialSet(spikes, 0.02, labels={"choice": label}, condition=label, **fields)
    return Prediction(rates=rates, trials=trials)


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
