"""Which trials, conditions and neurons a figure shows: chosen by the data, never by a model's
scores."""

import numpy as np

from undertow.data import TrialSet


def example_trials(trials: TrialSet, n: int = 3) -> np.ndarray:
    """Indices of up to `n` trials, the longest first: one of each condition, spread evenly, then a
    second of each.

    Without conditions the `n` longest trials, in their order.
    """
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


def example_neurons(trials: TrialSet, n: int = 4) -> np.ndarray:
    """Indices of up to `n` neurons with the most spikes; half of them held out where there are
    any."""
    counts = np.nansum(trials.spikes, axis=(0, 1))
    busiest = np.argsort(-counts, kind="stable")
    held_out, held_in = busiest[trials.heldout[busiest]], busiest[~trials.heldout[busiest]]
    k = min(n // 2, len(held_out))
    chosen = np.concatenate([held_in[: n - k], held_out[:k]])
    return chosen[counts[chosen] > 0]


def peak_order(rates: np.ndarray, heldout: np.ndarray) -> np.ndarray:
    """Neurons sorted by when the mean of rates (trials, time, neurons) peaks; all held-in ones come
    first."""
    finite = np.isfinite(rates)
    mean = np.where(finite, rates, 0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1)
    return np.lexsort((mean.argmax(axis=0), heldout))
