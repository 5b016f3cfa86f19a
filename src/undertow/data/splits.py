"""Splits into train, validation and test trials, and labels of windows."""

import warnings
from typing import Any, NamedTuple

import numpy as np

from undertow.checks import number, whole
from undertow.checks import seed as check_seed
from undertow.data.overlaps import any_overlap, warn_labelled
from undertow.data.separating import separated_parts
from undertow.data.trialset import TrialSet
from undertow.data.validation import as_array
from undertow.errors import DataError, DataWarning
from undertow.names import listed, shown

LABELS = ("train", "val", "test", "none")


class Splits(NamedTuple):
    """Trials to learn from, to choose on, and to score once."""

    train: TrialSet
    validation: TrialSet
    test: TrialSet


def split_trials(
    trials: TrialSet, fractions: tuple[float, float, float] = (0.7, 0.15, 0.15), seed: int = 0
) -> Splits:
    """Split trials into train, validation and test, stratified by condition.

    Trials whose windows share samples of the recording come into one part, or, where they chain
    through the whole recording, parts are contiguous stretches of it and the training trials at
    their borders that share samples with another part are left out; a warning says which.

    The file's own labels (`trials.split`) come first: 'test' is the test part ('val' where there is
    no 'test'); 'val' beside a 'test' is the validation part, else 15 % of 'train' are; 'none' is
    left out. Without labels that name both training and test trials, `fractions` are drawn from
    what is not 'none'.

    Raises:
        DataError: for fractions that are not three numbers above 0 adding up to 1, unknown labels,
            too few trials to fill all parts, or trials that overlap so much that no split keeps
            them apart.
    """
    shares = check_fractions(fractions)
    rows = _rows_by_label(trials)
    test = rows["test"] if rows["test"].size else rows["val"]
    if not rows["train"].size or not test.size:
        return _drawn(trials, rows, shares, seed)
    _warn_of_labels(trials, rows)
    if rows["test"].size and rows["val"].size:
        return Splits(*parts_of(trials, rows["train"], rows["val"], test))
    learned = rows["train"]
    train, validation = validation_rows(trials[learned], seed=seed)
    return Splits(*parts_of(trials, learned[train], learned[validation], test))


def split_validation(
    trials: TrialSet, fraction: float = 0.15, seed: int = 0
) -> tuple[TrialSet, TrialSet]:
    """Split training trials into those to learn from and those to choose on.

    The split is stratified by condition; trials that share samples of the recording are treated as
    in `split_trials`.
    """
    learned, chosen = parts_of(trials, *validation_rows(trials, fraction, seed))
    return learned, chosen


def validation_rows(
    trials: TrialSet, fraction: float = 0.15, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The same split as indices of trials."""
    number("fraction", fraction, 0, 1, above=True, below=True, error=DataError)
    train, (validation,) = _divided(trials, (fraction,), seed)
    return train, validation


def split_labels(
    n_windows: int, fractions: tuple[float, float, float], blocks: int = 1
) -> np.ndarray:
    """'train', 'val' or 'test' for each window, in contiguous stretches.

    The recording is divided into `blocks` equal stretches, each of them into train, val and test in
    that order: one block tests on the end of the recording, several spread the test windows over it
    (against slow drift).

    Raises:
        DataError: for fractions that are not three numbers above 0 adding up to 1, or fewer windows
            than parts.
    """
    shares = check_fractions(fractions)
    whole("blocks", blocks, 1, error=DataError)
    if n_windows < 3 * blocks:
        raise DataError(
            f"{n_windows} windows cannot be split into {blocks} block(s) of train, validation and "
            "test windows: use shorter windows or fewer blocks."
        )
    labels = [
        _block_labels(len(block), shares) for block in np.array_split(np.arange(n_windows), blocks)
    ]
    return np.concatenate(labels)


def _block_labels(n: int, shares: np.ndarray) -> np.ndarray:
    sizes = np.maximum(np.round(shares * n).astype(int), 1)
    # the largest part takes what rounding left over
    sizes[np.argmax(sizes)] += n - sizes.sum()
    return np.repeat(LABELS[:3], sizes)


def check_fractions(fractions: Any) -> np.ndarray:
    """Shares of training, validation and test trials."""
    given = as_array("fractions", fractions)
    plain = given.shape == (3,) and given.dtype.kind in "iuf"
    shares = given.astype(float) if plain else np.zeros(3)
    if not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise DataError(
            f"fractions are {shown(fractions)}: they must be three numbers above 0 (train, "
            "validation, test) that add up to 1."
        )
    return shares


def _rows_by_label(trials: TrialSet) -> dict[str, np.ndarray]:
    if trials.split is None:
        return {label: np.arange(trials.n_trials if label == "train" else 0) for label in LABELS}
    unknown = sorted(set(trials.split.tolist()) - set(LABELS), key=str)
    if unknown:
        raise DataError(f"split holds {unknown[0]!r}: it must be one of {listed(LABELS)}.")
    return {label: np.flatnonzero(trials.split == label) for label in LABELS}


def _drawn(trials: TrialSet, rows: dict[str, np.ndarray], shares: np.ndarray, seed: int) -> Splits:
    if rows["test"].size or rows["val"].size:
        found = [label for label in LABELS if rows[label].size]
        warnings.warn(
            f"the file's split labels name only {listed(found)}: they are ignored and a new split "
            "is drawn.",
            DataWarning,
            stacklevel=3,
        )
    used = np.sort(np.concatenate([rows[label] for label in ("train", "val", "test")]))
    if used.size == 0:
        raise DataError("every trial is labelled 'none' in split: there is nothing to learn from.")
    subset = trials if used.size == trials.n_trials else trials[used]
    train, (validation, test) = _divided(subset, (shares[1], shares[2]), seed)
    return Splits(*parts_of(subset, train, validation, test))


def parts_of(trials: TrialSet, *rows: np.ndarray) -> list[TrialSet]:
    """The trials of each part; all parts lie side by side in one copy of the counts."""
    together, ends = trials[np.concatenate(rows)], np.cumsum([len(each) for each in rows])
    return [together[end - len(each) : end] for each, end in zip(rows, ends, strict=True)]


def _warn_of_labels(trials: TrialSet, rows: dict[str, np.ndarray]) -> None:
    """Say where the parts that a file names share samples of the recording."""
    if trials.recorded_s is None:
        return
    train, val, test = (trials.recorded_s[rows[label]] for label in ("train", "val", "test"))
    if test.size:
        warn_labelled(test, np.concatenate([train, val]), "test")
    if val.size:
        warn_labelled(val, train, "validation" if test.size else "test")


def _divided(
    trials: TrialSet, fractions: tuple[float, ...], seed: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """What is left, and one part per fraction of all trials.

    Each is an array of sorted indices, with at least one trial.
    """
    seed = check_seed("seed", seed, error=DataError)
    sizes = [max(1, round(fraction * trials.n_trials)) for fraction in fractions]
    if sum(sizes) >= trials.n_trials:
        raise DataError(
            f"{trials.n_trials} trial(s) cannot fill {len(sizes) + 1} parts of at least one trial: "
            "give more trials."
        )
    if trials.recorded_s is not None and any_overlap(trials.recorded_s):
        return separated_parts(trials.recorded_s, condition_codes(trials)[0], sizes, seed)
    return _stratified(trials, sizes, seed)


def _stratified(
    trials: TrialSet, sizes: list[int], seed: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """What is left, and one part of each of `sizes` trials.

    Trials are put in order of condition, shuffled within, and each part takes every k-th: a
    condition gives a part its share rounded up or down, whatever its size.
    """
    generator = np.random.default_rng(seed)
    codes, counts = condition_codes(trials)
    shuffled = generator.permutation(trials.n_trials)
    # trials shuffled within conditions, and conditions in random order, side by side
    left = shuffled[np.argsort(generator.permutation(counts.size)[codes[shuffled]], kind="stable")]
    parts = []
    for size in sizes:
        # evenly spaced from a random start, so every condition gives its share, rounded up or down
        chosen = np.floor((np.arange(size) + generator.random()) * left.size / size).astype(int)
        parts.append(np.sort(left[chosen]))
        left = np.delete(left, chosen)
    return np.sort(left), parts


def stratified_rows(trials: TrialSet, n: int, seed: int) -> np.ndarray:
    """Sorted indices of `n` trials, each condition's share of them rounded up or down."""
    _, (chosen,) = _stratified(trials, [n], seed)
    return chosen


def condition_codes(trials: TrialSet) -> tuple[np.ndarray, np.ndarray]:
    """A whole number per trial for its condition, and the number of trials of each."""
    if trials.condition is None:
        return np.zeros(trials.n_trials, int), np.array([trials.n_trials])
    _, codes, counts = np.unique(trials.condition, return_inverse=True, return_counts=True)
    return codes.reshape(-1), counts
