"""Validation scores of `LatentSDE`."""

import math

import numpy as np
from torch import nn

from undertow.data import Prediction, TrialSet
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.evaluation import bits_per_spike
from undertow.models.hidden_spikes import HiddenSpikes
from undertow.models.latent_sde.beyond_spikes import behavior_gain, label_gain
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.prediction import evidence_bounds, predict
from undertow.training import Validate

SAMPLES = 10


def validator(batch: Batch, trials: TrialSet, monitor: str) -> Validate:
    """Return a function network → score on the validation trials, higher is better.

    It also checks that the learned dynamics are still stable at this bin width. To the bits per
    spike of neurons it adds what is gained on behaviour and labels, under the weights they have in
    the loss: their log-likelihood beyond that of their own mean, or shares, in bits per spike of
    all neurons.

    Args:
        batch: the validation trials as the network reads them.
        trials: the same.
        monitor: 'co-bps': bits per spike of held-out neurons given all observations of the others;
            'likelihood': the evidence bound in bits per spike; 'auto': co-bps where neurons are
            held out, else the bound; 'generate': bits per spike of all neurons after the window of
            the initial state, given the observations in it.

    Raises:
        ModelError: for 'co-bps' without held-out neurons.
    """
    bound, counts = _scored(trials, monitor)
    generate, spikes = monitor == "generate", float(np.nansum(trials.spikes))

    def validate(network: nn.Module) -> dict[str, float]:
        assert isinstance(network, LatentSDENetwork)
        network.dynamics.check_stable(network.bin_s * network.bins_per_step)
        # a label reads several bins of one path: marginals would not do
        at_once = not network.labels
        if bound:
            bounds = evidence_bounds(network, batch, SAMPLES, 0, at_once)
            elbo = bounds["elbo"].astype(np.float64)
            return {"bound": float(elbo.sum() / spikes / math.log(2))}
        prediction = predict(network, batch, trials, SAMPLES, False, 0, generate, at_once=at_once)
        seen = _seen(network, batch, generate)
        neurons = _bits_per_spike(prediction, np.where(seen[..., None], np.nan, counts))
        per_spike = 1 / max(spikes, 1.0) / math.log(2)
        beyond = {
            "behavior": network.behavior_weight * behavior_gain(prediction, ~seen) * per_spike,
            "labels": network.label_weight * label_gain(prediction, batch) * per_spike,
        }
        return {"spikes": neurons} | {name: gain for name, gain in beyond.items() if gain}

    return validate


def scores_by_trial(
    network: LatentSDENetwork, batch: Batch, trials: TrialSet, monitor: str
) -> np.ndarray:
    """Score the neurons of each trial as `validator` does; the sum differs by a constant.

    What is gained on behaviour and labels is no sum over trials and left out, but for the bound.
    """
    bound, counts = _scored(trials, monitor)
    at_once, generate = not network.labels, monitor == "generate"
    if bound:
        elbo = evidence_bounds(network, batch, SAMPLES, 0, at_once)["elbo"].astype(np.float64)
        return elbo / float(np.nansum(trials.spikes)) / math.log(2)
    prediction = predict(network, batch, trials, SAMPLES, False, 0, generate, at_once=at_once)
    counts[_seen(network, batch, generate)] = np.nan
    return HiddenSpikes(batch.inputs, counts).by_trial(prediction.rates * trials.bin_s)


def _scored(trials: TrialSet, monitor: str) -> tuple[bool, np.ndarray]:
    """Whether the bound is the score; else the spikes that are scored, NaN where they are not.

    Raises:
        ModelError: for 'co-bps' without held-out neurons.
    """
    heldout = trials.heldout.any()
    if monitor == "co-bps" and not heldout:
        raise ModelError(
            "training.monitor is 'co-bps' but no neuron is held out: hold some out, or use "
            "'likelihood'."
        )
    bound = monitor == "likelihood" or (monitor == "auto" and not heldout)
    counts = np.array(trials.spikes)
    if not bound and monitor != "generate":
        counts[:, :, ~trials.heldout] = np.nan
    return bound, counts


def _seen(network: LatentSDENetwork, batch: Batch, generate: bool) -> np.ndarray:
    """Bins that a model that generates is shown, (trials, time)."""
    seen: np.ndarray = network.before_t0(batch).cpu().numpy() & generate
    return seen


def _bits_per_spike(prediction: Prediction, counts: np.ndarray) -> float:
    """Bits per spike of what is known of `counts`; NaN for rates that are not finite."""
    trials, scored = prediction.trials, np.nansum(counts, axis=(0, 1)) > 0
    rates = prediction.rates[:, :, scored].astype(np.float64) * trials.bin_s
    if not np.isfinite(rates[trials.valid]).all():
        return math.nan  # training goes back to weights that make them finite
    return float(bits_per_spike(rates, counts[:, :, scored]))
