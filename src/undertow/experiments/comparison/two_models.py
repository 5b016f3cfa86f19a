"""Scores of single neurons and single conditions, to set one model against another."""

from math import nan
from typing import Any

import numpy as np

from undertow.evaluation.scores.sums import BitsPerSpike
from undertow.experiments.comparison.compared import Compared


def neuron_scores(model: Compared, score: str = "co-bps") -> np.ndarray:
    """Bits per spike of each neuron scored, over folds and seeds, (neurons,).

    NaN for a neuron without a spike.
    """
    gains, spikes = np.zeros(0), np.zeros(0)
    for sums in _sums(model, score):
        gain, count = sums.gains(np.ones((1, sums.n_trials)))
        gains = gain[0] + (gains if len(gains) == len(gain[0]) else 0.0)
        spikes = count[0] + (spikes if len(spikes) == len(count[0]) else 0.0)
    return np.where(spikes > 0, gains / np.maximum(spikes, 1) / np.log(2), nan)


def condition_scores(model: Compared, score: str = "co-bps") -> dict[Any, float]:
    """Bits per spike of each condition's trials, mean over folds and seeds that have it."""
    found: dict[Any, list[float]] = {}
    for sums in _sums(model, score):
        if sums.condition is None:
            continue
        for condition in np.unique(sums.condition):
            weights = (sums.condition == condition).astype(float)[None]
            found.setdefault(condition, []).append(float(sums.finish(weights)[0]))
    return {condition: float(np.nanmean(values)) for condition, values in found.items()}


def _sums(model: Compared, score: str) -> list[BitsPerSpike]:
    return [
        found
        for seeds in model.statistics.values()
        for sums in seeds.values()
        if isinstance(found := sums.get(score), BitsPerSpike)
    ]
