"""Bits per spike of held-out neurons, of hidden entries of held-in ones, and of forward bins."""

from collections.abc import Iterator

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.evaluation.scores.sums import BitsPerSpike
from undertow.evaluation.scores.trials import about, counts_of, spiking, window
from undertow.names import listed

UNHEARD = "silent in the training trials"
HELD_IN = "held-in neurons, every entry predicted while it was hidden from the model"


def likelihood_statistics(prediction: Prediction, train: TrialSet | None) -> Iterator[BitsPerSpike]:
    """The statistics of 'co-bps', 'held-in bps' and 'fp-bps', those there are.

    Args:
        prediction: for the trials to score; without `hidden_rates` it has no 'held-in bps'.
        train: the training trials: a neuron that is silent in all of them is left out, for every
            model alike.
    """
    trials = prediction.trials
    inside, after = window(trials), slice(trials.n_time - trials.forward_bins, None)
    everyone = np.ones(trials.n_neurons, bool)
    for name, rates, bins, neurons, note in (
        ("co-bps", prediction.rates, inside, trials.heldout, "held-out neurons"),
        ("held-in bps", prediction.hidden_rates, inside, ~trials.heldout, HELD_IN),
        ("fp-bps", prediction.rates, after, everyone, "forward bins, all neurons"),
    ):
        firing = neurons & spiking(trials, bins)
        scored = firing & ~silent_in(train)
        if rates is not None and scored.any():
            counts = counts_of(rates, bins, scored, trials.bin_s)
            spikes = trials.spikes[:, bins][..., scored]
            words, silent = note + without_silent(trials, firing & ~scored), neurons & ~firing
            about_it = about(trials, name, "bits/spike", words, scored, scored | silent)
            yield BitsPerSpike.from_counts(counts, spikes, **about_it)


def without_silent(trials: TrialSet, silent: np.ndarray) -> str:
    """The end of a note that names neurons left out as the training trials hold no spike of them.

    All that a model can learn of such a neuron is that it is silent: each spike that it fires now
    would cost as many bits as the smallest rate the model happens to give.
    """
    if not silent.any():
        return ""
    ids = trials.neuron_ids[silent].tolist()
    which = f"neuron{'s' * (len(ids) > 1)} {listed(ids)}"
    return f"; without {which}, {UNHEARD}"


def silent_in(train: TrialSet | None) -> np.ndarray:
    """True for neurons without a spike in the training trials; False where there are none."""
    return np.array(False) if train is None else train.silent
