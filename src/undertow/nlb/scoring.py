"""Scores of the Neural Latents Benchmark, from a submission and the targets of its sets.

They carry their set and bin width.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from undertow.data.readers.nlb_sets import NLB_SETS, group_name, nlb_set, parse_group
from undertow.errors import DataError, DataWarning
from undertow.evaluation import (
    co_smoothing_bps,
    forward_bps,
    produced_time_correlation,
    psth_r2,
    velocity_r2,
)
from undertow.evaluation.metrics.arrays import as_float
from undertow.names import listed
from undertow.nlb.submission import EVAL, FORWARD, TRAIN, Submission
from undertow.nlb.tensors import TRUTH, Tensors, as_ragged

SCALING = {"mc_maze_large": "[500]", "mc_maze_medium": "[250]", "mc_maze_small": "[100]"}
"""Sets reported together, each score under its set's number of trials."""
SCALING_SET = "mc_maze_scaling"
Arrays = Mapping[str, np.ndarray]


@final
@dataclass(frozen=True)
class NLBScores:
    """Scores of one set, or of the three scaling sets together, at one bin width.

    Attributes:
        set_name: the set; 'mc_maze_scaling' for 'mc_maze_large', 'mc_maze_medium' and
            'mc_maze_small' together.
        bin_ms: 5 or 20. Scores of the two are not comparable.
        values: by the benchmark's names: 'co-bps' and 'fp-bps' in bits/spike, 'vel R2', 'psth R2',
            'tp corr'; of the scaling sets '[500] co-bps', '[250] co-bps', '[100] co-bps' and so on.
    """

    set_name: str
    bin_ms: int
    values: Mapping[str, float]

    @property
    def split(self) -> str:
        """The benchmark's name of these scores.

        It is 'mc_maze_split' at 5 ms and 'mc_maze_20_split' at 20 ms.
        """
        return f"{group_name(self.set_name, self.bin_ms)}_split"

    @property
    def named(self) -> dict[str, dict[str, float]]:
        """The scores as the benchmark reports them, {'mc_maze_20_split': {'co-bps': …}}."""
        return {self.split: dict(self.values)}

    def minus(self, other: "NLBScores") -> "NLBScores":
        """By how much these scores exceed others of the same set, bin width and names.

        Raises:
            DataError: when they are not of the same.
        """
        _check_alike([self, other])
        return NLBScores(
            self.set_name, self.bin_ms, {k: v - other.values[k] for k, v in self.values.items()}
        )


def score_submission(
    submission: Submission, targets: Tensors | Iterable[Tensors]
) -> dict[str, NLBScores]:
    """The benchmark's scores of every set that is in a submission and among the targets.

    Equal to `nlb_tools.evaluation.evaluate` (0.0.4): 'co-bps' of held-out neurons; 'vel R2' of hand
    or finger velocity decoded from rates, one decoder for each decode mask, averaged
    ('area2_bump'); 'tp corr' instead for 'dmfc_rsg'; 'psth R2' where there are PSTHs, jittered
    where there is jitter; 'fp-bps' where the submission has forward rates. Neither argument is
    edited.

    Args:
        submission: rates in expected spikes per bin.
        targets: of one set, or of several.

    Returns:
        Scores by the benchmark's name of the result, '<set>_split' at 5 ms and '<set>_20_split' at
        20 ms bins; the scaling sets are together under 'mc_maze_scaling_split' or
        'mc_maze_scaling_20_split'.

    Raises:
        DataError: when no set is in both, a set is submitted at another bin width than its targets
            have, or an array is missing, of the wrong shape, or NaN where a rate is needed.

    Warns:
        DataWarning: for sets of the submission without targets, which are left out as the benchmark
            does.
    """
    results: dict[str, NLBScores] = {}
    for each in _matched(submission, [targets] if isinstance(targets, Tensors) else list(targets)):
        scores = _scores(submission[each.group], each)
        before = results[scores.split].values if scores.split in results else {}
        results[scores.split] = replace(scores, values={**before, **scores.values})
    return results


def _matched(submission: Submission, targets: Sequence[Tensors]) -> list[Tensors]:
    """The targets of the submission's groups, in the benchmark's order."""
    by_group: dict[str, Tensors] = {}
    for each in targets:
        if each.group in by_group:
            raise DataError(f"targets holds {each.group} twice: give the targets of each set once.")
        by_group[each.group] = each
    matched = [each for group, each in by_group.items() if group in submission]
    left_out = [group for group in submission if group not in by_group]
    unmatched = [each for group, each in by_group.items() if group not in submission]
    for group in left_out:
        _refuse_other_width(group, unmatched)
    if not matched:
        raise DataError(
            f"the submission holds {listed(submission)} and targets {listed(by_group)}: there is "
            "no set in both."
        )
    if left_out:
        warnings.warn(
            f"not scored, for want of targets: {listed(left_out)}.", DataWarning, stacklevel=3
        )
    return sorted(matched, key=lambda each: (list(NLB_SETS).index(each.set_name), each.bin_ms))


def _refuse_other_width(group: str, unmatched: Sequence[Tensors]) -> None:
    set_name, bin_ms = parse_group(group)
    for each in unmatched:
        if each.set_name == set_name:
            raise DataError(
                f"the submission holds {set_name} at {bin_ms} ms bins and targets at {each.bin_ms} "
                "ms: their scores are not comparable, so make both with one bin width."
            )


def _scores(rates: Arrays, tensors: Tensors) -> NLBScores:
    """The scores of one set; of a scaling set under the name of all three."""
    group = _Group(rates, tensors.targets)
    timed = bool(nlb_set(tensors.set_name).produced_column)
    scored: dict[str, Callable[[], float]] = {"co-bps": group.co_bps}
    scored |= {"tp corr": group.tp_corr} if timed else {"vel R2": group.vel_r2}
    if "psth" in tensors.targets:
        scored["psth R2"] = group.psth_r2
    if FORWARD[0] in rates and "eval_spikes_heldin_forward" in tensors.targets:
        scored["fp-bps"] = group.fp_bps
    values = {}
    for name, score in scored.items():
        try:
            values[name] = score()
        except DataError as error:
            raise DataError(f"{name} of {tensors.group}: {error}") from None
    if trials := SCALING.get(tensors.set_name):
        return NLBScores(
            SCALING_SET, tensors.bin_ms, {f"{trials} {k}": v for k, v in values.items()}
        )
    return NLBScores(tensors.set_name, tensors.bin_ms, values)


@dataclass(frozen=True)
class _Group:
    """Rates and targets of one set, and each score of them."""

    rates: Arrays
    targets: Arrays

    def co_bps(self) -> float:
        if TRUTH not in self.targets:
            raise DataError(
                f"targets has no {TRUTH}: score phase 'val', or test trials by score_test_trials."
            )
        spikes = self._target(TRUTH, 3)
        return co_smoothing_bps(self._rates(EVAL[1], TRUTH, ~np.isnan(spikes)), spikes)

    def fp_bps(self) -> float:
        pairs = []
        for name in FORWARD:
            target = name.replace("rates", "spikes")
            spikes = self._target(target, 3)
            pairs += [self._rates(name, target, ~np.isnan(spikes)), spikes]
        return forward_bps(*pairs)

    def vel_r2(self) -> float:
        both = []
        for part, names in (("train", TRAIN), ("eval", EVAL)):
            velocity = self._target(f"{part}_behavior", 3)
            known = ~np.isnan(velocity[..., :1])
            rates = [self._rates(name, f"{part}_behavior", known) for name in names]
            both += [np.concatenate(rates, axis=2), velocity]
        masks = [self.targets.get(f"{part}_decode_mask") for part in ("train", "eval")]
        with _precise("vel R2"):
            return velocity_r2(*both, *masks)

    def psth_r2(self) -> float:
        index = as_ragged("eval_cond_idx", self._there("eval_cond_idx"))
        rates = np.concatenate([self.rates[name] for name in EVAL], axis=2)
        for k, trials in enumerate(index):
            if trials.size and not 0 <= trials.min() <= trials.max() < len(rates):
                raise DataError(
                    f"eval_cond_idx[{k}] names trials that eval_rates lack: there are {len(rates)}."
                )
        return psth_r2(rates, self._target("psth", 3), list(index), self.targets.get("eval_jitter"))

    def tp_corr(self) -> float:
        spikes, behavior = self._target(TRUTH, 3), self._target("eval_behavior", 2)
        used = ~np.isnan(spikes[..., :1])
        if len(behavior) == len(used):
            used = used & ~np.isnan(behavior).all(axis=1)[:, None, None]
        rates = [self._rates(name, TRUTH, used) for name in EVAL]
        return produced_time_correlation(np.concatenate(rates, axis=2), spikes, behavior)

    def _there(self, name: str) -> np.ndarray:
        if name not in self.targets:
            raise DataError(f"targets has no {name}: the score needs it.")
        return self.targets[name]

    def _target(self, name: str, ndim: int) -> np.ndarray:
        return as_float(name, self._there(name), ndim)

    def _rates(self, name: str, target: str, known: np.ndarray) -> np.ndarray:
        """Rates by name, of the sizes of a target, and not NaN where the target is known.

        `known` is (trials, time, neurons or 1).
        """
        rates = self.rates[name]
        expected = known.shape if known.shape[2] != 1 else (*known.shape[:2], rates.shape[2])
        if rates.shape != expected:
            raise DataError(
                f"{name} has shape {rates.shape}: beside {target} it must be {expected}."
            )
        bad = np.argwhere(np.isnan(rates) & known)
        if len(bad):
            raise DataError(
                f"{name} holds {len(bad)} NaN value(s), the first at {tuple(bad[0].tolist())}: a "
                f"rate is needed wherever {target} is known."
            )
        return rates


@contextmanager
def _precise(score: str) -> Iterator[None]:
    """Say in the words of rates what the solver says of a matrix."""
    from scipy.linalg import LinAlgWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for each in caught:
        if not issubclass(each.category, LinAlgWarning):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    if any(issubclass(each.category, LinAlgWarning) for each in caught):
        warnings.warn(
            f"{score} has few exact digits: some rates are so much larger than others that the "
            "decoder cannot be solved precisely; look for neurons whose rates are far too high.",
            DataWarning,
            stacklevel=6,
        )


def mean_nlb_scores(scores: Sequence[NLBScores]) -> NLBScores:
    """The mean of several runs' scores, such as those of several seeds.

    Raises:
        DataError: when there are none, or they are not of one set and bin width with the same
            names.
    """
    if not scores:
        raise DataError("there are no scores to average: pass those of at least one run.")
    _check_alike(scores)
    first = scores[0]
    mean = {name: float(np.mean([each.values[name] for each in scores])) for name in first.values}
    return NLBScores(first.set_name, first.bin_ms, mean)


def _check_alike(scores: Sequence[NLBScores]) -> None:
    first = scores[0]
    for each in scores[1:]:
        if (each.set_name, each.bin_ms) != (first.set_name, first.bin_ms):
            raise DataError(
                f"scores of {each.set_name} at {each.bin_ms} ms bins and of {first.set_name} at "
                f"{first.bin_ms} ms "
                "bins are not comparable: compare or average scores of one set at one bin width."
            )
        if differing := set(each.values) ^ set(first.values):
            raise DataError(
                f"only some of the scores have {listed(sorted(differing))}: compare or average the "
                "same ones."
            )
