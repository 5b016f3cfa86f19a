"""Averages over trials: by condition, as peri-stimulus time histograms, of the whole population."""

from dataclasses import dataclass

import numpy as np

from undertow.analysis.examples import (
    Which,
    blank_past_end,
    example_conditions,
    example_neurons,
    neuron_name,
)
from undertow.data import Prediction, TrialSet
from undertow.errors import UndertowError
from undertow.evaluation import psth as smoothed_psth
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
    """Average values (trials, time, features) over each condition's trials, bin by bin.

    Values that are not finite are left out.

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


@dataclass(frozen=True, eq=False)
class Psth:
    """Trial-averaged rates of a few neurons in a few conditions, spikes/s.

    Attributes:
        labels: condition labels shown, (conditions,).
        reference: true or observed rates, (conditions, time, neurons).
        reference_name: description of `reference`, such as 'true rate'.
        inferred: the model's rates averaged over the same conditions' test trials.
        baseline: the same of the baseline, or None.
        n_trials: test trials averaged, (conditions,).
        n_reference_trials: trials behind `reference`, (conditions,).
        spikes: the test trials' counts per condition, each (trials, time, neurons).
        neuron_names: name of each neuron.
        n_conditions: number of conditions in the data, of which some are shown.
    """

    labels: np.ndarray
    reference: np.ndarray
    reference_name: str
    inferred: np.ndarray
    baseline: np.ndarray | None
    n_trials: np.ndarray
    n_reference_trials: np.ndarray
    spikes: tuple[np.ndarray, ...]
    neuron_names: tuple[str, ...]
    n_conditions: int


def psth(
    prediction: Prediction,
    baseline: Prediction | None = None,
    training: TrialSet | None = None,
    conditions: Which = 8,
    neurons: Which = 4,
    smooth_s: float = 0.05,
) -> Psth:
    """Average by condition: inferred rates, and true ones or observed spikes to compare them with.

    With `truth` the reference is its average over the same trials. Otherwise it is the average of
    observed spikes over the test trials and, since a condition often has few of them, those of
    `training`, smoothed in time with a Gaussian of standard deviation `smooth_s`.

    Args:
        prediction, baseline: predictions whose rates are averaged.
        training: further trials behind the observed averages.
        conditions: labels of the conditions to show, or how many, spread evenly.
        neurons: ids, or how many of those with most spikes (half of them held-out, if any are).
        smooth_s: that standard deviation, in seconds.

    Raises:
        UndertowError: without condition labels, or without a spike.
    """
    trials = prediction.trials
    chosen = example_neurons(trials, neurons)
    inferred = condition_averages(blank_past_end(prediction)[:, :, chosen], trials.condition)
    shown = example_conditions(inferred.labels, conditions)
    labels = inferred.labels[shown]
    reference, n_reference, name = _reference(trials, training, labels, chosen, smooth_s)
    other = None
    if baseline is not None:
        rates = blank_past_end(baseline)[:, :, chosen]
        other = condition_averages(rates, trials.condition).mean[shown]
    return Psth(
        labels=labels,
        reference=reference,
        reference_name=name,
        inferred=inferred.mean[shown],
        baseline=other,
        n_trials=inferred.n_trials[shown],
        n_reference_trials=n_reference,
        spikes=tuple(trials.spikes[trials.condition == label][:, :, chosen] for label in labels),
        neuron_names=tuple(neuron_name(trials, neuron) for neuron in chosen),
        n_conditions=len(inferred.labels),
    )


def _reference(
    trials: TrialSet,
    training: TrialSet | None,
    labels: np.ndarray,
    neurons: np.ndarray,
    smooth_s: float,
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return the curve to compare with, (conditions, time, neurons), its trials and its name."""
    if trials.truth is not None:
        truth = np.where(trials.valid[:, :, None], trials.truth[:, :, neurons], np.nan)
        averages = condition_averages(truth, trials.condition)
        found, mean, n_trials = averages.labels, averages.mean, averages.n_trials
        name = "true rate"
    else:
        sets = [trials] if training is None or training.condition is None else [trials, training]
        _check_same_bins(sets)
        spikes = np.concatenate([each.spikes[:, :, neurons] for each in sets])
        condition = np.concatenate([each.condition for each in sets])
        found, counts = smoothed_psth(spikes, condition, smooth_s, trials.bin_s)
        mean, n_trials = counts / trials.bin_s, np.unique(condition, return_counts=True)[1]
        name = f"observed spikes (Gaussian, sd {1e3 * smooth_s:g} ms)"
    rows = np.searchsorted(found, labels)
    return mean[rows], n_trials[rows], name


def _check_same_bins(sets: list[TrialSet]) -> None:
    shapes = {(each.n_time, each.n_neurons) for each in sets}
    if len(shapes) > 1:
        raise UndertowError(
            f"training and test trials have (bins, neurons) {sorted(shapes)}: they must be the "
            "same."
        )


@dataclass(frozen=True, eq=False)
class PopulationRates:
    """Summed rates of a part of the population, averaged over trials, spikes/s.

    Attributes:
        names: which part, for example 'held-in neurons'.
        observed: spikes, (parts, time).
        inferred: the model's rates in the same bins and trials.
        baseline: the same of the baseline, or None.
    """

    names: tuple[str, ...]
    observed: np.ndarray
    inferred: np.ndarray
    baseline: np.ndarray | None


def population_rates(prediction: Prediction, baseline: Prediction | None = None) -> PopulationRates:
    """Sum rates over held-in and over held-out neurons.

    Rates count only where spikes were observed.
    """
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
