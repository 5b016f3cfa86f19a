"""Spikes beside inferred rates, of the whole population or of a few neurons with intervals."""

from dataclasses import dataclass, replace

import numpy as np

from undertow.analysis.examples import (
    Which,
    blank_past_end,
    example_neurons,
    example_trials,
    neuron_name,
    peak_order,
    trial_name,
)
from undertow.data import Prediction


@dataclass(frozen=True, eq=False)
class Rasters:
    """Spikes and rates of the whole population in a few trials.

    Neurons are sorted: held-in ones first, by region, by the time of their inferred peak.

    Attributes:
        spikes: counts per bin, (trials, time, neurons).
        rates: inferred, spikes/s, same shape.
        baseline: the baseline's rates, spikes/s, or None.
        order: index of each row's neuron in the TrialSet, (neurons,).
        n_heldin: the first `n_heldin` neurons are held in.
        names: name of each trial.
        region: of each row, (neurons,), or None where regions are not known.
    """

    spikes: np.ndarray
    rates: np.ndarray
    baseline: np.ndarray | None
    order: np.ndarray
    n_heldin: int
    names: tuple[str, ...]
    region: np.ndarray | None = None


def rasters(
    prediction: Prediction, baseline: Prediction | None = None, trials: Which = 3
) -> Rasters:
    """Return spikes and inferred rates of some trials: their ids, or how many examples."""
    tested = prediction.trials
    chosen = example_trials(tested, trials)
    order = peak_order(prediction.rates, tested.heldout, tested.region)
    return Rasters(
        spikes=tested.spikes[chosen][:, :, order],
        rates=blank_past_end(prediction)[chosen][:, :, order],
        baseline=None if baseline is None else blank_past_end(baseline)[chosen][:, :, order],
        order=order,
        n_heldin=int((~tested.heldout).sum()),
        names=tuple(trial_name(tested, trial) for trial in chosen),
        region=None if tested.region is None else tested.region[order],
    )


@dataclass(frozen=True, eq=False)
class SingleTrialRates:
    """Spikes and rates of a few neurons in a few trials.

    Attributes:
        spikes: counts per bin, (trials, time, neurons).
        rates: inferred mean, spikes/s, same shape.
        low, high: edges of the central interval of the rate at `level`, or None without enough
            samples.
        level: coverage of the interval, 0 to 1.
        truth: true rates in spikes/s, or None.
        baseline: the baseline's rates, spikes/s, or None.
        trial_names: name of each trial.
        neuron_names: name of each neuron.
    """

    spikes: np.ndarray
    rates: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    level: float
    truth: np.ndarray | None
    baseline: np.ndarray | None
    trial_names: tuple[str, ...]
    neuron_names: tuple[str, ...]


def single_trial_rates(
    prediction: Prediction,
    baseline: Prediction | None = None,
    trials: Which = 3,
    neurons: Which = 4,
    level: float = 0.9,
) -> SingleTrialRates:
    """Return inferred rates of some neurons in some trials; intervals from 200 samples up.

    Args:
        prediction, baseline: predictions whose rates are shown.
        trials: ids of the trials to show, or how many examples.
        neurons: ids, or how many of those with most spikes (half of them held-out, if any are).
        level: coverage of the interval, 0 to 1.

    Raises:
        UndertowError: when no neuron has a spike.
    """
    tested = prediction.trials
    rows, columns = example_trials(tested, trials), example_neurons(tested, neurons)
    pick = np.ix_(rows, np.arange(tested.n_time), columns)
    low, high = _interval(prediction, pick, level)
    return SingleTrialRates(
        spikes=tested.spikes[pick],
        rates=blank_past_end(prediction)[pick],
        low=low,
        high=high,
        level=level,
        truth=None if tested.truth is None else tested.truth[pick],
        baseline=None if baseline is None else blank_past_end(baseline)[pick],
        trial_names=tuple(trial_name(tested, trial) for trial in rows),
        neuron_names=tuple(neuron_name(tested, neuron) for neuron in columns),
    )


def _interval(
    prediction: Prediction, pick: tuple[np.ndarray, ...], level: float
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Compute quantiles of the picked rates only: the whole set of samples can be gigabytes."""
    samples = prediction.rate_samples
    if samples is None or len(samples) < 200:
        return None, None
    trial, time, neuron = pick
    low, high = replace(prediction, rate_samples=samples[:, trial, time, neuron]).interval(level)
    inside = np.broadcast_to(prediction.trials.valid[:, :, None], prediction.rates.shape)[pick]
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)
