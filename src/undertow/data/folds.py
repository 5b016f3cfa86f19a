"""Cross-validation: which trials each fold learns from and tests, copied when their turn comes."""

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import overload

import numpy as np

from undertow.checks import seed as check_seed
from undertow.data.joining import join_trials
from undertow.data.overlaps import any_overlap
from undertow.data.separating import separated_folds
from undertow.data.splits import (
    Splits,
    condition_codes,
    parts_of,
    split_validation,
    stratified_rows,
    validation_rows,
)
from undertow.data.trialset import TrialSet
from undertow.errors import DataError, DataWarning
from undertow.names import shown

MOST_FOLD_SEED = 2**32 - 1  # scikit-learn takes no higher one


def fold_trials(trials: TrialSet, n: int = 5, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds as (train, test) trial indices: scikit-learn's shuffled StratifiedKFold on condition.

    Without conditions it is the shuffled KFold. Each trial is tested once. Trials that share
    samples of the recording are tested together (StratifiedGroupKFold); where they chain through
    the whole recording, each fold tests one contiguous stretch of it, and leaves out of its
    training trials those that share samples with it.

    Raises:
        DataError: for fewer than 2 folds, more folds than trials, or trials that overlap so much
            that a fold has nothing to learn from.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    if not isinstance(n, Integral) or not 2 <= n <= trials.n_trials:
        raise DataError(
            f"cannot make {shown(n)} folds of {trials.n_trials} trials: choose 2 to "
            f"{trials.n_trials}."
        )
    seed = check_seed("seed", seed, MOST_FOLD_SEED, DataError)
    empty = np.zeros(trials.n_trials)
    codes, counts = condition_codes(trials)
    if trials.recorded_s is not None and any_overlap(trials.recorded_s):
        return separated_folds(trials.recorded_s, codes, n, seed)
    if trials.condition is None or counts.max() < n:
        return list(KFold(n, shuffle=True, random_state=seed).split(empty))
    with warnings.catch_warnings():
        # said below in terms of conditions and trials
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        folds = list(StratifiedKFold(n, shuffle=True, random_state=seed).split(empty, codes))
    if counts.min() < n:
        warnings.warn(
            f"{int((counts < n).sum())} condition(s) have fewer than {n} trials and are missing "
            "from some folds: take fewer folds, or join conditions.",
            DataWarning,
            stacklevel=2,
        )
    return folds


class Folds(Sequence[Splits]):
    """The splits of a cross-validation; the trials of each are copied when it is taken.

    Of a large recording one fold's copy is held at a time: take each once, and let it go.

    Args:
        trials: all trials.
        rows: of each fold, which trials are for training, validation and test.
    """

    def __init__(self, trials: TrialSet, rows: Sequence[Sequence[np.ndarray]]) -> None:
        self.trials, self.rows = trials, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, k: int) -> Splits: ...

    @overload
    def __getitem__(self, k: slice) -> "Folds": ...

    def __getitem__(self, k: int | slice) -> "Splits | Folds":
        if isinstance(k, slice):
            return Folds(self.trials, self.rows[k])
        return Splits(*parts_of(self.trials, *self.rows[k]))


def fold_splits(trials: TrialSet, n: int = 5, seed: int = 0) -> Folds:
    """Folds of `fold_trials`, 15 % of each fold's training trials kept for validation.

    Raises:
        DataError: as `fold_trials` and `split_validation`.
    """
    rows = []
    for learned, test in fold_trials(trials, n, seed):
        train, validation = validation_rows(trials[learned], seed=seed)
        rows.append((learned[train], learned[validation], test))
    return Folds(trials, rows)


def fewer_to_learn_from(parts: Splits, n: int, seed: int = 0) -> Splits:
    """The same test trials, and `n` of the training and validation trials, drawn by condition.

    15 % of them are for validation.

    Raises:
        DataError: for more trials than there are, or too few to split.
    """
    everyone = join_trials(parts.train, parts.validation)
    if not isinstance(n, Integral) or not 2 <= n <= everyone.n_trials:
        raise DataError(
            f"cannot learn from {shown(n)} trials: there are {everyone.n_trials} to learn from; "
            f"choose 2 to {everyone.n_trials}."
        )
    chosen = everyone if n == everyone.n_trials else everyone[stratified_rows(everyone, n, seed)]
    return Splits(*split_validation(chosen, seed=seed), parts.test)
