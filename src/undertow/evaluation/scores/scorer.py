"""A score by its name, as scikit-learn's model selection takes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from undertow.data import TrialSet
from undertow.errors import DataError
from undertow.evaluation.scores.score import Score
from undertow.names import listed


class Scored(Protocol):
    """A fitted model that scores itself."""

    def score(self, trials: TrialSet) -> Mapping[str, Score]:
        """Every score the trials allow, by name."""


@dataclass(frozen=True)
class Scorer:
    """One score of a fitted model, as a number: what `scoring=` takes in scikit-learn.

    Attributes:
        name: of the score, as `Estimator.score` names it.
    """

    name: str

    def __call__(self, estimator: Scored, trials: TrialSet, y: object = None) -> float:
        """The score of `estimator` on `trials`; `y` is what scikit-learn passes and is not read.

        Raises:
            DataError: for a score that these trials, or this model, do not allow.
        """
        found = estimator.score(trials)
        if self.name not in found:
            raise DataError(
                f"{self.name!r} cannot be computed from these trials alone: choose one of "
                f"{listed(sorted(found))}. Scores of velocity, PSTHs and labels need the training "
                "trials too: call estimator.score(trials, train)."
            )
        return found[self.name].value


def scorer(name: str = "co-bps") -> Scorer:
    """A scorer for `cross_val_score`, `GridSearchCV` and their like; more is always better.

    Args:
        name: of the score: 'co-bps' and 'held-in bps' (bits per spike of held-out neurons, and of
            hidden entries of held-in ones), 'fp-bps' (forward bins), 'rate R2' (where the true
            rates are known), …

    Raises:
        DataError: for a log-loss, of which less is better.
    """
    if "log-loss" in name:
        raise DataError(f"{name!r} is better the lower it is: choose a score that grows.")
    return Scorer(name)
