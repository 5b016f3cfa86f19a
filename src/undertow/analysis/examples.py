"""Which trials, conditions and neurons a figure shows: chosen by the data alone, never by how well a model does."""

import numpy as np

from undertow.data import TrialSet


def example_trials(trials: TrialSet, n: int = 3) -> np.ndarray:
    """Indices of up to `n` long trials, of different conditions as far as there are any, in order of condition."""
    long_first = np.argsort(-trials.lengths, kind="stable")
    if trials.condition is None:
        return np.sort(long_first[:n])
    _, first = np.unique(trials.condition[long_first], return_index=True)
    one_each = long_first[first]
    spread = one_each[np.unique(np.linspace(0, len(one_each) - 1, min(n, len(one_each))).round().astype(int))]
    rest = [trial for trial in long_first if trial not in spread]
    return np.concatenate([spread, np.array(rest[: n - len(spread)], dtype=int)])[:n]


def example_neurons(trials: TrialSet, n: int = 4) -> np.ndarray:
    """Indices of up to `n` neurons with the most spikes; half of them held out where there are any."""
    counts = np.nansum(trials.spikes, axis=(0, 1))
    busiest = np.argsort(-counts, kind="stable")
    held_out, held_in = busiest[trials.heldout[busiest]], busiest[~trials.heldout[busiest]]
    k = min(n // 2, len(held_out))
    chosen = np.concatenate([held_in[: n - k], held_out[:k]])
    return chosen[counts[chosen] > 0]


def peak_order(rates: np.ndarray, heldout: np.ndarray) -> np.ndarray:
    """Neuron indices, held-in first, within each by the time at which the mean of rates (trials, time, neurons) peaks."""
    finite = np.isfinite(rates)
    mean = np.where(finite, rates, 0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1)
    return np.lexsort((mean.argmax(axis=0), heldout))
