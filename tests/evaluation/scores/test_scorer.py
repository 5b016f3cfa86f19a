"""A score by name in scikit-learn's model selection."""

import pytest
from sklearn.model_selection import KFold, cross_val_score

from undertow.baselines import Smoothing
from undertow.data import TrialSet
from undertow.errors import DataError
from undertow.evaluation import scorer


@pytest.fixture(scope="module")
def model(small_trials: TrialSet) -> Smoothing:
    return Smoothing(width_s=0.05, floor_hz=0.5, penalty=0.1).fit(small_trials[:50])


def test_it_is_the_value_of_that_score(model: Smoothing, small_trials: TrialSet) -> None:
    test = small_trials[50:]
    found = model.score(test)
    assert scorer()(model, test) == found["co-bps"].value
    assert scorer("rate R2")(model, test, None) == found["rate R2"].value


def test_a_score_that_cannot_be_made_says_which_can(
    model: Smoothing, small_trials: TrialSet
) -> None:
    with pytest.raises(DataError, match=r"'fp-bps'.*choose one of co-bps, held-in bps, rate R2"):
        scorer("fp-bps")(model, small_trials[50:])
    with pytest.raises(DataError, match=r"'psth R2'.*training trials.*score\(trials, train\)"):
        scorer("psth R2")(model, small_trials[50:])
    with pytest.raises(DataError, match="better the lower"):
        scorer("predicted log-loss choice")


def test_cross_validation_by_scikit_learn_is_that_by_hand(small_trials: TrialSet) -> None:
    model, folds = Smoothing(width_s=0.05, floor_hz=0.5, penalty=0.1), KFold(3)
    found = cross_val_score(model, small_trials, scoring=scorer("co-bps"), cv=folds)
    for value, (train, test) in zip(found, folds.split(small_trials), strict=True):
        by_hand = model.copy().fit(small_trials[train]).score(small_trials[test])
        assert value == by_hand["co-bps"].value
