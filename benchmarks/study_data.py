"""Recordings made harder: with fewer spikes, and with a condition that training never shows."""

import numpy as np

from undertow import TrialSet


def thinned(trials: TrialSet, share: float, seed: int = 0) -> TrialSet:
    """Every spike is kept with this probability."""
    counts = np.nan_to_num(trials.spikes).astype(int)
    kept = np.random.default_rng(seed).binomial(counts, share).astype(float)
    kept[np.isnan(trials.spikes)] = np.nan
    return trials.replace(spikes=kept)


def left_out(trials: TrialSet, name: str) -> dict[str, TrialSet]:
    """For each condition the trials with those of that condition labelled 'test', the others
    'train'."""
    assert trials.condition is not None
    return {
        f"{name}-without{k}": trials.replace(
            split=np.where(trials.condition == condition, "test", "train")
        )
        for k, condition in enumerate(np.unique(trials.condition))
    }
