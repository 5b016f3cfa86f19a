"""Sleep: the encoder also learns from trials that the current prior makes (wake–sleep).

The evidence bound fits q to the posterior by KL(q ‖ p), which makes it too narrow wherever q cannot
have the posterior's shape. Of trials simulated from the model the true path is known, and
−log q(path | spikes) is on average KL(p ‖ q) up to a constant: it is least where q covers the
posterior (Hinton et al. 1995, Science 268:1158; Le et al. 2019, arXiv 1805.10469).
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.inference import DriftSteering, Steering, TimeGrid, draw_noise, solve
from undertow.models.latent_sde.network import BEHAVIOR_HIDDEN, LatentSDENetwork
from undertow.models.latent_sde.paths import Drawn
from undertow.randomness import random_mask


@dataclass(frozen=True)
class Dream:
    """Trials made by the prior, and the path that made them.

    Attributes:
        batch: the trials, observed where the real ones are.
        x0: initial states, (trials, state_dim).
        noise: standard normal, of each step, (trials, steps, noise_dim).
        starts: states at the start of each step, (trials, steps, state_dim).
        inputs: u at the start of each step, (trials, steps, input_dim); None where there is none.
        grid: the steps.
    """

    batch: Batch
    x0: Tensor
    noise: Tensor
    starts: Tensor
    inputs: Tensor | None
    grid: TimeGrid


def sleep_loss(network: LatentSDENetwork, batch: Batch, generator: torch.Generator) -> Tensor:
    """Compute log p(path) − log q(path | spikes) of trials that the prior makes, (trials,).

    On average it is −I(path; spikes), what spikes tell, where q is the posterior, and higher
    elsewhere. Its gradient reaches encoder, initial head and steering alone.

    Args:
        network: whose prior makes as many trials as `batch` has, under their stimulus.
        batch: whose times, lengths and missing entries the made trials share.
        generator: source of the noise.
    """
    dream = dreamed(network, batch, generator)
    shown = None
    if network.encodes_behavior:
        shown = random_mask(torch.Size((len(batch),)), 1 - BEHAVIOR_HIDDEN, generator)
    encoded = network.encode(dream.batch, shown)
    loss = dream.x0.new_zeros(len(batch))
    if network.initial is not None:
        law = network.initial_law(encoded)
        loss = -0.5 * dream.x0.square().sum(1) - law.log_density(dream.x0)
    if network.steering is not None:
        context = network.at_steps(encoded.context, batch.times_s, dream.grid)
        loss = loss + _path_loss(network, network.steering, dream, context, batch.lengths)
    return loss


@torch.no_grad()
def dreamed(network: LatentSDENetwork, batch: Batch, generator: torch.Generator) -> Dream:
    """Draw paths from the prior along the times of `batch`, and counts and behaviour from them."""
    training = network.training
    network.eval()  # no dropout: it is the model's own law that makes the trials
    grid = TimeGrid.over(batch.times_s, network.bins_per_step)
    dynamics, trials = network.dynamics, len(batch)
    x0 = batch.inputs.new_empty(trials, dynamics.state_dim).normal_(generator=generator)
    noise = draw_noise(len(grid), trials, dynamics.noise_dim, x0, generator)
    given = network.encode_stimulus(batch)
    inputs = None if given is None else network.at_steps(given, batch.times_s, grid)
    # every step is an observation of this grid: the states between bins are needed too
    entries = torch.arange(len(grid) + 1, device=x0.device)
    every = replace(grid, before=entries, after=entries, weight=None, steps_per_bin=1.0)
    states = solve(dynamics, x0, noise, every, inputs).states
    made = _observed(network, batch, grid.at_observations(states), generator)
    network.train(training)
    return Dream(made, x0, noise, states[:, :-1], inputs, grid)


def _observed(
    network: LatentSDENetwork, batch: Batch, states: Tensor, generator: torch.Generator
) -> Batch:
    """The batch with counts and behaviour of these states, missing where its own are."""
    none = states.new_zeros(len(states), 0)
    drawn = Drawn(states, network.dynamics.units(states), none, none, none)
    counts = network.observation.sample(network.features(batch, drawn), generator)
    behavior = batch.behavior
    if network.encodes_behavior and network.behavior is not None and batch.behavior is not None:
        values = network.behavior.sample(drawn.units.flatten(-2), generator)
        behavior = torch.where(batch.behavior.isnan(), batch.behavior, values)
    targets = torch.where(batch.targets.isnan(), batch.targets, counts)
    return replace(batch, given=None, targets=targets, behavior=behavior)


def _path_loss(
    network: LatentSDENetwork, steering: Steering, dream: Dream, context: Tensor, lengths: Tensor
) -> Tensor:
    """Log density ratio of the prior's path over its law under the control, (trials,).

    A step of the prior with noise η has the noise η − √h Δ under the control Δ, whose density
    there over that of η is exp(√h Δ·η − ½ h |Δ|²) (Girsanov).
    """
    rows, steps = dream.noise.shape[:2]
    tau = network.dynamics.timescale_s.detach()
    h = (dream.grid.steps_s / tau).expand(rows, -1)
    prepared = steering.prepare(context, dream.inputs)
    # all steps at once: their states are known beforehand, as in no path of the posterior
    flat = None if prepared is None else prepared.flatten(0, 1)
    x, each = dream.starts.flatten(0, 1), h.reshape(-1, 1)
    mean, std = _prior_law(network, steering, dream, each, tau)
    control = steering(x, flat, mean, std, each).view(rows, steps, -1)
    root = h.sqrt()[..., None]
    ratio = 0.5 * (root * control).square() - root * control * dream.noise
    return (ratio.sum(2) * dream.grid.inside(lengths)).sum(1)


@torch.no_grad()
def _prior_law(
    network: LatentSDENetwork, steering: Steering, dream: Dream, h: Tensor, tau: Tensor
) -> tuple[Tensor, Tensor]:
    """The prior's law of each step, for a control that reads it; others are given its start."""
    x = dream.starts.flatten(0, 1)
    if not isinstance(steering, DriftSteering):
        return x, torch.ones_like(x)
    starts = (dream.grid.starts_s / tau).expand(len(dream.x0), -1).reshape(-1, 1)
    u = None if dream.inputs is None else dream.inputs.flatten(0, 1)
    return network.dynamics.step(starts, x, h, u)
