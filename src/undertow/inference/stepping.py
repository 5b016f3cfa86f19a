"""Stepping a path one step after another: what `solve` does where it cannot take all at once."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from undertow.dynamics import Dynamics
from undertow.inference.steering import Steering


@dataclass(frozen=True)
class Stepped:
    """Result of stepping: entries of the path and what was read on the way.

    Attributes:
        states: entries of the path, (trials, steps + 1, state_dim), the first the initial state.
        control: read from the state at each step, (trials, steps, noise_dim); None without
            steering.
        std: of each step's noise, or its factor, (trials, steps, noise_dim, …), or one for all,
            (noise_dim,); None where it is not kept.
    """

    states: Tensor
    control: Tensor | None = None
    std: Tensor | None = None


def steps_at_once(
    dynamics: Dynamics, x0: Tensor, kicks: Tensor, h: Tensor, inputs: Tensor | None, laws: bool
) -> Stepped | None:
    """Take all steps from `x0` together where the dynamics can; None where they cannot.

    See `Dynamics.linear_states`.
    """
    states = dynamics.linear_states(x0, kicks, h, inputs)
    if states is None:
        return None
    # steps that are linear have one std for all: that of any
    u = None if inputs is None else x0.new_zeros(len(x0), inputs.shape[-1])
    return Stepped(states, None, dynamics.step(0.0, x0, h, u)[1] if laws else None)


@dataclass(frozen=True)
class Stepper:
    """One path while it is run: everything a step needs.

    Attributes:
        dynamics: the dynamics to step.
        steering: gives a control at each step; None for none.
        kicks: noise, and push known beforehand, in units of the noise, (trials, steps, noise_dim).
        starts: start of each step in internal time, (trials or 1, steps).
        h: each step, (trials or 1, steps), or a scalar where they are all equal.
        inputs: u of each step, (trials, steps, inputs).
        prepared: result of `Steering.prepare` for context and inputs, (trials, steps, …).
        inside: steps that are controlled, (trials, steps); None for all.
        kept: 0 for coordinates held at zero, else 1, (state_dim,); None where none is held.
        keeps_stds: keep the std of every step.
    """

    dynamics: Dynamics
    steering: Steering | None
    kicks: Tensor
    starts: Tensor
    h: Tensor
    inputs: Tensor | None
    prepared: Tensor | None
    inside: Tensor | None
    kept: Tensor | None
    keeps_stds: bool

    def run(self, x0: Tensor, checkpointed: bool) -> Stepped:
        """Take all steps from `x0`.

        Where `checkpointed`, √steps stretches are run again in the backward pass.
        """
        x0 = x0 if self.kept is None else x0 * self.kept
        n_steps = self.kicks.shape[1]
        if not (checkpointed and torch.is_grad_enabled()):
            return self._joined(*self._stretch(x0, 0, n_steps))
        # √n stretches of √n steps: the least memory for one repeated pass
        length = max(1, math.isqrt(n_steps))
        states: list[Tensor] = [x0]
        controls: list[Tensor] = []
        stds: list[Tensor] = []
        for start in range(0, n_steps, length):
            stop = min(start + length, n_steps)
            more = checkpoint(self._stretch, states[-1], start, stop, use_reentrant=False)
            # its first entry is the last one of the stretch before
            states += more[0][1:]
            controls += more[1]
            stds += more[2]
        return self._joined(states, controls, stds)

    def _joined(self, states: list[Tensor], controls: list[Tensor], stds: list[Tensor]) -> Stepped:
        trials, width = len(self.kicks), self.dynamics.noise_dim
        shape = trials, *[width] * (1 + self.dynamics.correlated)
        std = self.kicks.new_ones(trials, 0, *shape[1:]) if self.keeps_stds else None
        return Stepped(
            torch.stack(states, 1),
            torch.stack(controls, 1) if controls else None,
            torch.stack([each.expand(shape) for each in stds], 1) if stds else std,
        )

    def _stretch(
        self, x: Tensor, start: int, stop: int
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Take steps `start` to `stop`; return entries of the path, controls and stds."""
        states, controls, stds = [x], [], []
        kicks = _cut(self.kicks, start, stop)
        times, steps, roots = _rows(self.starts, start, stop), *self._steps(start, stop)
        inputs, prepared = _cut(self.inputs, start, stop), _cut(self.prepared, start, stop)
        inside = _cut(self.inside, start, stop)
        for k, kick in enumerate(kicks):
            mean, std = self.dynamics.step(times[k], x, steps[k], inputs[k])
            if self.steering is not None:
                # read before the noise is added: Δ must not know what it will be priced against
                control = self.steering(x, prepared[k], mean, std, steps[k])
                if inside[k] is not None:
                    control = control * inside[k][:, None]
                controls.append(control)
                kick = torch.addcmul(kick, roots[k], control)
            x = self.dynamics.displaced(mean, self.dynamics.spread(std, kick), steps[k])
            if self.kept is not None:
                x = x * self.kept
            states.append(x)
            if self.keeps_stds:
                stds.append(std)
        return states, controls, stds

    def _steps(self, start: int, stop: int) -> tuple[list[Tensor], list[Tensor]]:
        """Return each step and its square root."""
        if self.h.ndim == 0:  # one root for all: as many would each be a node of the graph
            return [self.h] * (stop - start), [self.h.sqrt()] * (stop - start)
        steps = _rows(self.h, start, stop)
        return steps, [h.sqrt() for h in steps]


def _rows(values: Tensor, start: int, stop: int) -> list[Tensor]:
    """Split numbers by step: scalars where all trials share them, else (trials, 1)."""
    shared = values[0] if len(values) == 1 else values[..., None]
    return _cut(shared, start, stop)


def _cut(values: Tensor | None, start: int, stop: int) -> list[Any]:
    """Split values by step; a list of None where there are none."""
    if values is None:
        return [None] * (stop - start)
    if values.ndim == 1:
        return list(values[start:stop].unbind(0))
    return list(values[:, start:stop].unbind(1))
