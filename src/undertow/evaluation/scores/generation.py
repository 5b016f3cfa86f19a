"""Scores of models that generate: spikes, behaviour and labels they predict themselves.

They are taken in both modes: from all observations, and from the first bins alone.
"""

from collections.abc import Iterator

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.data.times import shown_bins
from undertow.data.validation import known_labels
from undertow.evaluation.metrics.labels import LEAST_PROBABILITY
from undertow.evaluation.scores.likelihood import silent_in, without_silent
from undertow.evaluation.scores.statistic import Statistic
from undertow.evaluation.scores.sums import BitsPerSpike, LogLoss, RSquared, ShareCorrect
from undertow.evaluation.scores.trials import about, varies
from undertow.names import listed

GENERATED = "generated "


def generation_statistics(
    inferred: Prediction, generated: Prediction, seen_bins: int, train: TrialSet | None = None
) -> dict[str, Statistic]:
    """The per-trial sums behind every score of a model that also generates, by name.

    'generated bps' (bits per spike of all neurons, ElGazzar & van Gerven eq. 23, in the bins after
    those it was shown) and 'generated bps all bins'; for behaviour it predicts 'behavior R2' (eq.
    24) and 'generated behavior R2', in the bins after those shown; for each label 'predicted
    accuracy NAME', 'predicted log-loss NAME' and the same 'generated', with 'log-loss of shares
    NAME', that of always answering with the shares of `train`; for each channel of categorical
    behaviour, over the bins after those shown, 'behavior accuracy NAME', 'behavior log-loss NAME'
    and the same 'generated', with 'behavior majority share NAME' and 'behavior log-loss of shares
    NAME', those of always answering with the commonest category, and with the shares, of these bins
    of `train`.

    Args:
        inferred: from all observations.
        generated: of the same trials, from their first bins.
        seen_bins: how many bins these are; of irregular times, all that was observed before so many
            bin widths had passed.
        train: the training trials.
    """
    found = [
        *_spike_statistics(generated, seen_bins, train),
        *_behavior_statistics(inferred, seen_bins, ""),
        *_behavior_statistics(generated, seen_bins, GENERATED),
        *_category_statistics(inferred, seen_bins, ""),
        *_category_statistics(generated, seen_bins, GENERATED),
        *(() if train is None else _category_references(inferred, seen_bins, train)),
        *_label_statistics(inferred, "predicted "),
        *_label_statistics(generated, GENERATED),
        *(() if train is None else _share_statistics(inferred, train)),
    ]
    return {statistic.name: statistic for statistic in found}


def own_behavior_statistics(inferred: Prediction) -> dict[str, Statistic]:
    """'behavior R2' of a model that predicts behaviour and generates nothing, in all bins."""
    return {found.name: found for found in _behavior_statistics(inferred, 0, "")}


def _spike_statistics(
    generated: Prediction, seen_bins: int, train: TrialSet | None
) -> Iterator[BitsPerSpike]:
    trials = generated.trials
    after = f"all neurons, generated from the first {_ms(trials, seen_bins)}"
    for name, first, note in (
        ("generated bps", seen_bins, f"{after}, in the bins after them"),
        ("generated bps all bins", 0, f"{after}, in these bins too"),
    ):
        later, spikes = _after(trials, first, trials.spikes)
        firing = np.nansum(spikes, axis=(0, 1)) > 0
        scored = firing & ~silent_in(train)
        if scored.any():
            words = note + without_silent(trials, firing & ~scored)
            known = about(trials, name, "bits/spike", words, scored, scored | ~firing)
            yield BitsPerSpike.from_counts(
                generated.counts[:, later, scored], spikes[..., scored], **known
            )


def _behavior_statistics(prediction: Prediction, seen_bins: int, mode: str) -> Iterator[RSquared]:
    trials, predicted = prediction.trials, prediction.behavior
    if predicted is None or trials.behavior is None or trials.behavior_kind != "continuous":
        return
    later, target = _after(trials, seen_bins, trials.behavior.astype(np.float64))
    varying = varies(target)
    if varying.any():
        note = "the model's own prediction, mean over channels"
        note += f", after the first {_ms(trials, seen_bins)}" if seen_bins else ""
        constant = [
            name for name, each in zip(trials.behavior_names, varying, strict=True) if not each
        ]
        note += f"; without {listed(constant)}, which does not vary" if constant else ""
        # channel by channel: pooled, millimetres would drown metres per second
        yield RSquared.from_targets(
            predicted[:, later, varying],
            target[..., varying],
            **about(trials, f"{mode}behavior R2", "R²", note),
        )


def _category_statistics(prediction: Prediction, seen_bins: int, mode: str) -> Iterator[Statistic]:
    """Accuracy and log-loss, bin by bin, of categorical behaviour.

    A category that the model does not know counts as wrong.
    """
    trials = prediction.trials
    for name, probability in prediction.behavior_probabilities.items():
        truth = _categories_after(trials, name, seen_bins)
        if truth is None:
            continue
        scored, known = np.isfinite(truth), np.asarray(prediction.behavior_categories[name])
        later = probability[:, probability.shape[1] - truth.shape[1] :]
        note = f"bin by bin after the first {_ms(trials, seen_bins)}"
        right = known[later.argmax(axis=-1)] == truth
        likeliest = f"the likeliest category by the model itself, {note}"
        yield _accuracy(trials, f"{mode}behavior accuracy {name}", right, scored, likeliest)
        given = np.where(truth[..., None] == known, later, 0.0).sum(axis=-1)
        own = f"of the model's own probabilities, {note}"
        yield _log_loss(trials, f"{mode}behavior log-loss {name}", given, scored, own)


def _category_references(
    inferred: Prediction, seen_bins: int, train: TrialSet
) -> Iterator[Statistic]:
    """What two constant answers would reach on categorical behaviour.

    They are the commonest category and the shares of the training trials' bins.
    """
    trials = inferred.trials
    for name in inferred.behavior_probabilities:
        truth, learned = (_categories_after(each, name, seen_bins) for each in (trials, train))
        if truth is None or learned is None:
            continue
        scored = np.isfinite(truth)
        known, counts = np.unique(learned[np.isfinite(learned)], return_counts=True)
        majority = known[counts.argmax()]
        always = f"always answering {majority:g}"
        yield _accuracy(
            trials, f"behavior majority share {name}", truth == majority, scored, always
        )
        given = np.where(truth[..., None] == known, counts / counts.sum(), 0.0).sum(axis=-1)
        shares = "the shares of the training trials' bins"
        yield _log_loss(trials, f"behavior log-loss of shares {name}", given, scored, shares)


def _categories_after(trials: TrialSet, name: str, seen_bins: int) -> np.ndarray | None:
    """The category in each later bin, (trials, bins), NaN where missing.

    None where no bin has one.
    """
    if (
        trials.behavior is None
        or trials.behavior_kind != "categorical"
        or name not in trials.behavior_names
    ):
        return None
    _, later = _after(trials, seen_bins, trials.behavior)
    channel: np.ndarray = later[..., list(trials.behavior_names).index(name)]
    return channel if np.isfinite(channel).any() else None


def _after(trials: TrialSet, bins: int, values: np.ndarray) -> tuple[slice, np.ndarray]:
    """Cut (trials, time, …) values to what comes after the bins shown, NaN where it was shown too.

    The slice is of the bins kept. With irregular times a bin may be shown in some trials alone.
    """
    shown = shown_bins(trials.times, trials.n_time, trials.start_s, trials.bin_s, bins)
    later = slice(int(shown.all(0).argmin()) if not shown.all() else trials.n_time, None)
    if trials.times is None:
        return later, values[:, later]
    return later, np.where(shown[:, later, None], np.nan, values[:, later])


def _label_statistics(prediction: Prediction, mode: str) -> Iterator[Statistic]:
    """Accuracy and log-loss of the label categories that a model predicts.

    A category that the model does not know counts as wrong.
    """
    trials = prediction.trials
    for name, probability in prediction.label_probabilities.items():
        truth = trials.labels.get(name)
        if truth is None or not (scored := known_labels(truth)).any():
            continue
        known = np.asarray(prediction.label_categories[name])
        given = np.where(truth[:, None] == known, probability, 0.0).sum(axis=1)
        right = known[probability.argmax(axis=1)] == truth
        likeliest = "the likeliest category by the model itself"
        yield _accuracy(trials, f"{mode}accuracy {name}", right, scored, likeliest)
        yield _log_loss(
            trials, f"{mode}log-loss {name}", given, scored, "of the model's own probabilities"
        )


def _share_statistics(inferred: Prediction, train: TrialSet) -> Iterator[LogLoss]:
    """The log-loss of answering every trial with the label shares of the training trials."""
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


def _accuracy(
    trials: TrialSet, name: str, right: np.ndarray, scored: np.ndarray, note: str
) -> ShareCorrect:
    """The share right of what is scored, (trials,) or (trials, bins)."""
    correct, n = _trial_means(right, scored)
    return ShareCorrect(correct=correct, scored=n, **about(trials, name, "share", note))


def _log_loss(
    trials: TrialSet, name: str, given: np.ndarray, scored: np.ndarray, note: str
) -> LogLoss:
    """−log of the probabilities given to what is scored, (trials,) or (trials, bins)."""
    loss, n = _trial_means(-np.log(np.maximum(given, LEAST_PROBABILITY)), scored)
    return LogLoss(loss=loss, scored=n, **about(trials, name, "nats", note))


def _trial_means(values: np.ndarray, scored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each trial's scored values, 0 where there is none, and their number."""
    values, scored = values.reshape(len(values), -1), scored.reshape(len(scored), -1)
    n = scored.sum(axis=1).astype(float)
    return np.where(scored, values, 0.0).sum(axis=1) / np.maximum(n, 1.0), n


def _ms(trials: TrialSet, bins: int) -> str:
    """A number of bins in words: '100 ms'."""
    return f"{1e3 * bins * trials.bin_s:g} ms"
