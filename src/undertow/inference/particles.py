"""Sequential Monte Carlo over a controlled chain: weighted particles, resampled, looking ahead.

Chopin & Papaspiliopoulos (2020), An introduction to sequential Monte Carlo, chapters 9, 10 and 12.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from undertow.inference.controlled_chain import ControlledChain
from undertow.inference.initial_state import InitialLaw
from undertow.inference.look_ahead import LookAhead

LogLikelihood = Callable[[int, Tensor], Tensor | None]
"""Log-likelihood of what is observed at entry k of a path, given states (trials, particles,
state_dim): (trials, particles), or None where nothing is observed there."""

RESAMPLE_BELOW = 0.5
"""Share of the particles: with a smaller effective number they are resampled."""


@dataclass(frozen=True)
class Particles:
    """Weighted particles at each entry of a path, and where they came from.

    Attributes:
        states: (steps + 1, trials, particles, state_dim).
        log_weights: of the law of an entry's state given all observed up to it, up to a constant of
            each trial, (steps + 1, trials, particles).
        ancestors: which particle at the entry before each came from, (steps, trials, particles).
        log_likelihoods: of what is observed at each entry, (steps + 1, trials, particles).
        log_evidence: (trials,); the exponential is an unbiased estimate of the evidence.
    """

    states: Tensor
    log_weights: Tensor
    ancestors: Tensor
    log_likelihoods: Tensor
    log_evidence: Tensor


@torch.no_grad()
def run_particles(
    chain: ControlledChain,
    law: InitialLaw,
    log_likelihood: LogLikelihood,
    particles: int,
    generator: torch.Generator,
    look_ahead: LookAhead | None = None,
    resample_below: float = RESAMPLE_BELOW,
) -> Particles:
    """Run particles along a chain, with its control as proposal.

    An entry's weights are the likelihood of all observed up to it and the log ratio of the path,
    times the value of `look_ahead` there. Systematic resampling where the effective number of
    particles of a trial falls below its share.

    Args:
        chain: dynamics, grid and control of each trial.
        law: of the initial state of each trial, from which particles start; its prior is N(0, I).
            A look-ahead has a law of its own, and pushes of its own in place of the control.
        log_likelihood: see `LogLikelihood`.
        particles: particles of each trial.
        generator: source of all numbers.
        look_ahead: value of a state for what is observed later; any will do, a good one keeps
            the weights even. None for none.
        resample_below: share of the particles; 0 to never resample.
    """
    law = law if look_ahead is None else look_ahead.start
    noise = _normal((len(law.mean), particles, law.mean.shape[-1]), law.mean, generator)
    rows, drawn = law.repeated(particles), noise.flatten(0, 1)
    x = rows.at(drawn).view(noise.shape)
    log_weight = rows.log_ratio(drawn).view(noise.shape[:2])
    observed = _likelihood(log_likelihood, 0, x)
    log_weight = log_weight + observed
    value = _value(look_ahead, 0, x)
    log_weight, log_evidence = log_weight + value, x.new_zeros(len(x))
    states, weights, ancestors, likelihoods = [x], [log_weight - value], list[Tensor](), [observed]
    for k in range(len(chain)):
        # without noise copies of a particle stay copies: there is nothing to gain
        few = effective_number(log_weight) < resample_below * particles
        few = few & (chain.dynamics.noise_dim > 0)
        start = torch.rand(len(x), 1, dtype=torch.float64, generator=generator, device=x.device)
        parents = torch.where(
            few[:, None], systematic(log_weight, start), torch.arange(particles, device=x.device)
        )
        log_evidence = log_evidence + torch.where(few, _log_mean(log_weight), 0.0)
        log_weight = torch.where(few[:, None], 0.0, log_weight)
        x, value = _taken(x, parents), value.gather(1, parents)
        kick = _normal((*x.shape[:2], chain.dynamics.noise_dim), x, generator)
        if look_ahead is None:
            x, log_ratio = chain.step(k, x, kick)
        else:
            x, log_ratio = chain.proposed_step(k, x, kick, look_ahead.pushes[k].propose)
        observed = _likelihood(log_likelihood, k + 1, x)
        before, value = value, _value(look_ahead, k + 1, x)
        log_weight = log_weight + log_ratio + observed + value - before
        states.append(x)
        weights.append(log_weight - value)
        ancestors.append(parents)
        likelihoods.append(observed)
    return Particles(
        torch.stack(states),
        torch.stack(weights),
        torch.stack(ancestors) if ancestors else x.new_zeros(0, *x.shape[:2], dtype=torch.long),
        torch.stack(likelihoods),
        log_evidence + _log_mean(log_weight),
    )


def effective_number(log_weights: Tensor) -> Tensor:
    """Compute (Σ w)² / Σ w², as many particles of equal weight are worth as much, (…)."""
    return torch.exp(2 * log_weights.logsumexp(-1) - (2 * log_weights).logsumexp(-1))


def systematic(log_weights: Tensor, start: Tensor) -> Tensor:
    """Draw as many particles as there are in proportion to their weights, by even strides.

    Each is drawn as often as its share of the particles says on average, and never more than one
    time more or less.

    Args:
        log_weights: (trials, particles).
        start: uniform on [0, 1), (trials, 1), float64.

    Returns:
        indices in ascending order, (trials, particles).
    """
    n = log_weights.shape[-1]
    # float64: sums of many small shares would leave out the last ones
    shares = log_weights.double().softmax(-1).cumsum(-1)
    strides = (torch.arange(n, device=start.device) + start) / n
    return torch.searchsorted(shares, strides * shares[:, -1:]).clamp(max=n - 1)


def _taken(values: Tensor, index: Tensor) -> Tensor:
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[-1]))


def _normal(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    return like.new_empty(shape).normal_(generator=generator)


def _log_mean(log_weights: Tensor) -> Tensor:
    return log_weights.logsumexp(-1) - math.log(log_weights.shape[-1])


def _likelihood(of: LogLikelihood, k: int, x: Tensor) -> Tensor:
    found = of(k, x)
    return x.new_zeros(x.shape[:2]) if found is None else found


def _value(look_ahead: LookAhead | None, k: int, x: Tensor) -> Tensor:
    return x.new_zeros(x.shape[:2]) if look_ahead is None else look_ahead(k, x)
