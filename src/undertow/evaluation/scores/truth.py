"""What the true rates of simulated trials would score: the mark that models are measured against.

No model is expected above it; a score in which one lies above measures something else.
"""

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.evaluation.scores.scoring import sufficient_statistics
from undertow.evaluation.scores.statistic import Statistic

TRUE_RATES = "true rates"
OF_ITSELF = "rate R2"


def truth_statistics(test: TrialSet, train: TrialSet | None = None) -> dict[str, Statistic]:
    """The per-trial sums behind the scores of the true rates, by name.

    The scores are those of `sufficient_statistics`, but for 'rate R2', which would compare the
    true rates with themselves. Empty where true rates are not known in every observed bin.

    Args:
        test: trials to score.
        train: the training trials.
    """
    if not _known(test):
        return {}
    fitted_on = _prediction(train) if train is not None and _known(train) else None
    found = sufficient_statistics(_prediction(test), fitted_on)
    return {name: each for name, each in found.items() if not name.startswith(OF_ITSELF)}


def _known(trials: TrialSet) -> bool:
    if trials.truth is None:
        return False
    return bool((np.isfinite(trials.truth) | ~np.isfinite(trials.spikes)).all())


def _prediction(trials: TrialSet) -> Prediction:
    assert trials.truth is not None
    rates = np.where(trials.valid[..., None], trials.truth, np.nan)
    return Prediction(rates, trials, hidden_rates=rates)
