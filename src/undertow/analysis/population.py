"""The whole population's rate over time: a first check of any model."""

from dataclasses import dataclass

import numpy as np

from undertow.data import Prediction
from undertow.evaluation.metrics.psth import mean_over_trials


@dataclass(frozen=True, eq=False)
class PopulationRates:
    """Summed rates of a part of the population, averaged over trials, spikes/s.

    Attributes:
        names: which part, for example 'held-in neurons'.
        observed: spikes, (parts, time).
        inferred: the model's rates in the same bins and trials.
        baseline: the baseline's, or None.
    """

    names: tuple[str, ...]
    observed: np.ndarray
    inferred: np.ndarray
    baseline: np.ndarray | None


def population_rates(prediction: Prediction, baseline: Prediction | None = None) -> PopulationRates:
    """Population rates of held-in and held-out neurons; rates count only where spikes were
    observed."""
    trials = prediction.trials
    parts = {"held-in neurons": ~trials.heldout, "held-out neurons": trials.heldout}
    parts = {name: mask for name, mask in parts.items() if mask.any()}
    observed = np.isfinite(trials.spikes)

    def summed(values: np.ndarray) -> np.ndarray:
        mean = mean_over_trials(np.where(observed, values, np.nan))
        return np.stack([mean[:, mask].sum(axis=1) for mask in parts.values()])

    return PopulationRates(
        names=tuple(f"{int(mask.sum())} {name}" for name, mask in parts.items()),
        observed=summed(trials.spikes / trials.bin_s),
        inferred=summed(prediction.rates),
        baseline=None if baseline is None else summed(baseline.rates),
    )
