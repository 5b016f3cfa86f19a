"""Match of condition-averaged rates with PSTHs, beside the most that the spikes' noise allows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.evaluation.metrics.arrays import check_rates, row_blocks
from undertow.evaluation.metrics.psth import gaussian_smooth, mean_of_blocks, psth_of_sets
from undertow.evaluation.scores.psth_sums import PsthRSquared
from undertow.evaluation.scores.trials import about, counts_of, spiking, window

PSTH_STD_S = 0.05
HALVES, FEW_TRIALS = 10, 4
TRIALS, CEILING = "trials per condition", "noise ceiling"
"""Names of the facts that the score carries."""


def psth_statistics(
    prediction: Prediction, train: TrialSet, std_s: float
) -> Iterator[PsthRSquared]:
    """The statistic of 'psth R2', where conditions and regular times allow it.

    It carries as facts how many scored trials a condition has, fewest and most, and the noise
    ceiling, see `noise_ceiling`.
    """
    trials, bins = prediction.trials, window(prediction.trials)
    scored = spiking(trials, bins)
    if not _comparable(trials, train) or not scored.any():
        return
    sets = [(each.spikes[:, bins], np.asarray(each.condition)) for each in (trials, train)]
    labels, target = psth_of_sets(sets, std_s, trials.bin_s, scored)
    member = np.searchsorted(labels, trials.condition)
    observed = np.isfinite(trials.spikes[:, bins][..., scored]).all(axis=2)
    for k in range(len(labels)):
        mine = observed[member == k]
        # a bin counts where every trial of the condition has it: one set of trials per average
        target[k, ~mine.all(axis=0) if len(mine) else slice(None)] = np.nan
    if not np.isfinite(target).any():
        return
    rates = counts_of(prediction.rates, bins, scored, trials.bin_s)
    check_rates(rates, observed[..., None] & np.ones(rates.shape[2], bool))
    coded = [(spikes, np.searchsorted(labels, each)) for spikes, each in sets]
    ceiling = noise_ceiling(coded, target, std_s, trials.bin_s, scored)
    known = about(trials, "psth R2", "R²", _note(member, std_s, ceiling), scored)
    facts = _facts(member, ceiling)
    yield PsthRSquared(
        rates=rates.astype(np.float32, copy=False), psth=target, member=member, facts=facts, **known
    )


def noise_ceiling(
    sets: Sequence[tuple[np.ndarray, np.ndarray]],
    target: np.ndarray,
    std_s: float,
    bin_s: float,
    neurons: np.ndarray,
    halves: int = HALVES,
    seed: int = 0,
) -> float:
    """The R² that the PSTHs without noise would reach against the PSTHs of these spikes.

    The trials of each condition are halved at random; the covariance of the halves' PSTHs, over
    conditions and bins, is the variance that is not noise. Divided by the variance of the PSTHs of
    all trials it is the split-half correlation corrected to all trials (Spearman-Brown). It is the
    mean over `halves` divisions and then over neurons that vary. NaN where no condition has two
    trials.

    Args:
        sets: of trials: their counts per bin, (trials, time, all neurons), NaN where not observed,
            and the condition of each trial, as an index into target, (trials,).
        target: PSTHs, (conditions, time, neurons); NaN in bins that are left out.
        std_s, bin_s: of the Gaussian that made the PSTHs, and of the bins, in seconds.
        neurons: which neurons the target has, (all neurons,), True for those.
        halves: number of divisions.
        seed: of the divisions.
    """
    rng = np.random.default_rng(seed)
    shared, spread = np.zeros(target.shape[2]), np.zeros(target.shape[2])
    present = np.unique(np.concatenate([member for _, member in sets]))
    for _ in range(halves):
        own = [(k, [np.flatnonzero(member == k) for _, member in sets]) for k in present]
        parts = [
            _two_halves(_Members(sets, rows, neurons), std_s, bin_s, rng, target[k])
            for k, rows in own
            if sum(map(len, rows)) > 1
        ]
        if not parts:
            return float("nan")
        first, second, whole = (np.concatenate(each) for each in zip(*parts, strict=True))
        shared += np.mean((first - first.mean(0)) * (second - second.mean(0)), axis=0)
        spread += whole.var(axis=0)
    varies = spread > 0
    return float(np.mean(shared[varies] / spread[varies])) if varies.any() else float("nan")


class _Members(NamedTuple):
    """The trials of one condition, which are never held together.

    Attributes:
        sets: counts and conditions of each set of trials.
        rows: which trials of each set are of this condition.
        neurons: which neurons.
    """

    sets: Sequence[tuple[np.ndarray, np.ndarray]]
    rows: Sequence[np.ndarray]
    neurons: np.ndarray

    @property
    def n_trials(self) -> int:
        return sum(map(len, self.rows))

    def mean(self, chosen: np.ndarray) -> np.ndarray:
        """Mean counts over some of them, (bins, neurons), read some trials at a time."""
        return mean_of_blocks(self._parts(chosen))

    def _parts(self, chosen: np.ndarray) -> Iterator[np.ndarray]:
        first = 0
        for (spikes, _), rows in zip(self.sets, self.rows, strict=True):
            mine = rows[chosen[(chosen >= first) & (chosen < first + len(rows))] - first]
            for part in row_blocks(spikes[: len(mine)]):
                yield spikes[mine[part]][..., self.neurons]
            first += len(rows)


def _two_halves(
    members: _Members, std_s: float, bin_s: float, rng: np.random.Generator, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """PSTHs of one condition's trials halved at random, and of all, (bins, neurons) each.

    Bins without a PSTH, or that only one half observed, are left out.
    """
    order = rng.permutation(members.n_trials)
    means = [members.mean(half) for half in np.array_split(order, 2)]
    # smoothed after averaging: the same where all was observed, and once per half
    first, second = gaussian_smooth(np.stack(means), std_s, bin_s) if std_s > 0 else means
    used = np.isfinite([*means, first, second, target]).all(axis=(0, 2))
    return first[used], second[used], target[used]


def _comparable(trials: TrialSet, train: TrialSet) -> bool:
    """Whether both sets have conditions and share regular bins."""
    conditions = trials.condition is not None and train.condition is not None
    return conditions and trials.times is None and train.n_time == trials.n_time


def common_conditions(trials: TrialSet) -> bool:
    """Whether some bin was observed, for all neurons that fire, in every trial of a condition."""
    bins = window(trials)
    scored = spiking(trials, bins)
    observed = np.isfinite(trials.spikes[:, bins][..., scored]).all(axis=2)
    labels = np.asarray(trials.condition)
    return bool(scored.any()) and any(
        observed[labels == each].all(axis=0).any() for each in np.unique(labels)
    )


def _facts(member: np.ndarray, ceiling: float) -> dict[str, float]:
    counts = np.unique(member, return_counts=True)[1]
    return {
        f"fewest {TRIALS}": float(counts.min()),
        f"most {TRIALS}": float(counts.max()),
        CEILING: ceiling,
    }


def _note(member: np.ndarray, std_s: float, ceiling: float) -> str:
    fewest = np.unique(member, return_counts=True)[1].min()
    note = (
        f"PSTH of these and the training trials, Gaussian sd {1e3 * std_s:g} ms; "
        f"{{fewest {TRIALS}}}–{{most {TRIALS}}} of these trials a condition"
    )
    note += f"; noise ceiling {{{CEILING}}}" if np.isfinite(ceiling) else ""
    few = f", too few to average out what differs between trials: give {FEW_TRIALS} or more"
    return note + (few if fewest < FEW_TRIALS else "")
