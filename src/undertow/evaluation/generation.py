"""Scores of models that generate: spikes, behaviour and labels predicted by the model itself, in both modes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.data.validation import known_labels
from undertow.evaluation.labels import LEAST_PROBABILITY
from undertow.evaluation.statistic import Statistic
from undertow.evaluation.sums import BitsPerSpike, LogLoss, RSquared, ShareCorrect

GENERATED = "generated "


def generation_statistics(
    inferred: Prediction, generated: Prediction, seen_bins: int, train: TrialSet | None = None
) -> dict[str, Statistic]:
    """The per-trial sums behind every score of a model that also generates, by name.

    'generated bps' (bits per spike of all neurons, ElGazzar & van Gerven eq. 23, in the bins after those it was shown) and
    'generated bps all bins'; for behaviour it predicts 'behavior R2' (eq. 24) and 'generated behavior R2', in the bins
    after those shown; for each label 'predicted accuracy NAME', 'predicted log-loss NAME' and the same 'generated', with
    'log-loss of shares NAME', that of always answering with the shares of `train`.

    Args:
        inferred: from all observations.
        generated: of the same trials, from their first bins.
        seen_bins: how many bins these are.
        train: the training trials.
    """
    found = [
        *_spike_statistics(generated, seen_bins),
        *_behavior_statistics(inferred, seen_bins, ""),
        *_behavior_statistics(generated, seen_bins, GENERATED),
        *_label_statistics(inferred, "predicted "),
        *_label_statistics(generated, GENERATED),
        *(() if train is None else _share_statistics(inferred, train)),
    ]
    return {statistic.name: statistic for statistic in found}


def _spike_statistics(generated: Prediction, seen_bins: int) -> Iterator[BitsPerSpike]:
    trials = generated.trials
    after = f"all neurons, generated from the first {_ms(trials, seen_bins)}"
    for name, first, note in (
        ("generated bps", seen_bins, f"{after}, in the bins after them"),
        ("generated bps all bins", 0, f"{after}, in these bins too"),
    ):
        spikes = trials.spikes[:, first:]
        scored = np.nansum(spikes, axis=(0, 1)) > 0
        if scored.any():
            about = _about(trials, name, "bits/spike", note) | {
                "n_neurons": int(scored.sum()),
                "left_out": int((~scored).sum()),
            }
            yield BitsPerSpike.from_counts(generated.counts[:, first:, scored], spikes[..., scored], **about)


def _behavior_statistics(prediction: Prediction, seen_bins: int, mode: str) -> Iterator[RSquared]:
    trials, predicted = prediction.trials, prediction.behavior
    if predicted is None or trials.behavior is None or trials.behavior_kind != "continuous":
        return
    target = trials.behavior[:, seen_bins:].astype(np.float64)
    if np.isfinite(target).any():
        note = f"the model's own prediction, channels pooled, after the first {_ms(trials, seen_bins)}"
        about = _about(trials, f"{mode}behavior R2", "R²", note)
        yield RSquared.from_targets(
            predicted[:, seen_bins:], target, multioutput="variance-weighted", **about
        )


def _label_statistics(prediction: Prediction, mode: str) -> Iterator[Statistic]:
    """Accuracy and log-loss of the categories a model predicts; one it does not know counts as wrong."""
    trials = prediction.trials
    for name, probability in prediction.label_probabilities.items():
        truth = trials.labels.get(name)
        if truth is None or not (scored := known_labels(truth)).any():
            continue
        known = np.asarray(prediction.label_categories[name])
        given = np.where(truth[:, None] == known, probability, 0.0).sum(axis=1)
        yield ShareCorrect(
            correct=np.where(scored, known[probability.argmax(axis=1)] == truth, 0.0),
            scored=scored.astype(float),
            **_about(trials, f"{mode}accuracy {name}", "share", "the likeliest category by the model itself"),
        )
        yield _log_loss(trials, f"{mode}log-loss {name}", given, scored, "of the model's own probabilities")


def _share_statistics(inferred: Prediction, train: TrialSet) -> Iterator[LogLoss]:
    """The log-loss of answering every trial with the shares of the training trials."""
    trials = inferred.trials
    for name in inferred.label_probabilities:
        if name not in trials.labels or name not in train.labels:
            continue
        learned, truth = train.labels[name], trials.labels[name]
        learned, scored = learned[known_labels(learned)], known_labels(truth)
        if learned.size and scored.any():
            given = np.array([np.mean(learned == each) for each in truth])
            yield _log_loss(
                trials, f"log-loss of shares {name}", given, scored, "the training trials' shares"
            )


def _log_loss(trials: TrialSet, name: str, given: np.ndarray, scored: np.ndarray, note: str) -> LogLoss:
    loss = -np.log(np.maximum(given, LEAST_PROBABILITY))
    about = _about(trials, name, "nats", note)
    return LogLoss(loss=np.where(scored, loss, 0.0), scored=scored.astype(float), **about)


def _about(trials: TrialSet, name: str, unit: str, note: str) -> dict[str, Any]:
    """The fields every statistic carries."""
    return {
        "name": name,
        "unit": unit,
        "trial_ids": trials.trial_ids,
        "condition": trials.condition,
        "bin_s": trials.bin_s,
        "n_neurons": trials.n_neurons,
        "note": note,
    }


def _ms(trials: TrialSet, bins: int) -> str:
    """'100 ms', or bins where they are of irregular times."""
    return f"{1e3 * bins * trials.bin_s:g} ms" if trials.times is None else f"{bins} observations"
