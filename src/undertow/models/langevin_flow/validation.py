"""Validation score of `LangevinFlow`, and the warning when its latents carry nothing."""

import warnings

import numpy as np
import torch
from torch import nn

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.memory import blocks, give_back
from undertow.models.hidden_spikes import HiddenSpikes
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.models.langevin_flow.sampling import draw_samples
from undertow.models.sample_sums import DECODED_BYTES, decoded_bytes
from undertow.training import TrainingWarning, Validate

VALIDATION_SAMPLES = 4
LEAST_KL_NATS = 0.01


def validator(hidden: HiddenSpikes, batch: Batch, trials: TrialSet) -> Validate:
    """Return a function network → bits per spike of hidden spikes, higher is better.

    It also checks that the learned dynamics are still stable at this bin width.
    """

    def validate(network: nn.Module) -> float:
        assert isinstance(network, LangevinNetwork)
        if network.dynamics is not None:
            network.dynamics.check_stable(network.bin_s)
        if hidden.counts.nbytes > DECODED_BYTES:
            give_back()  # what the minibatches left behind
        return hidden.score(expected_counts(network, batch, hidden.inputs, trials))

    return validate


def expected_counts(
    network: LangevinNetwork, batch: Batch, inputs: torch.Tensor, trials: TrialSet
) -> np.ndarray:
    """Compute expected spikes per bin, pooled as far as shares are chosen; before, all alike."""
    decoded = mean_counts(network, batch, inputs, VALIDATION_SAMPLES)
    if network.pool is None:
        return decoded[0]
    return network.pool.pool([each / network.bin_s for each in decoded], trials) * network.bin_s


@torch.no_grad()
def mean_counts(
    network: LangevinNetwork, batch: Batch, inputs: torch.Tensor, samples: int
) -> list[np.ndarray]:
    """Average expected spikes per bin over posterior samples, (trials, time, neurons).

    Of each decoder, as the network has them: those that read h alone come last.
    The seed is fixed, so that epochs are compared under the same noise.
    """
    network.eval()
    n = samples if network.dynamics is not None else 1
    encoded = network.encode(batch, inputs)
    total = torch.zeros_like(batch.targets)
    for _, repeated, drawn in draw_samples(network, batch, encoded, n, (0,)):
        if len(repeated) > len(batch):  # several samples of few trials
            mean = network.observation.mean(drawn.features)
            total += mean.unflatten(0, (-1, len(batch))).sum(0)
            continue
        for part in blocks(len(batch), decoded_bytes(batch.targets.shape), DECODED_BYTES):
            total[part] += network.observation.mean(drawn.features[part])
    means = [total.div_(n), *network.direct_means(batch, encoded)]
    return [mean.cpu().numpy() for mean in means]


@torch.no_grad()
def warn_unused_latents(network: LangevinNetwork, batch: Batch) -> None:
    """Warn of the number of initial coordinates that stay within 0.01 nat of their prior.

    Such coordinates carry no information from the data.
    """
    if network.dynamics is None:
        return
    network.eval()
    generator = torch.Generator(batch.targets.device).manual_seed(0)
    kl = network.infer(batch, batch.inputs, generator).kl_initial.mean(0)
    unused = int((kl < LEAST_KL_NATS).sum())
    if unused:
        warnings.warn(
            f"{unused} of {len(kl)} initial latent coordinates carry less than {LEAST_KL_NATS} nat "
            "per trial: they stay at their prior and tell nothing of a trial's start. "
            + (
                "All rates come from what else is decoded; lower kl.peak, or train for more epochs."
                if unused == len(kl)
                else "The others suffice; a lower latent_dim fits as well, or lower kl.peak to use "
                "more of them."
            ),
            TrainingWarning,
            stacklevel=3,
        )
