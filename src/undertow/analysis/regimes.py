"""Regimes of switching dynamics: the likeliest of each bin, trial by trial."""

from dataclasses import dataclass

import numpy as np

from undertow.analysis.examples import Which, example_trials, trial_groups
from undertow.data import Prediction
from undertow.errors import UndertowError


@dataclass(frozen=True, eq=False)
class RegimeMap:
    """The likeliest regimes of some trials, sorted by condition.

    Attributes:
        likeliest: number of the likeliest regime, from 0; −1 past a trial's end, (trials, time).
        probability: of that regime; NaN past a trial's end, (trials, time).
        share: of the bins of all trials in which each regime is the likeliest, (regimes,).
        what: what trials are sorted by, such as 'condition'; None where nothing tells them apart.
        groups: its value in each row, (trials,).
        order: index of each row's trial in the TrialSet, (trials,).
    """

    likeliest: np.ndarray
    probability: np.ndarray
    share: np.ndarray
    what: str | None
    groups: np.ndarray
    order: np.ndarray


def regime_map(prediction: Prediction, trials: Which = 200) -> RegimeMap:
    """Return the likeliest regime of each bin of some trials: their ids, or how many examples.

    Raises:
        UndertowError: for a prediction without regimes.
    """
    if "regimes" not in prediction.latents:
        raise UndertowError(
            "the prediction has no regimes: predict with a model that has, as SLDS."
        )
    every, valid = prediction.latents["regimes"], prediction.trials.valid
    counts = np.bincount(every[valid].argmax(-1), minlength=every.shape[2])
    what, values = trial_groups(prediction.trials)
    chosen = np.sort(example_trials(prediction.trials, trials))
    order = chosen[np.argsort(values[chosen], kind="stable")]
    shares = np.where(valid[..., None], every, 0.0)[order]
    return RegimeMap(
        likeliest=np.where(valid[order], shares.argmax(-1), -1),
        probability=np.where(valid[order], shares.max(-1), np.nan),
        share=counts / max(counts.sum(), 1),
        what=what,
        groups=values[order],
        order=order,
    )
