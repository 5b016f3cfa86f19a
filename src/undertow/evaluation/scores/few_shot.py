"""Few-shot co-smoothing of predictions: the latents a readout sees, and intervals over trials."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.errors import DataError
from undertow.evaluation.metrics.few_shot import REPEATS, FewShotScore, few_shot_rates, of_draws
from undertow.evaluation.scores.sums import BitsPerSpike
from undertow.evaluation.scores.trials import about, spiking, window

NAME = "few-shot co-bps"
ENCODER_STATE = "h"
RATE_FLOOR_HZ = 0.5


class Predicts(Protocol):
    """A fitted model."""

    def predict(self, trials: TrialSet) -> Prediction:
        """Its prediction for the trials."""


def few_shot_statistics(
    train: Prediction,
    test: Prediction,
    k: int,
    repeats: int = REPEATS,
    seed: int = 0,
    penalty: float | None = None,
    latents: Sequence[str] | None = None,
) -> tuple[list[BitsPerSpike], list[float]]:
    """The per-trial sums of 'few-shot co-bps' of each draw, and the penalty of each draw.

    The sums are for `pooled_score` and its intervals.

    As `few_shot_co_smoothing`, over the window (without forward bins) and, as for 'co-bps', without
    held-out neurons that have no spike in the test trials.

    Args:
        train, test: predictions of one model for training and test trials.
        k, repeats, seed, penalty: as in `few_shot_co_smoothing`.
        latents: names of the latents the readout sees, side by side; all by default, but for the
            encoder's state 'h' where there are others. A model without latents gives ln(rate + 0.5
            spikes/s) of its held-in neurons.

    Raises:
        DataError: as `few_shot_co_smoothing`, for a name the prediction does not have, and where no
            neuron is held out.
    """
    trials, bins = test.trials, window(test.trials)
    scored = trials.heldout & spiking(trials, bins)
    if not scored.any():
        raise DataError(
            "few-shot co-smoothing needs held-out neurons that spike in the test trials: hold some "
            "out."
        )
    spikes = trials.spikes[:, bins][..., scored]
    train_spikes = train.trials.spikes[:, window(train.trials)][..., scored]
    features = _features(train, latents), _features(test, latents)
    drawn = list(
        few_shot_rates(features[0], train_spikes, features[1], spikes, k, repeats, seed, penalty)
    )
    note = f"held-out neurons, by readouts fitted on {k} training trials"
    known = about(trials, NAME, "bits/spike", note, scored, trials.heldout)
    statistics = [BitsPerSpike.from_counts(rates, spikes, **known) for rates, _ in drawn]
    return statistics, [used for _, used in drawn]


def few_shot_scores(
    model: Predicts,
    train: TrialSet,
    test: TrialSet,
    k: int,
    repeats: int = REPEATS,
    seed: int = 0,
    penalty: float | None = None,
) -> FewShotScore:
    """Few-shot co-smoothing of a fitted model.

    See `few_shot_statistics` for other readouts and for intervals.

    Args:
        model: fitted.
        train: its training trials.
        test: trials to score; neither fitted nor chosen on.
        k, repeats, seed, penalty: as in `few_shot_co_smoothing`.

    Raises:
        DataError: as `few_shot_statistics`.
    """
    predictions = model.predict(train), model.predict(test)
    statistics, penalties = few_shot_statistics(*predictions, k, repeats, seed, penalty)
    return of_draws(k, zip((each.value for each in statistics), penalties, strict=True))


def _features(prediction: Prediction, names: Sequence[str] | None) -> np.ndarray:
    """What the readout sees in the window, (trials, time, features)."""
    known, bins = prediction.latents, window(prediction.trials)
    for name in names or ():
        if name not in known:
            raise DataError(
                f"the prediction has no latents {name!r}: it has {', '.join(known) or 'none'}."
            )
    chosen = list(names or [name for name in known if name != ENCODER_STATE] or known)
    if not chosen:
        # held-in only: rates of held-out neurons would hand the readout its answer
        rates = prediction.rates[:, bins, ~prediction.trials.heldout]
        return np.log(np.asarray(rates, np.float64) + RATE_FLOOR_HZ)
    return np.concatenate([known[name][:, bins] for name in chosen], axis=2)
