"""The average of several models' predictions for the same trials."""

from dataclasses import replace
from typing import Any

import numpy as np

from undertow.data import Prediction
from undertow.data.prediction import likeliest_categories


def averaged(each: list[Prediction], samples: int | None) -> Prediction:
    """Average what can be averaged; everything else is that of the first prediction.

    With `samples`, the rate samples are taken from all predictions in turn.
    """
    first = each[0]
    return replace(
        first,
        rates=np.mean([one.rates for one in each], axis=0),
        rate_samples=None
        if samples is None
        else _in_turn([one.rate_samples for one in each], samples),
        terms={k: v for k, v in first.terms.items() if k.startswith("kl")},
        label_probabilities={
            k: np.mean([one.label_probabilities[k] for one in each], axis=0)
            for k in first.label_probabilities
        },
        dispersion=_mean_dispersion([one.dispersion for one in each]),
        effective_samples=_fewest([one.effective_samples for one in each]),
        **_behavior(each, samples),
    )


def _mean_dispersion(each: list[np.ndarray | None]) -> np.ndarray | None:
    known = [one for one in each if one is not None]
    return np.mean(known, axis=0) if len(known) == len(each) else None


def _fewest(each: list[np.ndarray | None]) -> np.ndarray | None:
    known = [one for one in each if one is not None]
    return np.min(known, axis=0) if known else None


def _behavior(each: list[Prediction], samples: int | None) -> dict[str, Any]:
    """Average behaviour over the members, and collect its samples.

    Of continuous behaviour: the mean, and by the law of total variance the standard deviation of an
    observed value about it. Of categorical behaviour: the mean probabilities, and the category they
    make likeliest.
    """
    means = np.array([one.behavior for one in each if one.behavior is not None])
    if not len(means):
        return {}
    drawn = None if samples is None else _in_turn([one.behavior_samples for one in each], samples)
    if categories := each[0].behavior_categories:
        likely = {
            k: np.mean([one.behavior_probabilities[k] for one in each], axis=0) for k in categories
        }
        answer = likeliest_categories(likely, categories)
        return {"behavior": answer, "behavior_probabilities": likely, "behavior_samples": drawn}
    mean = means.mean(0)
    if each[0].behavior_std is None:
        return {"behavior": mean, "behavior_samples": drawn}
    stds = np.array([one.behavior_std for one in each])
    # mean of the variances within members plus the variance of the means between them
    std = np.sqrt((stds**2 + (means - mean) ** 2).mean(0))
    return {"behavior": mean, "behavior_std": std, "behavior_samples": drawn}


def _in_turn(samples: list[np.ndarray | None], n: int) -> np.ndarray:
    """Collect `n` samples: sample 0 of each member, then sample 1 of each, and so on."""
    drawn = [np.empty(0) if one is None else one for one in samples]
    return np.stack([drawn[i % len(drawn)][i // len(drawn)] for i in range(n)])
