"""Decoding a category per trial (a choice, an outcome) from rates or latents.

The accuracy stands beside the share of the commonest category.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from undertow.checks import number, whole
from undertow.data.labels import check_categories
from undertow.data.plain import known_labels
from undertow.errors import DataError
from undertow.evaluation.metrics.arrays import as_float

WINDOWS = 5
INVERSE_PENALTIES = np.logspace(-2, 3, 6)
FOLDS = 5
LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True, eq=False)
class LabelScore:
    """How well labels of test trials are decoded.

    Attributes:
        accuracy: share of the test trials decoded correctly.
        majority_share: the share right when the commonest training label is always answered.
        decoded: the label decoded for each test trial, (trials,).
        majority: the commonest label of the training trials.
        inverse_penalty: scikit-learn's C, chosen on the training trials; larger is less penalty.
    """

    accuracy: float
    majority_share: float
    decoded: np.ndarray
    majority: int | float | str
    inverse_penalty: float


def label_accuracy(
    train_features: ArrayLike,
    train_labels: ArrayLike,
    test_features: ArrayLike,
    test_labels: ArrayLike,
    windows: int = WINDOWS,
    floor: float | None = None,
) -> LabelScore:
    """Accuracy of labels decoded by multinomial logistic regression.

    Features are averages over `windows` equal stretches of the trial.

    Features are standardised by the training trials. The L2 penalty is the one with the best log
    likelihood in 5 stratified folds of the training trials; test trials are decoded once.

    Args:
        train_features, test_features: latents or rates, (trials, time, channels); NaN past a
            trial's end. A stretch without any value counts as an average one.
        train_labels, test_labels: numbers or strings, (trials,); trials whose label is NaN or ''
            are left out. A test label that no training trial has is never decoded.
        windows: number of stretches, at most the number of bins.
        floor: for rates: smaller averages are raised to it, and logarithms are decoded from; None
            for plain averages.

    Raises:
        DataError: when shapes differ, a trial has no value at all, fewer than two labels are known,
            or `windows` or `floor` break their rules.
    """
    x, new = (
        _averages(name, features, windows, floor)
        for name, features in (("train_features", train_features), ("test_features", test_features))
    )
    if x.shape[1:] != new.shape[1:]:
        raise DataError(
            f"test_features has {new.shape[2]} channels: train_features has {x.shape[2]}; they "
            "must be equal."
        )
    y, truth = (
        _labels("train_labels", train_labels, len(x)),
        _labels("test_labels", test_labels, len(new)),
    )
    known, scored = known_labels(y), known_labels(truth)
    classes, codes, counts = np.unique(y[known], return_inverse=True, return_counts=True)
    if classes.size < 2 or not scored.any():
        raise DataError(
            f"{classes.size} label(s) in train_labels and {int(scored.sum())} test trials with "
            "one: decoding needs two labels or more, and a trial to score."
        )
    inputs, new_inputs = _standardised(x[known].reshape(len(codes), -1), new.reshape(len(new), -1))
    inverse_penalty = _choose(inputs, codes, classes.size)
    decoded = classes[
        _probabilities(inputs, codes, new_inputs, classes.size, inverse_penalty).argmax(axis=1)
    ]
    majority = classes[counts.argmax()]
    return LabelScore(
        accuracy=float(np.mean(decoded[scored] == truth[scored])),
        majority_share=float(np.mean(truth[scored] == majority)),
        decoded=decoded,
        majority=majority.item(),
        inverse_penalty=inverse_penalty,
    )


def _labels(name: str, labels: ArrayLike, n_trials: int) -> np.ndarray:
    return check_categories({name: labels}, n_trials)[name]


def _averages(name: str, features: ArrayLike, windows: int, floor: float | None) -> np.ndarray:
    """Means over equal stretches of the bins that are there, (trials, windows, channels).

    With a floor their logarithms; NaN for a stretch without a value.
    """
    values = as_float(name, features, 3)
    whole("windows", windows, 1, values.shape[1], error=DataError)
    there = np.isfinite(values)
    if not there.any(axis=(1, 2)).all():
        trial = int(np.argmin(there.any(axis=(1, 2))))
        raise DataError(
            f"{name} of trial {trial} holds no value at all: predict it, or leave the trial out."
        )
    starts = np.round(np.arange(windows) * values.shape[1] / windows).astype(int)
    total = np.add.reduceat(np.where(there, values, 0.0), starts, axis=1)
    count = np.add.reduceat(there, starts, axis=1, dtype=int)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    if floor is None:
        return means
    number("floor", floor, 0.0, above=True, error=DataError)
    if (means < 0).any():
        raise DataError(
            f"{name} holds {int((means < 0).sum())} averages below zero, whose logarithm a floor "
            "asks for: give rates, or floor=None."
        )
    return np.log(np.maximum(means, floor))


def _standardised(x: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows standardised to a mean squared length near 1, by the training rows.

    They have no more dimensions than there are training rows.
    """
    there = np.isfinite(x)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, x, 0.0).sum(axis=0) / count
    std = np.sqrt(np.where(there, (x - mean) ** 2, 0.0).sum(axis=0) / count)
    # √dimensions makes the penalty mean the same for few features and for many
    scale = np.where(std > 1e-9 * (1 + np.abs(mean)), std, np.inf) * np.sqrt(x.shape[1])
    x, new = (np.nan_to_num((each - mean) / scale, nan=0.0) for each in (x, new))
    if x.shape[1] <= len(x):
        return x, new
    # weights under an L2 penalty lie in the span of the training rows: turning there is exact
    axes = np.linalg.svd(x, full_matrices=False)[2].T
    return x @ axes, new @ axes


def _choose(x: np.ndarray, codes: np.ndarray, n_classes: int) -> float:
    """The inverse penalty with the best log likelihood over folds.

    Where several are equally good, the strongest penalty.
    """
    # sorted by class after shuffling and dealt out in turn: stratified folds, the same every time
    order = np.random.default_rng(0).permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    fold = np.empty(len(codes), int)
    fold[order] = np.arange(len(codes)) % min(FOLDS, len(codes))
    loss = np.zeros(len(INVERSE_PENALTIES))
    for k in np.unique(fold):
        fit, left = fold != k, fold == k
        for i, penalty in enumerate(INVERSE_PENALTIES):
            probability = _probabilities(x[fit], codes[fit], x[left], n_classes, float(penalty))
            given = np.take_along_axis(probability, codes[left, None], axis=1)
            loss[i] -= np.log(np.maximum(given, LEAST_PROBABILITY)).sum()
    return float(INVERSE_PENALTIES[loss.argmin()])


def _probabilities(
    x: np.ndarray, codes: np.ndarray, new: np.ndarray, n_classes: int, inverse_penalty: float
) -> np.ndarray:
    """The probability of each class in new rows, (rows, classes).

    It is zero for classes that were not fitted on.
    """
    from sklearn.linear_model import LogisticRegression

    probability = np.zeros((len(new), n_classes))
    there = np.unique(codes)
    if there.size == 1:
        probability[:, there] = 1.0
        return probability
    model = LogisticRegression(C=inverse_penalty, max_iter=5000).fit(x, codes)
    probability[:, there] = model.predict_proba(new)
    return probability
