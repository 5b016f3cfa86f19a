"""Choice of the trials, conditions and neurons that a figure shows, and their names.

Unless the user names them, they are chosen by the data, never by a model's scores.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from undertow import checks
from undertow.data import Prediction, TrialSet
from undertow.data.validation import known_labels
from undertow.errors import UndertowError
from undertow.names import listed

Which = int | Sequence[Any] | np.ndarray
"""How many to show, or the labels of those to show."""


def example_trials(trials: TrialSet, which: Which = 3) -> np.ndarray:
    """Return indices of the trials with the ids `which`, or of so many, the longest first.

    A number takes one trial of each condition, spread evenly, then a second of each; without
    conditions the longest trials, in their order.

    Raises:
        UndertowError: for an id no trial has, or a number below 1.
    """
    if not isinstance(which, int | np.integer):
        return _indices("trial", which, trials.trial_ids)
    n = checks.whole("trials", which, least=1, error=UndertowError)
    long_first = np.argsort(-trials.lengths, kind="stable")
    if trials.condition is None:
        return np.sort(long_first[:n])
    label = np.unique(trials.condition[long_first], return_inverse=True)[1]
    by_condition = np.argsort(label, kind="stable")
    turn = np.empty(len(label), dtype=int)
    turn[by_condition] = np.arange(len(label)) - np.searchsorted(
        label[by_condition], label[by_condition]
    )
    in_turns = long_first[np.lexsort((label, turn))]
    n_first = int((turn == 0).sum())
    if n >= n_first:
        return in_turns[:n]
    return in_turns[np.linspace(0, n_first - 1, n).round().astype(int)]


def example_neurons(trials: TrialSet, which: Which = 4) -> np.ndarray:
    """Return indices of the neurons with the ids `which`, or of so many with the most spikes.

    Of a number, half are held-out neurons where there are any, and none is silent.

    Raises:
        UndertowError: for an id no neuron has, a number below 1, or where all are silent.
    """
    if not isinstance(which, int | np.integer):
        return _indices("neuron", which, trials.neuron_ids)
    n = checks.whole("neurons", which, least=1, error=UndertowError)
    counts = np.nansum(trials.spikes, axis=(0, 1))
    busiest = np.argsort(-counts, kind="stable")
    held_out, held_in = busiest[trials.heldout[busiest]], busiest[~trials.heldout[busiest]]
    k = min(n // 2, len(held_out))
    chosen = np.concatenate([held_in[: n - k], held_out[:k]])
    chosen = chosen[counts[chosen] > 0]
    if chosen.size == 0:
        raise UndertowError("no neuron has a spike in these trials: there is no neuron to show.")
    return chosen


def example_conditions(labels: np.ndarray, which: Which = 8) -> np.ndarray:
    """Return indices into sorted condition `labels`: those named, or up to so many, spread evenly.

    Raises:
        UndertowError: for a label that is not there, or a number below 1.
    """
    if not isinstance(which, int | np.integer):
        return _indices("condition", which, labels)
    n = checks.whole("conditions", which, least=1, error=UndertowError)
    return np.linspace(0, len(labels) - 1, min(n, len(labels))).round().astype(int)


def _indices(noun: str, wanted: Sequence[Any] | np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Find each wanted label, in the order wanted."""
    known = {label: k for k, label in enumerate(labels.tolist())}
    names = np.atleast_1d(np.asarray(wanted)).tolist()
    if missing := [name for name in names if name not in known]:
        raise UndertowError(
            f"there is no {noun} {listed([repr(name) for name in missing])}: the {len(known)} "
            f"there are start with {listed(list(known)[:5])}."
        )
    if not names:
        raise UndertowError(f"no {noun} was named: give at least one, or how many to show.")
    return np.array([known[name] for name in names], dtype=int)


def trial_groups(trials: TrialSet) -> tuple[str | None, np.ndarray]:
    """What trials are told apart by, and the value of each, (trials,).

    Their conditions, else the first label there is, 'unknown' where it is missing; (None, zeros)
    where they have neither.
    """
    if trials.condition is not None:
        return "condition", trials.condition
    for name, values in trials.labels.items():
        known = known_labels(values)
        if known.any():
            return name, values if known.all() else np.where(known, values.astype(str), "unknown")
    return None, np.zeros(trials.n_trials, int)


def peak_order(
    rates: np.ndarray, heldout: np.ndarray, region: np.ndarray | None = None
) -> np.ndarray:
    """Order neurons: held-in ones first, by region, by the time at which their mean rate peaks.

    Rates are (trials, time, neurons).
    """
    finite = np.isfinite(rates)
    mean = np.where(finite, rates, 0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1)
    place = np.zeros(len(heldout)) if region is None else np.unique(region, return_inverse=True)[1]
    return np.lexsort((mean.argmax(axis=0), place, heldout))


def blank_past_end(prediction: Prediction) -> np.ndarray:
    """Return rates with NaN past each trial's end, (trials, time, neurons)."""
    return np.where(prediction.trials.valid[:, :, None], prediction.rates, np.nan)


def trial_name(trials: TrialSet, trial: int) -> str:
    """Name a trial, as in 'trial 7, condition 2'."""
    condition = "" if trials.condition is None else f", condition {trials.condition[trial]}"
    return f"trial {trials.trial_ids[trial]}{condition}"


def neuron_name(trials: TrialSet, neuron: int) -> str:
    """Name a neuron, as in 'neuron 12 (held out)'."""
    return f"neuron {trials.neuron_ids[neuron]}" + (" (held out)" if trials.heldout[neuron] else "")
