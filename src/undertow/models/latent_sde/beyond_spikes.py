"""What a prediction gains on behaviour and labels over constant answers, in nats."""

import math

import numpy as np

from undertow.data import Prediction
from undertow.data.batches import Batch
from undertow.evaluation.metrics.labels import LEAST_PROBABILITY

LEAST_SHARE = 1e-9
"""Of the variance, that errors are taken to have."""


def behavior_gain(prediction: Prediction, scored: np.ndarray) -> float:
    """Log-likelihood of the behaviour beyond that of its own mean, or shares.

    Of continuous behaviour it is that of normal errors as large as they are: on few trials the
    predicted spread would otherwise decide, in which errors of a few bins outweigh all others.

    Args:
        prediction: with the behaviour it predicts; without any there is no gain.
        scored: bins that count, (trials, time).
    """
    observed = prediction.trials.behavior
    if observed is None or prediction.behavior is None:
        return 0.0
    if prediction.behavior_std is None:
        return _category_gain(prediction, observed, scored)
    known = np.isfinite(observed) & np.isfinite(prediction.behavior) & scored[..., None]
    gain = 0.0
    for channel in np.flatnonzero(known.any((0, 1))):
        where = known[..., channel]
        target = observed[..., channel][where].astype(np.float64)
        error = np.square(target - prediction.behavior[..., channel][where]).mean()
        if (total := target.var()) > 0:
            gain -= 0.5 * target.size * math.log(max(error / total, LEAST_SHARE))
    return gain


def label_gain(prediction: Prediction, batch: Batch) -> float:
    """Log-likelihood of the labels beyond that of their own shares."""
    gains = [
        _gain(probability, batch.labels[name].cpu().numpy())
        for name, probability in prediction.label_probabilities.items()
        if name in batch.labels
    ]
    return sum(gains, 0.0)


def _category_gain(prediction: Prediction, observed: np.ndarray, scored: np.ndarray) -> float:
    gains = []
    for k, (name, known) in enumerate(prediction.behavior_categories.items()):
        matches = observed[scored, k, None] == known
        codes = np.where(matches.any(-1), matches.argmax(-1), -1)
        gains.append(_gain(prediction.behavior_probabilities[name][scored], codes))
    return sum(gains, 0.0)


def _gain(probabilities: np.ndarray, codes: np.ndarray) -> float:
    """Sum of log probability over log share, over (n,) codes; negative ones are unknown."""
    known = codes >= 0
    if not known.any():
        return 0.0
    codes, given = codes[known], probabilities[known].astype(np.float64)
    shares = np.bincount(codes, minlength=given.shape[1]) / len(codes)
    chosen = np.maximum(given[np.arange(len(codes)), codes], LEAST_PROBABILITY)
    return float(np.log(chosen / shares[codes]).sum())
