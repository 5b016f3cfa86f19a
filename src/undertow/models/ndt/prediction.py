"""Predictions of a fitted `NDTNetwork`, some trials at a time."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from undertow.data import Prediction, TrialSet
from undertow.data.batches import Batch, batches
from undertow.memory import blocks, give_back
from undertow.models.ndt.network import NDTNetwork
from undertow.models.sample_sums import BYTES, DECODED_BYTES, SampleSums, decoded_bytes
from undertow.observations import count_dispersion

TRIALS_AT_ONCE, ENCODED_BYTES = 256, 2**27


@torch.no_grad()
def predict(network: NDTNetwork, read: Callable[[TrialSet], Batch], trials: TrialSet) -> Prediction:
    """Infer rates, features 'h' and the log-likelihood; values past a trial's end are NaN."""
    network.eval()
    sums = SampleSums(trials, 1, keep=False)
    for rows, batch in batches(trials, read, _at_once(network, trials.n_time)):
        features = network.features(batch, batch.inputs)
        sums.add("h", rows, features)
        for part in blocks(len(batch), decoded_bytes(batch.targets.shape), DECODED_BYTES):
            mean, log_prob = network.observation.mean_and_log_prob(
                features[part], batch.targets[part]
            )
            there = slice(rows.start + part.start, rows.start + part.stop)
            sums.add("rates", there, mean / network.bin_s)
            sums.add("log_likelihood", there, log_prob.sum((1, 2)))
    give_back()
    return Prediction(
        rates=sums.ended(sums.mean("rates")),
        trials=trials,
        latents={"h": sums.ended(sums.mean("h"))},
        terms={"log_likelihood": sums.mean("log_likelihood").cpu().numpy()},
        dispersion=count_dispersion(network.observation),
    )


@torch.no_grad()
def mean_counts(network: NDTNetwork, batch: Batch, inputs: Tensor) -> np.ndarray:
    """Compute expected spikes per bin given these inputs, (trials, time, neurons)."""
    network.eval()
    everyone, found = torch.arange(len(batch), device=inputs.device), []
    for index in everyone.split(_at_once(network, inputs.shape[1])):
        features = network.features(batch.take(index), inputs[index])
        for part in blocks(len(index), decoded_bytes(batch.targets.shape), DECODED_BYTES):
            found.append(network.observation.mean(features[part]).cpu().numpy())
    return np.concatenate(found)


def _at_once(network: NDTNetwork, n_time: int) -> int:
    """Return how many trials are encoded in one pass."""
    each = BYTES * network.numbers_per_trial(n_time)
    return max(1, min(TRIALS_AT_ONCE, ENCODED_BYTES // each))
