"""Running dynamics along a grid under a posterior's control, and what that costs (Girsanov)."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from undertow.dynamics import Dynamics
from undertow.errors import ModelError
from undertow.inference.steering import Steering
from undertow.inference.time_grid import TimeGrid


@dataclass(frozen=True)
class SolvedPath:
    """A path and its price.

    Attributes:
        states: at the observations, (trials, times, state_dim).
        kl_path: ½∫|Δ|² ds per noisy coordinate, (trials, noise_dim): on the solver's grid exactly
            the divergence of the controlled chain from the free one, given the path (ElGazzar & van
            Gerven eq. 5).
        log_ratio: log dP/dQ of the path, −½∫|Δ|² ds − ∫Δ dŴ with the posterior's own noise Ŵ,
            (trials,) (eq. 17).
    """

    states: Tensor
    kl_path: Tensor
    log_ratio: Tensor


def solve(
    dynamics: Dynamics,
    x0: Tensor,
    noise: Tensor,
    grid: TimeGrid,
    inputs: Tensor | None = None,
    steering: Steering | None = None,
    context: Tensor | None = None,
    inside: Tensor | None = None,
    checkpointed: bool = False,
    held: Tensor | None = None,
) -> SolvedPath:
    """Run from `x0` along `grid`; without `steering`, a path of the prior.

    A step of size h under control Δ moves the noisy coordinates by std · √h · Δ beyond the prior's
    mean.

    Args:
        x0: initial state, (trials, state_dim).
        noise: standard normal, (trials, steps, noise_dim).
        grid: the steps.
        inputs: u at the start of each step, held over it, (trials, steps, inputs).
        steering: the posterior's control.
        context: what it reads at the start of each step, (trials, steps, context).
        inside: steps that count, (trials, steps); others are not controlled and cost nothing. None
            for all.
        checkpointed: keep states at √steps of the steps alone and run the others again for the
            gradient: less memory, the same numbers.
        held: coordinates held at zero along the path, (state_dim,) of booleans; None for none.

    Raises:
        ModelError: for noise of another shape.
    """
    if noise.shape[1:] != (len(grid), dynamics.noise_dim):
        raise ModelError(
            f"noise has shape {tuple(noise.shape)}: it must be (trials, {len(grid)}, "
            f"{dynamics.noise_dim})."
        )
    h = grid.steps_s / dynamics.timescale_s
    prepared = None if steering is None else steering.prepare(context, inputs)
    kept = None if held is None else (~held).to(x0.dtype)
    run = _Run(dynamics, steering, noise, h, inputs, prepared, inside, kept)
    x0 = x0 if kept is None else x0 * kept
    states, controls = run.all_steps(x0, checkpointed)
    observed = grid.at_observations(torch.stack(states, 1))
    if not controls:  # a path of the prior, or one observation alone
        return SolvedPath(
            observed, x0.new_zeros(len(x0), dynamics.noise_dim), x0.new_zeros(len(x0))
        )
    control = torch.stack(controls, 1)
    kl_path = 0.5 * (h[..., None] * control.square()).sum(1)
    stochastic = (h.sqrt()[..., None] * control * noise).sum((1, 2))
    return SolvedPath(observed, kl_path, -kl_path.sum(1) - stochastic)


@dataclass(frozen=True)
class _Run:
    """One path being run: everything a step needs, cut into steps beforehand."""

    dynamics: Dynamics
    steering: Steering | None
    noise: Tensor
    h: Tensor
    inputs: Tensor | None
    prepared: Tensor | None
    inside: Tensor | None
    kept: Tensor | None

    def all_steps(self, x0: Tensor, checkpointed: bool) -> tuple[list[Tensor], list[Tensor]]:
        """Entries of the path, the first x0, and the control of each step."""
        n_steps = self.noise.shape[1]
        if not (checkpointed and torch.is_grad_enabled()):
            return self._steps(x0, 0, n_steps)
        length = max(1, math.isqrt(n_steps))
        states: list[Tensor] = [x0]
        controls: list[Tensor] = []
        for start in range(0, n_steps, length):
            stop = min(start + length, n_steps)
            more, pushes = checkpoint(self._steps, states[-1], start, stop, use_reentrant=False)
            states += more[1:]
            controls += pushes
        return states, controls

    def _steps(self, x: Tensor, start: int, stop: int) -> tuple[list[Tensor], list[Tensor]]:
        states: list[Tensor] = [x]
        controls: list[Tensor] = []
        steps = self._cut(self.h[..., None] if len(self.h) > 1 else self.h[0], start, stop)
        roots = [h.sqrt() for h in steps]
        noise, inputs = self._cut(self.noise, start, stop), self._cut(self.inputs, start, stop)
        prepared, inside = (
            self._cut(self.prepared, start, stop),
            self._cut(self.inside, start, stop),
        )
        for k in range(stop - start):
            mean, std = self.dynamics.step(0.0, x, steps[k], inputs[k])
            kick = noise[k]
            if self.steering is not None:
                control = self.steering(x, prepared[k], mean, std, steps[k])
                if inside[k] is not None:
                    control = control * inside[k][:, None]
                controls.append(control)
                kick = torch.addcmul(kick, roots[k], control)
            x = self._kicked(mean, std, kick)
            if self.kept is not None:
                x = x * self.kept
            states.append(x)
        return states, controls

    def _kicked(self, mean: Tensor, std: Tensor, kick: Tensor) -> Tensor:
        """The state after a step; no slice is taken where all coordinates are noisy or none: its
        gradient is a copy."""
        dynamics = self.dynamics
        if dynamics.noise_dim == 0:
            return mean
        moved = dynamics.spread(std, kick)
        if dynamics.noise_dim == dynamics.state_dim:
            return mean + moved
        return dynamics.with_noisy(mean, mean[:, dynamics.noisy] + moved)

    @staticmethod
    def _cut(values: Tensor | None, start: int, stop: int) -> list[Any]:
        """Values step by step; as many times None where there are none."""
        if values is None:
            return [None] * (stop - start)
        if values.ndim == 1:
            return list(values[start:stop].unbind(0))
        return list(values[:, start:stop].unbind(1))
