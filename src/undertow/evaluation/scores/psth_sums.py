"""`PsthRSquared`: the statistic of 'psth R2', whose averages are made anew in every resample."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from undertow.evaluation.metrics.rates import average_r2
from undertow.evaluation.scores.statistic import Statistic
from undertow.evaluation.scores.sums import TRIALS, about_mean

CHUNK, CHUNK_ENTRIES = 250, 2**22
GRID = ("time", "neurons")


@dataclass(frozen=True, eq=False, kw_only=True)
class PsthRSquared(Statistic):
    """R² of condition-averaged rates against fixed PSTHs, uniform mean over neurons.

    Attributes:
        rates: expected spikes per bin, (trials, time, neurons).
        psth: spikes per bin, (conditions, time, neurons); NaN in bins that are left out.
        member: the condition of each trial, as an index into psth, (trials,).
    """

    AXES: ClassVar = {"psth": ("conditions", *GRID), "rates": ("trials", *GRID), "member": TRIALS}

    rates: np.ndarray
    psth: np.ndarray
    member: np.ndarray

    def finish(self, weights: np.ndarray) -> np.ndarray:
        # averages of all neurons and bins are held for so many resamples at once
        step = max(1, min(CHUNK, CHUNK_ENTRIES // self.psth[:1].size))
        return np.concatenate(
            [self._chunk(w) for w in np.split(weights, range(step, len(weights), step))]
        )

    def lacks(self) -> str:
        known = ~np.isnan(self.psth).any(axis=2)
        return "" if known.any() else "has no bin in which all neurons have a PSTH"

    def _chunk(self, weights: np.ndarray) -> np.ndarray:
        """Scores of some resamples, each without the conditions of which it drew no trial."""
        used = ~np.isnan(self.psth).any(axis=2)
        centre = self.psth[used].mean(axis=0)
        residual, square, total = (np.zeros((len(weights), self.psth.shape[2])) for _ in range(3))
        bins = np.zeros((len(weights), 1))
        for k in np.unique(self.member):
            w, true = weights[:, self.member == k], self.psth[k, used[k]]
            drawn = w.sum(axis=1, keepdims=True)
            rates = self.rates[self.member == k][:, used[k]].astype(np.float64)
            # squares of a weighted average are not linear in the weights: no sums per trial serve
            mean = np.tensordot(w / np.where(drawn > 0, drawn, 1.0), rates, axes=1)
            residual += (drawn > 0) * np.sum((mean - true) ** 2, axis=1)
            # centred sums, for the total sum of squares about the mean of the conditions drawn
            square += (drawn > 0) * np.sum((true - centre) ** 2, axis=0)
            total += (drawn > 0) * np.sum(true - centre, axis=0)
            bins += (drawn > 0) * len(true)
        return average_r2(residual, about_mean(square, total, bins))
