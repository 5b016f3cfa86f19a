"""Learning the process noise on the evidence itself, by particles.

A posterior of limited form prices noise too high, even one of each trial's own (see
relearning.py). Paths of the smoothing law have no form: the gradient of the log evidence is the
mean, over such paths, of the gradient of their log density (Fisher's identity; Cappé, Moulines &
Rydén 2005, Inference in hidden Markov models, chapter 10).
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from undertow.data.batches import Batch
from undertow.inference import smooth
from undertow.inference.refinement import falling
from undertow.memory import blocks
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.seen import SeenLikelihood
from undertow.randomness import path_generator

STEPS, LEARNING_RATE, TRIALS_AT_ONCE = 30, 0.1, 64
"""Gradient steps at most, Adam's step, and trials of each."""
PARTICLES, PATHS = 64, 8
"""Particles of a trial, and paths of the smoothing law that are drawn with them."""
FLAT = 0.3
"""Nats a trial and unit of a weight: of gradients below it, which are the particles' own noise,
steps become small."""
AT_ONCE_BYTES = 2**28
STREAM = 105


def noise_weights(dynamics: nn.Module) -> list[nn.Parameter]:
    """Weights of the dynamics' diffusion that may learn."""
    named = dynamics.named_parameters()
    return [p for name, p in named if name.startswith("diffusivity.") and p.requires_grad]


def learn_noise(network: LatentSDENetwork, batch: Batch, steps: int, seed: int) -> None:
    """Climb the evidence of the counts, the diffusion learning alone; in place.

    Where some coordinate has no noise of its own, paths have no density and nothing is learned.

    Args:
        network: fitted; particles are proposed by its encoder.
        batch: the training trials.
        steps: gradient steps, at most `STEPS` of which are taken.
        seed: of all noise.
    """
    weights, steps = noise_weights(network.dynamics), min(steps, STEPS)
    if not weights or network.dynamics.noise_dim < network.dynamics.state_dim:
        return
    generator = path_generator(batch.targets.device, seed, 0, STREAM)
    optimizer, at_once = torch.optim.Adam(weights, eps=FLAT), _trials_at_once(network, batch)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * falling(step / steps)
        order = torch.randperm(len(batch), generator=generator, device=batch.lengths.device)
        loss = _loss(network, batch.take(order[:at_once]), generator)
        gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient.nan_to_num_(0.0, 0.0, 0.0)
        optimizer.step()


def _loss(network: LatentSDENetwork, batch: Batch, generator: torch.Generator) -> Tensor:
    """Return what has, on average, the gradient of minus the mean log evidence."""
    with torch.no_grad():
        # particles meet every bin: where a step spans several, it is made one
        bins_per_step = min(network.bins_per_step, 1.0)
        law = network.path_law(batch, network.encode(batch), bins_per_step=bins_per_step)
        chain = law.chain(network.dynamics)
        counts = SeenLikelihood(
            network, replace(batch, behavior=None), round(law.grid.steps_per_bin)
        )
        states = smooth(chain, law.initial, counts, PARTICLES, PATHS, generator).states
    return -chain.path_log_density(states).mean()


def _trials_at_once(network: LatentSDENetwork, batch: Batch) -> int:
    """As many as fit into memory."""
    steps = batch.targets.shape[1] / min(network.bins_per_step, 1.0)
    trial = 4 * PARTICLES * steps * (4 * network.dynamics.state_dim + 16)
    first = next(blocks(TRIALS_AT_ONCE, trial, AT_ONCE_BYTES))
    return first.stop
