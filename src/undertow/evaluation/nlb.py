"""Scores of the Neural Latents Benchmark, from a submission and the targets of its sets."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from undertow.data.nlb import NLB_SETS, Submission, Tensors, nlb_set
from undertow.data.nlb.groups import parse_group
from undertow.data.nlb.layout import TRUTH
from undertow.data.nlb.ragged import as_ragged
from undertow.data.nlb.submission import EVAL, FORWARD, TRAIN
from undertow.errors import DataError, DataWarning
from undertow.evaluation.metrics.arrays import as_float
from undertow.evaluation.metrics.likelihood import co_smoothing_bps, forward_bps
from undertow.evaluation.metrics.psth import psth_r2
from undertow.evaluation.metrics.timing import produced_time_correlation
from undertow.evaluation.metrics.velocity import velocity_r2
from undertow.evaluation.nlb_scores import NLBScores
from undertow.names import listed

SCALING = {"mc_maze_large": "[500]", "mc_maze_medium": "[250]", "mc_maze_small": "[100]"}
"""Sets reported together, each score under its set's number of trials."""
SCALING_SET = "mc_maze_scaling"
Arrays = Mapping[str, np.ndarray]


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
                f"targets has no {TRUTH}: the truth of test trials is not public, score phase "
                "'val'."
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
        """Rates by name, of the sizes of a target, (trials, time, neurons or 1), and not NaN where
        that is known."""
        rates = self.rates[name]
        expected = known.shape if known.shape[2] > 1 else (*known.shape[:2], rates.shape[2])
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
