"""Parts and folds of trials whose windows overlap: no sample of the recording lies in two parts.

Trials that share samples stay together where their groups are small; where windows chain into
groups too large for that, parts are contiguous stretches of the recording, and training trials at
their borders that share samples with another part are left out.
"""

import warnings
from collections.abc import Sequence

import numpy as np

from undertow.checks import seed as check_seed
from undertow.data.overlaps import overlap_groups, overlap_words, sharing
from undertow.errors import DataError, DataWarning

UNEVEN = 2.0
"""How many times too large or too small a part of whole groups may come out."""

SEPARATED = r".* of the bins occur in more than one trial.* of the split"
"""How the warnings begin that say what was kept together or left out."""

Fold = tuple[np.ndarray, np.ndarray]


def separated_parts(
    recorded_s: np.ndarray, codes: np.ndarray, sizes: Sequence[int], seed: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """What is left to learn from, and one part of about each of `sizes` trials.

    Args:
        recorded_s: windows on the recording's clock, (trials, 2).
        codes: a whole number per trial for its condition.
        sizes: trials wanted in each part but the first.
        seed: of the order of groups, or of the parts along the recording.

    Raises:
        DataError: when the trials overlap so much that a part would be empty.
    """
    generator = np.random.default_rng(check_seed("seed", seed, error=DataError))
    wanted = np.array([codes.size - sum(sizes), *sizes])
    groups = overlap_groups(recorded_s)
    parts = _grouped(groups, codes, wanted, generator)
    if _even(parts, wanted):
        _say(recorded_s, _kept_together(groups))
    else:
        parts = _stretches(recorded_s, wanted, generator)
        _refuse_empty(parts)
        left_out = codes.size - sum(part.size for part in parts)
        _say(recorded_s, _left_out(f"{left_out} of {codes.size} trials"))
    return parts[0], parts[1:]


def separated_folds(recorded_s: np.ndarray, codes: np.ndarray, n: int, seed: int) -> list[Fold]:
    """Folds as (train, test) indices; each trial is tested once.

    Raises:
        DataError: when the trials overlap so much that a fold has nothing to learn from.
    """
    groups = overlap_groups(recorded_s)
    if groups.max() + 1 >= n:
        folds = _grouped_folds(groups, codes, n, seed)
        if _even([test for _, test in folds], np.full(n, codes.size / n)):
            _say(recorded_s, _kept_together(groups))
            return folds
    order = np.argsort(recorded_s[:, 0], kind="stable")
    tests = [np.sort(test) for test in np.array_split(order, n)]
    folds = [(_apart(recorded_s, test), test) for test in tests]
    most = max(codes.size - train.size - test.size for train, test in folds)
    _refuse_empty([train for train, _ in folds])
    _say(recorded_s, _left_out(f"up to {most} of {codes.size} trials in each fold"))
    return folds


# --- whole groups ---------------------------------------------------------------------------------


def _grouped(
    groups: np.ndarray, codes: np.ndarray, wanted: np.ndarray, generator: np.random.Generator
) -> list[np.ndarray]:
    """Trials of each part: groups dealt out, the largest first, each to where most is missing.

    What is missing is counted in trials and in trials of each condition, relative to the part.
    """
    n_groups, per_condition = groups.max() + 1, np.bincount(codes)
    shuffled = generator.permutation(n_groups)
    sizes = np.bincount(groups)
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    excess = -np.outer(wanted, per_condition / codes.size)  # trials beyond those wanted
    part_of = np.empty(n_groups, int)
    for group in order:
        conditions, added = np.unique(codes[members[group]], return_counts=True)
        size = added.sum()
        # growth of the squared excess, of conditions and of all trials together
        growth = (added * (2 * excess[:, conditions] + added)).sum(axis=1)
        growth = growth + size * (2 * excess.sum(axis=1) + size)
        part_of[group] = np.argmin(growth / wanted)
        excess[part_of[group], conditions] += added
    return [np.flatnonzero(part_of[groups] == part) for part in range(wanted.size)]


def _grouped_folds(groups: np.ndarray, codes: np.ndarray, n: int, seed: int) -> list[Fold]:
    from sklearn.model_selection import StratifiedGroupKFold

    # with fewer trials than folds in every condition there is nothing to stratify by
    codes = codes if np.bincount(codes).max() >= n else np.zeros_like(codes)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        folds = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
        return list(folds.split(np.zeros(codes.size), codes, groups))


def _even(parts: Sequence[np.ndarray], wanted: np.ndarray) -> bool:
    """Whether every part has trials, and about as many as wanted."""
    sizes = np.array([part.size for part in parts])
    return bool(((sizes > 0) & (sizes <= UNEVEN * wanted) & (sizes * UNEVEN >= wanted)).all())


# --- contiguous stretches -------------------------------------------------------------------------


def _stretches(
    recorded_s: np.ndarray, wanted: np.ndarray, generator: np.random.Generator
) -> list[np.ndarray]:
    """Trials of each part: stretches of the recording, that to learn from between the others.

    The first part gives way at its borders; the others keep their trials, and share samples with
    one another only where a window is longer than all that lies between.
    """
    others = 1 + generator.permutation(wanted.size - 1)
    along = [*others[: len(others) // 2], 0, *others[len(others) // 2 :]]
    if wanted.size == 2 and generator.random() < 0.5:
        along.reverse()
    order = np.argsort(recorded_s[:, 0], kind="stable")
    stretches = np.split(order, np.cumsum(wanted[along])[:-1])
    parts = [np.sort(stretch) for _, stretch in sorted(zip(along, stretches, strict=True))]
    for part in range(len(parts)):
        later = np.concatenate([np.empty(0, int), *parts[part + 1 :]])
        parts[part] = parts[part][~sharing(recorded_s[parts[part]], recorded_s[later])]
    return parts


def _apart(recorded_s: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The other trials that share no sample with those of `test`."""
    others = np.setdiff1d(np.arange(len(recorded_s)), test)
    return others[~sharing(recorded_s[others], recorded_s[test])]


# --- what is said ---------------------------------------------------------------------------------


def _say(recorded_s: np.ndarray, what: str) -> None:
    warnings.warn(f"{overlap_words(recorded_s)}: {what}.", DataWarning, stacklevel=5)


def _kept_together(groups: np.ndarray) -> str:
    return (
        "trials that share samples of the recording are kept in one part of the split "
        f"({groups.max() + 1} groups of {groups.size} trials)"
    )


def _left_out(which: str) -> str:
    return (
        "the parts of the split are contiguous stretches of the recording, and at their borders "
        f"{which} that share samples with another part are left out"
    )


def _refuse_empty(parts: Sequence[np.ndarray]) -> None:
    if not all(part.size for part in parts):
        raise DataError(
            "the windows of these trials overlap so much that no split keeps what is learned from "
            "apart from what is tested: use a shorter window, or fewer, more distant trials "
            "(trials=…)."
        )
