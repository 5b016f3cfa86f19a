"""Peri-stimulus time histograms: true or observed beside inferred."""

from dataclasses import dataclass

import numpy as np

from undertow.analysis.conditions import condition_averages
from undertow.analysis.examples import example_neurons
from undertow.analysis.singletrials import blank_past_end, neuron_name
from undertow.data import Prediction, TrialSet
from undertow.errors import UndertowError
from undertow.evaluation import psth as smoothed_psth


@dataclass(frozen=True, eq=False)
class Psth:
    """Trial-averaged rates of a few neurons in a few conditions, spikes/s.

    Attributes:
        labels: condition labels shown, (conditions,).
        reference: true or observed rates, (conditions, time, neurons).
        reference_name: what `reference` is.
        inferred: the model's rates averaged over the same conditions' test trials.
        baseline: the baseline's, or None.
        n_trials: test trials averaged, (conditions,).
        n_reference_trials: trials behind `reference`, (conditions,).
        spikes: the test trials' counts per condition, each (trials, time, neurons).
        neuron_names: what each neuron is called.
        n_conditions: how many conditions the data have.
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
    n_conditions: int = 8,
    n_neurons: int = 4,
    smooth_s: float = 0.05,
) -> Psth:
    """Averages by condition of busy neurons: inferred rates against the truth, or against observed
    spikes.

    With `truth` the reference is its average over the same trials. Otherwise it is the average of
    observed spikes over the test trials and, since a condition often has few of them, those of
    `training`, smoothed in time with a Gaussian of standard deviation `smooth_s`.

    Raises:
        UndertowError: without condition labels, or without a spike.
    """
    trials = prediction.trials
    neurons = example_neurons(trials, n_neurons)
    if neurons.size == 0:
        raise UndertowError("no neuron has a spike in these trials: there is no histogram to draw.")
    inferred = condition_averages(blank_past_end(prediction)[:, :, neurons], trials.condition)
    spread = (
        np.linspace(0, len(inferred.labels) - 1, min(n_conditions, len(inferred.labels)))
        .round()
        .astype(int)
    )
    labels = inferred.labels[spread]
    reference, n_reference, name = _reference(trials, training, labels, neurons, smooth_s)
    other = None
    if baseline is not None:
        other = condition_averages(blank_past_end(baseline)[:, :, neurons], trials.condition).mean[
            spread
        ]
    return Psth(
        labels=labels,
        reference=reference,
        reference_name=name,
        inferred=inferred.mean[spread],
        baseline=other,
        n_trials=inferred.n_trials[spread],
        n_reference_trials=n_reference,
        spikes=tuple(trials.spikes[trials.condition == label][:, :, neurons] for label in labels),
        neuron_names=tuple(neuron_name(prediction, neuron) for neuron in neurons),
        n_conditions=len(inferred.labels),
    )


def _reference(
    trials: TrialSet,
    training: TrialSet | None,
    labels: np.ndarray,
    neurons: np.ndarray,
    smooth_s: float,
) -> tuple[np.ndarray, np.ndarray, str]:
    """The curve to compare with: (conditions, time, neurons), trials behind it, its name."""
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
