"""Whether the intervals of a model hold what they say, measured on trials it was not fitted on.

Where the true rates are known their share inside the interval is counted. Elsewhere the spikes of
held-out neurons show how many times farther the rates err than their samples spread.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.evaluation.scores.predictive import no_sums, predictive_sums, statistics_of_sums
from undertow.evaluation.scores.score import Score
from undertow.evaluation.scores.spread import NO_SPREAD, excess_and_spread
from undertow.evaluation.scores.statistic import Statistic
from undertow.evaluation.scores.sums import ShareCorrect
from undertow.evaluation.scores.trials import about, window

COVERAGE, SPREAD = "interval coverage", "interval spread"
LEVEL, SAMPLES, WINDOW_S = 0.9, 200, 0.25
NORMAL_90 = 1.6448536269514722
"""Half the width of a central 90 % interval of a normal law, in standard deviations."""
AT_ONCE, LEAST_TRIALS = 25_000_000, 10
"""Sampled rates held at a time, and trials drawn for however large they are."""
AT_MOST, AT_MOST_BY_SPIKES = 20_000_000, 60_000_000
"""Sampled rates drawn in all: spikes, which are few, take more of them than true rates do."""


class Samples(Protocol):
    """A model's `predict`."""

    def __call__(self, trials: TrialSet, samples: int | None = None, seed: int = 0) -> Prediction:
        """The prediction with `samples` posterior samples."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SpreadRatio(Statistic):
    """How many times farther rates err than their samples spread, a ratio of deviations.

    Attributes:
        excess: squared error beyond Poisson's, (trials,), see `spread_factor`.
        spread_var: variance of the samples' expected counts, (trials,).
    """

    LEAST = 0.0
    AXES: ClassVar = {"excess": ("trials",), "spread_var": ("trials",)}

    excess: np.ndarray
    spread_var: np.ndarray

    def finish(self, weights: np.ndarray) -> np.ndarray:
        spread_var = weights @ self.spread_var
        ratio = weights @ self.excess / np.where(spread_var > 0, spread_var, np.nan)
        return np.sqrt(np.maximum(ratio, 0.0))


def interval_statistics(
    predict: Samples, trials: TrialSet, samples: int = SAMPLES, seed: int = 0
) -> dict[str, Statistic]:
    """The statistics of intervals of rates, and of the spikes predicted for held-out neurons.

    They are 'interval coverage' where true rates are known, else 'interval spread'; and where
    neurons are held out 'predictive coverage' and 'PIT deviation' (`predictive_statistics`).

    'interval coverage' is the share of the true rates, over bins and neurons, that lie inside the
    90 % interval of the sampled rates: 0.9 where it says what it is. 'interval spread' is the
    `spread_factor` of held-out neurons' spikes in windows of 0.25 s: 1 where intervals are right
    and above it where they are too narrow. Empty where neither can be had, for samples that do not
    differ, and for a model that draws none.

    Trials are drawn for in parts, so that at most 25 million sampled rates are held at a time, and
    of large sets for every k-th trial only.

    Args:
        predict: of a fitted model with a posterior to sample from.
        trials: that it was not fitted on.
        samples: of each trial.
        seed: of the samples.
    """
    if trials.truth is None and not trials.heldout.any():
        return {}
    chosen = _fewer(trials, samples)
    parts = []
    for k, part in enumerate(_parts(chosen, samples)):
        drawn = predict(part, samples=samples, seed=seed + k)
        if drawn.rate_samples is None or len(drawn.rate_samples) < 2:
            return {}
        parts.append(_sums(drawn))
    sums = {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}
    if not sums["variance"].sum() > NO_SPREAD * sums["square"].sum():
        return {}
    found = {s.name: s for s in _statistics(chosen, sums, samples)}
    if sums.get("pit_counts", np.zeros(1)).any():
        found |= {s.name: s for s in statistics_of_sums(chosen, sums)}
    return found


def interval_words(scores: Mapping[str, Score]) -> str:
    """What is known of a model's 90 % intervals, a sentence for a caption; '' where nothing is.

    Args:
        scores: of the model, by name.
    """
    if COVERAGE in scores:
        held = 100 * scores[COVERAGE].value
        return f"In these trials the 90 % interval holds {held:.0f} % of the true rates."
    if SPREAD not in scores or not math.isfinite(scores[SPREAD].value):
        return ""
    factor = scores[SPREAD]
    share, least, most = (
        f"{100 * normal_coverage(each):.0f}" for each in (factor.value, factor.high, factor.low)
    )
    return (
        f"By the spikes of held-out neurons, rates err {factor.value:.2g} times as far as the "
        f"samples spread ({100 * factor.level:g} % interval {factor.low:.2g} to "
        f"{factor.high:.2g}): a 90 % interval then holds about {share} % of the rates ({least} to "
        f"{most} %)."
    )


def normal_coverage(factor: float) -> float:
    """The share that a 90 % interval holds where errors are normal and `factor` times as wide."""
    return math.erf(NORMAL_90 / factor / math.sqrt(2)) if factor > 0 else 1.0


def _statistics(
    trials: TrialSet, sums: Mapping[str, np.ndarray], samples: int
) -> Iterator[Statistic]:
    drawn = f"{samples} samples of {trials.n_trials} trials"
    if trials.truth is not None:
        note = f"true rates inside the {100 * LEVEL:g} % interval; {drawn}; {LEVEL:g} is right"
        share = sums["inside"] / np.maximum(sums["known"], 1)
        known: dict[str, Any] = about(trials, COVERAGE, "share", note)
        yield ShareCorrect(correct=share, scored=sums["known"], **known)
        return
    note = f"error of rates over the spread of samples, by held-out spikes; {drawn}; 1 is right"
    known = about(trials, SPREAD, "×", note, trials.heldout)
    yield SpreadRatio(
        excess=sums["excess"], spread_var=sums["variance"], **{**known, "left_out": 0}
    )


def _sums(prediction: Prediction) -> dict[str, np.ndarray]:
    """What all statistics need of each trial, trials first."""
    trials = prediction.trials
    heldout = trials.spikes[:, window(trials)][..., trials.heldout]
    # a part of the trials without a recorded spike of theirs adds nothing
    pit = predictive_sums(prediction) if np.isfinite(heldout).any() else no_sums(trials)
    if trials.truth is None:
        width = min(max(round(WINDOW_S / trials.bin_s), 1), trials.n_time)
        excess, variance, square = excess_and_spread(prediction, width)
        return {"excess": excess, "variance": variance, "square": np.array([square]), **pit}
    return {**_truth_sums(prediction, trials.truth), **pit}


def _truth_sums(prediction: Prediction, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Sums of each trial over the true rates that are known, (trials,) each."""
    trials, bins = prediction.trials, window(prediction.trials)
    assert prediction.rate_samples is not None
    samples, truth = prediction.rate_samples[:, :, bins], truth[:, bins]
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    known = np.isfinite(truth) & trials.valid[:, bins, None]
    inside = known & (low <= truth) & (truth <= high)
    return {
        "inside": inside.sum((1, 2)).astype(float),
        "known": known.sum((1, 2)).astype(float),
        "variance": np.where(known, np.square(high - low), 0.0).sum((1, 2)),
        "square": np.where(known, np.square(high), 0.0).sum((1, 2)),
    }


def _fewer(trials: TrialSet, samples: int) -> TrialSet:
    """Every k-th trial of sets that would take more samples than are worth their time."""
    enough = AT_MOST_BY_SPIKES if trials.truth is None else AT_MOST
    most = max(LEAST_TRIALS, enough // (samples * trials.n_time * trials.n_neurons))
    if trials.n_trials <= most:
        return trials
    return trials[np.linspace(0, trials.n_trials - 1, most).round().astype(int)]


def _parts(trials: TrialSet, samples: int) -> Iterator[TrialSet]:
    """The trials in parts whose samples are held at a time."""
    size = max(1, AT_ONCE // (samples * trials.n_time * trials.n_neurons))
    for first in range(0, trials.n_trials, size):
        yield trials[first : first + size]
