"""Averages of training trials: mean rates, and smoothed averages of each condition."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from undertow.data import TrialSet
from undertow.data.counts import totals
from undertow.evaluation.metrics.psth import gaussian_smooth, psth_of_sets

LEAST_SPIKES = 0.5
"""Spikes that a neuron is taken to have fired in all: the rate of a silent one is not zero."""


def mean_rates(trials: TrialSet, forward: bool) -> np.ndarray:
    """Each neuron's mean rate in the window or the forward bins, spikes/s, never zero.

    Where no forward bin was observed it is that of the window; of a neuron that was never observed,
    that of half a spike in a bin.
    """
    edge = trials.n_time - trials.forward_bins
    spikes, observed = totals(trials.spikes[:, edge:] if forward else trials.spikes[:, :edge])
    rates = np.maximum(spikes, LEAST_SPIKES) / (np.maximum(observed, 1) * trials.bin_s)
    unknown = observed == 0
    if forward and unknown.any():
        rates[unknown] = mean_rates(trials, forward=False)[unknown]
    return rates


class Averages:
    """Smoothed averages of the training trials, of all and of each condition.

    Args:
        trials: to average; without conditions all are of one.
        width_s: standard deviation of the Gaussian in seconds.

    Attributes:
        names: of the conditions, sorted.
        numbers: trials of each condition, (conditions,).
        overall: rates in spikes/s, (time, neurons), never zero.
        each: of each condition, (conditions, time, neurons), NaN in bins that none of its trials
            observed.
    """

    def __init__(self, trials: TrialSet, width_s: float) -> None:
        labels, least_hz = conditions(trials), mean_rates(trials, forward=False)
        self.names, self.numbers = np.unique(labels, return_counts=True)
        every = np.zeros(trials.n_trials)
        overall = psth_of_sets([(trials.spikes, every)], width_s, trials.bin_s)[1][0]
        overall = overall / trials.bin_s
        # bins that no trial observed are those near them, or a neuron's mean
        near = gaussian_smooth(overall[None], width_s, trials.bin_s)[0]
        overall = np.where(np.isnan(overall), near, overall)
        overall = np.where(np.isnan(overall), least_hz, overall)
        self.overall = np.maximum(overall, LEAST_SHARE * least_hz)
        self.each = psth_of_sets([(trials.spikes, labels)], width_s, trials.bin_s)[1] / trials.bin_s

    def drawn(self, added_trials: float) -> np.ndarray:
        """Rates of each condition, drawn to the overall ones as by so many trials of these."""
        share = self.numbers / (self.numbers + added_trials)
        own = np.where(np.isnan(self.each), self.overall, self.each)
        found: np.ndarray = self.overall + share[:, None, None] * (own - self.overall)
        return np.maximum(found, LEAST_SHARE * self.overall)


LEAST_SHARE = 0.05
"""Averages are at least this share of a neuron's mean rate: a bin without a spike is not silent."""


def conditions(trials: TrialSet) -> np.ndarray:
    """The condition of each trial; one for all where there is none."""
    return np.zeros(trials.n_trials, int) if trials.condition is None else trials.condition


def plain_names(names: np.ndarray) -> list[Any]:
    """Names of conditions as a file holds them."""
    return [name.item() if isinstance(name, np.generic) else name for name in names]


def place_of(labels: np.ndarray, names: Sequence[Any]) -> np.ndarray:
    """The place of each label among the names, −1 where it is none, (trials,)."""
    places = {name: place for place, name in enumerate(names)}
    return np.array([places.get(label, -1) for label in plain_names(labels)], dtype=int)


def in_time(values: np.ndarray, n_time: int) -> np.ndarray:
    """The first bins of (…, time, neurons), the last one repeated where there are too few."""
    bins = np.minimum(np.arange(n_time), values.shape[-2] - 1)
    return values[..., bins, :]
