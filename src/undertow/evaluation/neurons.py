"""Scores neuron by neuron, for tables."""

import numpy as np

from undertow.data import Prediction
from undertow.evaluation.checks import check_rates
from undertow.evaluation.rates import r2
from undertow.evaluation.scoring import varies, window, window_truth
from undertow.evaluation.sums import BitsPerSpike, RSquared


def per_neuron_scores(prediction: Prediction) -> dict[str, np.ndarray]:
    """One entry per neuron, over the window (without forward bins).

    Returns:
        'neuron_id', 'region' (where known), 'heldout', 'mean_rate_hz' (spikes/s), 'bits_per_spike'
        (NaN for silent neurons) and, where the truth is known, 'rate_r2' (NaN where the truth is
        constant).

    Raises:
        DataError: when a rate is NaN, negative or infinite where it is scored.
    """
    trials, bins = prediction.trials, window(prediction.trials)
    spikes, rates = trials.spikes[:, bins], prediction.counts[:, bins]
    about = {
        "name": "bits per spike",
        "unit": "bits/spike",
        "trial_ids": trials.trial_ids,
        "condition": trials.condition,
        "bin_s": trials.bin_s,
        "n_neurons": trials.n_neurons,
    }
    once = np.ones((1, trials.n_trials))
    bits = BitsPerSpike.from_counts(rates, spikes, **about)
    gain, count = (array[0] for array in bits.gains(once))
    table = {"neuron_id": trials.neuron_ids, "heldout": trials.heldout}
    if trials.region is not None:
        table["region"] = trials.region
    observed = bits.bins.sum(axis=0)
    table["mean_rate_hz"] = count / np.where(observed > 0, observed, np.nan) / trials.bin_s
    table["bits_per_spike"] = gain / np.where(count > 0, count, np.nan) / np.log(2)
    if trials.truth is not None:
        truth = window_truth(trials)
        check_rates(prediction.rates[:, bins], np.isfinite(truth))
        residual, total = (
            a[0]
            for a in RSquared.from_targets(prediction.rates[:, bins], truth, **about).outputs(once)
        )
        table["rate_r2"] = np.where(varies(truth), r2(residual, total), np.nan)
    return table
