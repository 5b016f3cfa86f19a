"""Held-in neurons predicted where their spikes were hidden: speckled hold-out.

A model that is given a spike can copy it. Here it is never given the entry it is scored on.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from undertow.checks import whole
from undertow.data import Prediction, TrialSet
from undertow.data.sharing import sealed
from undertow.errors import DataError
from undertow.evaluation.scores.trials import window

MASKS = 10
MOST_MASKS = 100
SHOWN = -1


def speckles(trials: TrialSet, masks: int = MASKS, seed: int = 0) -> np.ndarray:
    """The mask that hides each entry, (trials, time, neurons) whole numbers, drawn at random.

    Entries that no mask hides are −1: forward bins, held-out neurons and what was not observed.

    Args:
        trials: to hide spikes of.
        masks: how many there are; each hides 1/masks of the entries.
        seed: of the draw.

    Raises:
        DataError: for less than 2 masks or more than 100.
    """
    whole("masks", masks, 2, MOST_MASKS, error=DataError)
    drawn = np.random.default_rng(seed).integers(masks, size=trials.spikes.shape, dtype=np.int8)
    drawn[:, window(trials).stop :] = SHOWN
    drawn[:, :, trials.heldout] = SHOWN
    drawn[~np.isfinite(trials.spikes)] = SHOWN
    return drawn


def hidden_prediction(
    predict: Callable[[TrialSet], Prediction],
    trials: TrialSet,
    masks: int = MASKS,
    seed: int = 0,
) -> Prediction:
    """Rates of every held-in entry of the window, each predicted with that entry hidden.

    The trials are predicted once per mask; what a mask hides is NaN in them, as what was never
    recorded is. All other rates are NaN.

    Args:
        predict: the model's prediction for trials.
        trials: to predict for.
        masks, seed: as in `speckles`.

    Raises:
        DataError: as `speckles`.
    """
    drawn = speckles(trials, masks, seed)
    rates = np.full(trials.spikes.shape, np.nan, np.float32)
    for k in range(masks):
        hidden = drawn == k
        shown = trials.replace(spikes=sealed(np.where(hidden, np.float32(np.nan), trials.spikes)))
        np.copyto(rates, predict(shown).rates, where=hidden, casting="same_kind")
    return Prediction(rates, trials, hidden_rates=rates)


def with_hidden(prediction: Prediction, hidden: Prediction | None) -> Prediction:
    """The prediction with the rates of hidden entries beside its own, where there are any.

    'held-in bps' and scores of single held-in neurons are then of these.
    """
    return prediction if hidden is None else replace(prediction, hidden_rates=hidden.hidden_rates)
