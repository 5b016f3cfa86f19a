"""What scores read of their trials: the window, the neurons that count, shared fields."""

from typing import Any

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.data.counts import totals


def window(trials: TrialSet) -> slice:
    """The bins before the forward bins."""
    return slice(0, trials.n_time - trials.forward_bins)


def window_counts(prediction: Prediction) -> np.ndarray:
    """Expected spikes per bin in the window, (trials, window, neurons)."""
    return prediction.counts[:, window(prediction.trials)]


def counts_of(rates: np.ndarray, bins: slice, neurons: np.ndarray, bin_s: float) -> np.ndarray:
    """Expected spikes per bin of some bins and neurons of rates in spikes/s.

    Chosen before they become counts, in place: of a large recording every copy counts.
    """
    chosen = rates[:, bins][..., neurons]
    counts: np.ndarray = np.multiply(
        chosen, bin_s, out=chosen if chosen.dtype.kind == "f" else None
    )
    return counts


def window_truth(trials: TrialSet) -> np.ndarray:
    """True rates in the window, spikes/s; NaN past the end of a trial."""
    return np.where(trials.valid[..., None], trials.truth, np.nan)[:, window(trials)]


def spiking(trials: TrialSet, bins: slice) -> np.ndarray:
    """True for neurons with a spike in these bins, (neurons,)."""
    return totals(trials.spikes[:, bins])[0] > 0


def varies(values: np.ndarray) -> np.ndarray:
    """True for neurons or channels of (trials, time, channels) with two values or more."""
    known = np.isfinite(values)
    highest = np.where(known, values, -np.inf).max(axis=(0, 1))
    varying: np.ndarray = highest > np.where(known, values, np.inf).min(axis=(0, 1))
    return varying


def about(
    trials: TrialSet,
    name: str,
    unit: str,
    note: str = "",
    scored: np.ndarray | None = None,
    candidates: np.ndarray | None = None,
) -> dict[str, Any]:
    """The fields every `Statistic` carries.

    Args:
        trials: that are scored.
        name, unit, note: of the score.
        scored: True for the neurons that enter, (neurons,); all by default.
        candidates: True for those it could be made of, (neurons,), all by default; the ones not
            scored are counted as left out.
    """
    everyone = np.ones(trials.n_neurons, bool)
    entered = everyone if scored is None else scored
    possible = everyone if candidates is None else candidates
    return {
        "name": name,
        "unit": unit,
        "trial_ids": trials.trial_ids,
        "condition": trials.condition,
        "bin_s": trials.bin_s,
        "n_neurons": int(entered.sum()),
        "left_out": int(possible.sum() - entered.sum()),
        "note": note,
    }
