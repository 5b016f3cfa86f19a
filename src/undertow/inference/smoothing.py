"""Joint paths of the smoothing law, given all that is observed, by particles."""

from dataclasses import dataclass

import torch
from torch import Tensor

from undertow.inference.controlled_chain import ControlledChain
from undertow.inference.initial_state import InitialLaw
from undertow.inference.look_ahead import learn_look_ahead
from undertow.inference.particles import LogLikelihood, Particles, effective_number, run_particles
from undertow.memory import blocks

PAIRS_BYTES = 2**25
"""What the weights of all pairs of sample and particle may take at once."""
PILOTS = 2
"""Runs from which the look-ahead is learned."""


@dataclass(frozen=True)
class SmoothedPaths:
    """Paths given all observations, and how much they rest on.

    Attributes:
        states: (trials, samples, steps + 1, state_dim).
        effective: as many particles of equal weight would carry the law of an entry's state,
            (trials, steps + 1).
        log_evidence: (trials,); the exponential is an unbiased estimate of the evidence.
    """

    states: Tensor
    effective: Tensor
    log_evidence: Tensor


@torch.no_grad()
def smooth(
    chain: ControlledChain,
    law: InitialLaw,
    log_likelihood: LogLikelihood,
    particles: int,
    samples: int,
    generator: torch.Generator,
    pilots: int = PILOTS,
) -> SmoothedPaths:
    """Draw joint paths of the smoothing law of each trial.

    Pilot runs teach a look-ahead: the first without resampling, under the control alone. A last run
    with it is sampled backwards (`sample_backwards`).

    Args:
        chain, law, log_likelihood, particles, generator: see `run_particles`.
        samples: paths of each trial.
        pilots: pilot runs; 0 for no look-ahead.
    """
    look_ahead = None
    for pilot in range(pilots):
        below = {"resample_below": 0.0} if pilot == 0 else {}
        run = run_particles(chain, law, log_likelihood, particles, generator, look_ahead, **below)
        look_ahead = learn_look_ahead(chain, run.states, run.log_likelihoods)
    last = run_particles(chain, law, log_likelihood, particles, generator, look_ahead)
    states, effective = sample_backwards(chain, last, samples, generator)
    return SmoothedPaths(states, effective, last.log_evidence)


@torch.no_grad()
def sample_backwards(
    chain: ControlledChain, particles: Particles, samples: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw paths from the last entry to the first (Godsill, Doucet & West 2004).

    A state is drawn among the particles of its entry, by weight and the density of the step to the
    state drawn after it: exact for the chain, as particles increase. Where coordinates without
    noise leave steps no density, a path is its last particle's line of ancestors.

    Returns:
        paths (trials, samples, steps + 1, state_dim), and how many particles of equal weight would
        carry the law of each entry's state (trials, steps + 1).
    """
    log_weights, n_steps = particles.log_weights, len(chain)
    index, share = _draw(log_weights[-1][:, None].expand(-1, samples, -1), generator)
    paths = [_taken(particles.states[-1], index)]
    effective = [effective_number(share.log())]
    for k in range(n_steps - 1, -1, -1):
        if chain.degenerate:
            parents = particles.ancestors[k]
            index = parents.gather(1, index)
            share = torch.zeros_like(share).scatter_add_(1, parents, share)
        else:
            index, share = _backwards(chain, particles, k, paths[-1], generator)
        paths.append(_taken(particles.states[k], index))
        effective.append(effective_number(share.log()))
    return torch.stack(paths[::-1], 2), torch.stack(effective[::-1], 1)


def _backwards(
    chain: ControlledChain, particles: Particles, k: int, after: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw particles of entry k given the states after it; return also their mean weights."""
    log_weights, states = particles.log_weights[k], particles.states[k]
    pairs = chain.log_density(k, states, after)
    pairs += log_weights[:, None]
    return _draw(pairs, generator)


def _draw(log_weights: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw one particle for each row of (trials, samples, particles); return also mean weights."""
    trials, samples, n = log_weights.shape
    start = torch.rand(
        (trials, samples, 1), dtype=torch.float64, generator=generator, device=log_weights.device
    )
    found, shares = [], []
    for part in blocks(trials, 8 * samples * n, PAIRS_BYTES):
        weights = log_weights[part].softmax(-1)
        shares.append(weights.mean(1))
        sums = weights.cumsum(-1)
        at = (start[part] * sums[..., -1:]).to(sums.dtype)
        found.append(torch.searchsorted(sums, at)[..., 0].clamp(max=n - 1))
    return torch.cat(found), torch.cat(shares)


def _taken(values: Tensor, index: Tensor) -> Tensor:
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[-1]))
