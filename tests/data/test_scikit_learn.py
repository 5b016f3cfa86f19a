"""scikit-learn's splitting and searching take a TrialSet as X."""

from typing import Any, Self

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.utils import _safe_indexing, indexable

from undertow.data import TrialSet, fold_trials

N_TRIALS = 24


class MeanRates(BaseEstimator):  # type: ignore[misc]
    """Scores trials by their distance from the mean rates of those it was fitted on."""

    def __init__(self, shrink: float = 0.0) -> None:
        self.shrink = shrink

    def fit(self, trials: TrialSet, y: Any = None) -> Self:
        assert isinstance(trials, TrialSet)
        self.rates_ = (1 - self.shrink) * trials.mean_rates
        self.trial_ids_ = trials.trial_ids
        return self

    def score(self, trials: TrialSet, y: Any = None) -> float:
        assert isinstance(trials, TrialSet)
        assert not set(trials.trial_ids) & set(self.trial_ids_) or self.trial_ids_.size == N_TRIALS
        return -float(np.square(trials.mean_rates - self.rates_).mean())


@pytest.fixture(scope="module")
def trials() -> TrialSet:
    counts = np.random.default_rng(0).poisson(1.0, (N_TRIALS, 10, 5)) + 1
    return TrialSet(counts, 0.02, condition=np.arange(N_TRIALS) % 3, trial_ids=np.arange(N_TRIALS))


def by_hand(trials: TrialSet, folds: Any, shrink: float = 0.0) -> list[float]:
    return [MeanRates(shrink).fit(trials[train]).score(trials[test]) for train, test in folds]


@pytest.mark.parametrize(
    "splitter",
    [
        KFold(4),
        KFold(4, shuffle=True, random_state=1),
        StratifiedKFold(4),
        GroupKFold(4),
        ShuffleSplit(3, random_state=0),
        TimeSeriesSplit(3),
    ],
    ids=lambda splitter: type(splitter).__name__,
)
def test_every_splitter_scores_the_same_trials_as_by_hand(trials: TrialSet, splitter: Any) -> None:
    groups = np.arange(N_TRIALS) // 4 if isinstance(splitter, GroupKFold) else None
    arguments = {"y": trials.condition, "groups": groups}
    scores = cross_val_score(MeanRates(), trials, cv=splitter, error_score="raise", **arguments)
    folds = splitter.split(np.zeros(N_TRIALS), **arguments)
    np.testing.assert_allclose(scores, by_hand(trials, folds))


def test_folds_stratified_by_condition_need_no_y(trials: TrialSet) -> None:
    folds = fold_trials(trials, 4)
    scores = cross_val_score(MeanRates(), trials, cv=folds, error_score="raise")
    np.testing.assert_allclose(scores, by_hand(trials, folds))


def test_cross_validate_gives_fitted_estimators(trials: TrialSet) -> None:
    found = cross_validate(
        MeanRates(), trials, cv=3, return_estimator=True, return_train_score=False
    )
    fitted = np.concatenate([each.trial_ids_ for each in found["estimator"]])
    assert np.bincount(fitted).tolist() == [2] * N_TRIALS


def test_grid_search_finds_the_best_and_refits_on_all(trials: TrialSet) -> None:
    search = GridSearchCV(
        MeanRates(), {"shrink": [0.9, 0.0, 0.5]}, cv=KFold(4), error_score="raise"
    ).fit(trials)
    assert search.best_params_ == {"shrink": 0.0}
    np.testing.assert_array_equal(search.best_estimator_.trial_ids_, trials.trial_ids)
    assert search.best_score_ == pytest.approx(np.mean(by_hand(trials, KFold(4).split(trials))))


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_indices_and_masks_of_every_kind(trials: TrialSet, kind: Any) -> None:
    rows = [3, 1, 7]
    mask = np.isin(np.arange(N_TRIALS), rows)
    assert _safe_indexing(trials, kind(rows)).trial_ids.tolist() == rows
    assert _safe_indexing(trials, kind(mask.tolist())).trial_ids.tolist() == sorted(rows)
    assert _safe_indexing(trials, slice(2, 5)).trial_ids.tolist() == [2, 3, 4]


def test_a_set_is_kept_as_it_is_and_splits_beside_its_labels(trials: TrialSet) -> None:
    kept, labels = indexable(trials, trials.condition)
    assert kept is trials
    train, test, train_labels, _ = train_test_split(
        trials, labels, test_size=0.25, stratify=labels, random_state=0
    )
    assert isinstance(train, TrialSet)
    np.testing.assert_array_equal(train.condition, train_labels)
    assert sorted([*train.trial_ids, *test.trial_ids]) == list(range(N_TRIALS))
