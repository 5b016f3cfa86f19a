"""The L2 penalty of a few-shot readout, chosen among the few trials it is fitted on."""

import numpy as np

from undertow.errors import DataError
from undertow.evaluation.poisson_regression import PoissonDesign, PoissonRegression

PENALTIES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
FOLDS = 4
LEAST_TRIALS = 2
TOLERANCE = 1e-5


def choose_penalty(features: np.ndarray, counts: np.ndarray) -> float:
    """The penalty under which left-out trials are likeliest, one for all neurons.

    Trial i is left out in fold i modulo 4; with up to four trials each is left out once. Penalties
    are tried from the strongest of 3, 1, 0.3, … 0.001 on, until the Poisson likelihood of the
    left-out trials falls.

    Args:
        features: (trials, time, features); bins that are not finite are left out.
        counts: (trials, time, neurons); NaN where not observed.

    Raises:
        DataError: when fewer than two trials have a bin with features.
    """
    used = np.isfinite(features).all(axis=2)
    trials = np.flatnonzero(used.any(axis=1))
    if len(trials) < LEAST_TRIALS:
        raise DataError(
            f"{len(trials)} of the {len(features)} trials drawn have latents, and a penalty is "
            "chosen by "
            f"cross-validation over {LEAST_TRIALS} or more: take a larger k, or give a penalty."
        )
    folds = []
    for fold in range(min(FOLDS, len(trials))):
        parts = np.delete(trials, np.s_[fold::FOLDS]), trials[fold::FOLDS]
        folds.append(
            _Fold(*((features[part][used[part]], counts[part][used[part]]) for part in parts))
        )
    chosen, least = PENALTIES[0], np.inf
    for penalty in PENALTIES:
        loss = sum(fold.loss(penalty) for fold in folds)
        if loss > least:
            break
        if loss < least:
            chosen, least = penalty, loss
    return chosen


class _Fold:
    """Rows to fit on and rows left out, each (features, counts); penalties are asked for from the
    strongest on."""

    def __init__(
        self, fit: tuple[np.ndarray, np.ndarray], left_out: tuple[np.ndarray, np.ndarray]
    ) -> None:
        self.design = PoissonDesign(*fit)
        self.features, self.counts = left_out
        self.fitted: PoissonRegression | None = None

    def loss(self, penalty: float) -> float:
        """Σ μ − n ln μ over the left-out counts."""
        self.fitted = self.design.fit(penalty, start=self.fitted, tolerance=TOLERANCE)
        log_counts = self.fitted.log_counts(self.features)
        return float(np.nansum(np.exp(log_counts) - self.counts * log_counts))
