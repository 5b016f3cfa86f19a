"""Spikes beside inferred rates: whole populations for a few trials, a few neurons with their
intervals."""

from dataclasses import dataclass, replace

import numpy as np

from undertow.analysis.examples import example_neurons, example_trials, peak_order
from undertow.data import Prediction
from undertow.errors import UndertowError


@dataclass(frozen=True, eq=False)
class Rasters:
    """A few trials of the whole population, neurons sorted by the time of their inferred peak,
    held-in first.

    Attributes:
        spikes: counts per bin, (trials, time, neurons).
        rates: inferred, spikes/s, same shape.
        baseline: the baseline's rates, or None.
        order: index of each row's neuron in the TrialSet, (neurons,).
        n_heldin: the first `n_heldin` neurons are held in.
        names: what each trial is called.
    """

    spikes: np.ndarray
    rates: np.ndarray
    baseline: np.ndarray | None
    order: np.ndarray
    n_heldin: int
    names: tuple[str, ...]


def rasters(
    prediction: Prediction, baseline: Prediction | None = None, n_trials: int = 3
) -> Rasters:
    """Spikes and inferred rates of up to `n_trials` example trials."""
    trials = prediction.trials
    chosen = example_trials(trials, n_trials)
    order = peak_order(prediction.rates, trials.heldout)
    return Rasters(
        spikes=trials.spikes[chosen][:, :, order],
        rates=blank_past_end(prediction)[chosen][:, :, order],
        baseline=None if baseline is None else blank_past_end(baseline)[chosen][:, :, order],
        order=order,
        n_heldin=int((~trials.heldout).sum()),
        names=tuple(trial_name(prediction, trial) for trial in chosen),
    )


@dataclass(frozen=True, eq=False)
class SingleTrialRates:
    """A few neurons in a few trials.

    Attributes:
        spikes: counts per bin, (trials, time, neurons).
        rates: inferred mean, spikes/s, same shape.
        low, high: edges of the central interval of the rate at `level`, or None without enough
            samples.
        level: coverage of the interval, 0 to 1.
        truth: true rates in spikes/s, or None.
        baseline: the baseline's rates, or None.
        trial_names: what each trial is called.
        neuron_names: what each neuron is called.
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
    n_trials: int = 3,
    n_neurons: int = 4,
    level: float = 0.9,
) -> SingleTrialRates:
    """Inferred rates of up to `n_neurons` busy neurons in `n_trials` trials; intervals from 200
    samples up.

    Raises:
        UndertowError: when no neuron has a spike.
    """
    trials = prediction.trials
    rows, columns = example_trials(trials, n_trials), example_neurons(trials, n_neurons)
    if columns.size == 0:
        raise UndertowError("no neuron has a spike in these trials: there is no neuron to show.")
    pick = np.ix_(rows, np.arange(trials.n_time), columns)
    low, high = _interval(prediction, pick, level)
    return SingleTrialRates(
        spikes=trials.spikes[pick],
        rates=blank_past_end(prediction)[pick],
        low=low,
        high=high,
        level=level,
        truth=None if trials.truth is None else trials.truth[pick],
        baseline=None if baseline is None else blank_past_end(baseline)[pick],
        trial_names=tuple(trial_name(prediction, trial) for trial in rows),
        neuron_names=tuple(neuron_name(prediction, neuron) for neuron in columns),
    )


def _interval(
    prediction: Prediction, pick: tuple[np.ndarray, ...], level: float
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Quantiles of the picked rates only: the whole set of samples can be gigabytes."""
    samples = prediction.rate_samples
    if samples is None or len(samples) < 200:
        return None, None
    trial, time, neuron = pick
    low, high = replace(prediction, rate_samples=samples[:, trial, time, neuron]).interval(level)
    inside = _inside(prediction)[pick]
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)


def blank_past_end(prediction: Prediction) -> np.ndarray:
    """Rates, NaN past each trial's end, (trials, time, neurons)."""
    return np.where(_inside(prediction), prediction.rates, np.nan)


def _inside(prediction: Prediction) -> np.ndarray:
    return np.broadcast_to(prediction.trials.valid[:, :, None], prediction.rates.shape)


def trial_name(prediction: Prediction, trial: int) -> str:
    """'trial 7, condition 2'."""
    trials = prediction.trials
    condition = "" if trials.condition is None else f", condition {trials.condition[trial]}"
    return f"trial {trials.trial_ids[trial]}{condition}"


def neuron_name(prediction: Prediction, neuron: int) -> str:
    """'neuron 12 (held out)'."""
    trials = prediction.trials
    return f"neuron {trials.neuron_ids[neuron]}" + (" (held out)" if trials.heldout[neuron] else "")
