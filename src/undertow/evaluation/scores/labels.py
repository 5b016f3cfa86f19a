"""Scores of labels decoded from predictions, and of the categories a model predicts itself."""

from collections.abc import Iterator

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.data.validation import known_labels
from undertow.evaluation.metrics.labels import WINDOWS, label_accuracy
from undertow.evaluation.scores.sums import ShareCorrect
from undertow.evaluation.scores.trials import about, window

FLOOR_HZ = 0.1
"""Rates below it are raised to it before their logarithm is taken, spikes/s."""


def label_statistics(prediction: Prediction, train: Prediction) -> Iterator[ShareCorrect]:
    """Accuracies of labels decoded from predictions, beside the majority shares.

    'label accuracy NAME' and 'majority share NAME' come for each label of which both trial sets
    know two values.

    Decoded by `label_accuracy` from the log rates of all neurons in the window, without the forward
    bins.
    """
    trials = prediction.trials
    for name in trials.labels:
        if name not in train.trials.labels or not _decodable(train.trials, trials, name):
            continue
        truth = trials.labels[name]
        scored = known_labels(truth)
        rates, train_rates = (each.rates[:, window(each.trials)] for each in (prediction, train))
        windows = min(WINDOWS, rates.shape[1], train_rates.shape[1])
        found = label_accuracy(
            train_rates, train.trials.labels[name], rates, truth, windows, FLOOR_HZ
        )
        notes = {
            "label accuracy": (
                found.decoded,
                f"logistic regression on log rates in {windows} windows",
            ),
            "majority share": (found.majority, f"always answering {found.majority!r}"),
        }
        for kind, (answer, note) in notes.items():
            yield ShareCorrect(
                correct=np.where(scored, answer == truth, 0.0),
                scored=scored.astype(float),
                **about(trials, f"{kind} {name}", "share", note),
            )


def _decodable(train: TrialSet, trials: TrialSet, name: str) -> bool:
    """Whether two labels can be learned and one trial can be scored."""
    learned = train.labels[name]
    several = np.unique(learned[known_labels(learned)]).size > 1
    return several and bool(known_labels(trials.labels[name]).any())
