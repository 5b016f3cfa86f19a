"""Learning the generative part again, with a posterior of each training trial's own.

What an encoder gets wrong in a trial is cheaper where the process noise is small, so that a fit
prefers too little of it (Turner & Sahani 2011, compactness of variational fits): the model is then
too sure, however its paths are inferred. With posteriors refined trial by trial most of that price
is gone; the rest goes as the noise alone learns by particles (learning_noise.py).
"""

from collections.abc import Iterator
from itertools import chain

import torch
from torch import nn

from undertow.data.batches import Batch
from undertow.inference.refinement import Refining, falling
from undertow.memory import blocks
from undertow.models.latent_sde.learning_noise import learn_noise, noise_weights
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.refining import REFINING_PATHS, SeenBound, mean_path
from undertow.models.sample_sums import decoded_bytes
from undertow.randomness import path_generator

ALONE = 15
"""Steps at the start in which trials are refined and nothing is learned yet."""
LEARNING_RATE, NOISE_RATE, ENCODER_RATE = 2e-3, 0.1, 1e-3
"""Of Adam: of dynamics and readouts; of the diffusion, which has far to go; and of the encoder."""
TRIALS_AT_ONCE, CLIP_NORM, GRAPH_BYTES = 64, 100.0, 2**30
RELEARNING, ENCODING = 103, 104


def relearn(network: LatentSDENetwork, batch: Batch, steps: int, seed: int) -> None:
    """Learn dynamics and readouts, let the encoder follow, then learn the noise; in place.

    Args:
        network: fitted.
        batch: the training trials; all that is observed in them is learned from.
        steps: gradient steps of each trial's own posterior and of the weights with it, and as many
            of the encoder after that; of the noise at most so many.
        seed: of all noise.
    """
    network.eval()
    inference = list(_inference_weights(network))
    known = {id(weight) for weight in inference}
    weights = [p for p in network.parameters() if p.requires_grad and id(p) not in known]
    _learn_generative(network, batch, weights, steps, seed)
    _learn_encoder(network, batch, inference, steps, seed)
    learn_noise(network, batch, steps, seed)
    network.zero_grad()


def _learn_generative(
    network: LatentSDENetwork, batch: Batch, weights: list[nn.Parameter], steps: int, seed: int
) -> None:
    generator = path_generator(batch.targets.device, seed, 0, RELEARNING)
    parts = [(_refining(network, some, generator), some) for some in _parts(batch)]
    optimizer = torch.optim.Adam(_groups(network, weights))
    for step in range(steps):
        share = falling(step / steps)
        for group in optimizer.param_groups:
            group["lr"] = share * group["highest"]
        for refining, some in parts:
            learned = weights if step >= min(ALONE, steps // 3) else []
            refining.step(SeenBound(network, some, weighed=True), generator, share, learned)
            if learned:
                nn.utils.clip_grad_norm_(learned, CLIP_NORM)
                optimizer.step()


def _learn_encoder(
    network: LatentSDENetwork, batch: Batch, weights: list[nn.Parameter], steps: int, seed: int
) -> None:
    """Take steps on the evidence bound with the generative part as it is."""
    generator = path_generator(batch.targets.device, seed, 0, ENCODING)
    optimizer = torch.optim.Adam(weights)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = ENCODER_RATE * falling(step / steps)
        order = torch.randperm(len(batch), generator=generator, device=batch.lengths.device)
        loss, _ = network.loss(batch.take(order[:TRIALS_AT_ONCE]), generator, 1.0)
        gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient.nan_to_num_(0.0, 0.0, 0.0)
        nn.utils.clip_grad_norm_(weights, CLIP_NORM)
        optimizer.step()


def _inference_weights(network: LatentSDENetwork) -> Iterator[nn.Parameter]:
    parts = (network.encoder, network.initial, network.steering)
    every = chain.from_iterable(part.parameters() for part in parts if part is not None)
    # a steering may hold the dynamics it steers
    own = {id(p) for p in network.dynamics.parameters()}
    return (p for p in every if p.requires_grad and id(p) not in own)


def _groups(network: LatentSDENetwork, weights: list[nn.Parameter]) -> list[dict[str, object]]:
    noise = {id(weight) for weight in noise_weights(network.dynamics)}
    return [
        {"params": [p for p in weights if id(p) in noise], "highest": NOISE_RATE},
        {"params": [p for p in weights if id(p) not in noise], "highest": LEARNING_RATE},
    ]


def _parts(batch: Batch) -> Iterator[Batch]:
    """Split trials into parts whose graph fits into memory."""
    every = torch.arange(len(batch), device=batch.lengths.device)
    row_bytes = 2 * REFINING_PATHS * decoded_bytes(batch.targets.shape)
    for rows in blocks(len(batch), row_bytes, GRAPH_BYTES):
        yield batch.take(every[rows])


@torch.no_grad()
def _refining(network: LatentSDENetwork, batch: Batch, generator: torch.Generator) -> Refining:
    law = network.path_law(batch, network.encode(batch))
    reference = mean_path(network, law, generator)
    return Refining(law, reference, network.dynamics.noise_dim)
