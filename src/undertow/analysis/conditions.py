"""Averages over the trials of each condition."""

from dataclasses import dataclass

import numpy as np

from undertow.errors import UndertowError
from undertow.evaluation.metrics.psth import mean_over_trials


@dataclass(frozen=True, eq=False)
class ConditionAverages:
    """Trial averages by condition.

    Attributes:
        labels: sorted condition labels, (conditions,).
        mean: (conditions, time, features); NaN where no trial of the condition has a value.
        n_trials: trials of each condition, (conditions,).
    """

    labels: np.ndarray
    mean: np.ndarray
    n_trials: np.ndarray


def condition_averages(values: np.ndarray, condition: np.ndarray | None) -> ConditionAverages:
    """Mean of values (trials, time, features) over each condition's trials, bin by bin over what is
    finite.

    Raises:
        UndertowError: without one condition label per trial.
    """
    if condition is None:
        raise UndertowError(
            "the trials have no condition labels: there is nothing to average over."
        )
    if len(condition) != len(values):
        raise UndertowError(
            f"there are {len(condition)} condition labels for {len(values)} trials: one each is "
            "needed."
        )
    labels, counts = np.unique(condition, return_counts=True)
    mean = np.stack([mean_over_trials(values[condition == label]) for label in labels])
    return ConditionAverages(labels, mean, counts)
