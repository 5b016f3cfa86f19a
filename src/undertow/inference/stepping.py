"""The steps of a path, one after another: what `solve` does where they cannot be taken at once."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from undertow.dynamics import Dynamics
from undertow.inference.steering import Steering


@dataclass
class Stepped:
    """What the steps left behind.

    Attributes:
        states: entries of the path, each (trials, state_dim), the first the initial state.
        controls: of each step, read from the state; none without steering.
        stds: of each step's noise, where they are kept.
    """

    states: list[Tensor]
    controls: list[Tensor] = field(default_factory=list)
    stds: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Stepper:
    """One path being run: everything a step needs.

    Attributes:
        dynamics: what steps.
        steering: gives a control at each step; None for none.
        kicks: noise, and push known beforehand, in units of the noise, (trials, steps, noise_dim).
        starts: start of each step in internal time, (trials or 1, steps).
        h: each step, (trials or 1, steps), or a scalar where they are all equal.
        inputs: u of each step, (trials, steps, inputs).
        prepared: what the steering made of context and inputs, (trials, steps, …).
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
        """All steps from `x0`; `checkpointed`, in √steps stretches that the backward pass runs
        again."""
        n_steps = self.kicks.shape[1]
        if not (checkpointed and torch.is_grad_enabled()):
            return Stepped(*self._stretch(x0, 0, n_steps))
        length = max(1, math.isqrt(n_steps))
        done = Stepped([x0])
        for start in range(0, n_steps, length):
            stop = min(start + length, n_steps)
            states, controls, stds = checkpoint(
                self._stretch, done.states[-1], start, stop, use_reentrant=False
            )
            done.states += states[1:]
            done.controls += controls
            done.stds += stds
        return done

    def _stretch(
        self, x: Tensor, start: int, stop: int
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Steps `start` … `stop`: entries of the path, controls and stds."""
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
        """Each step and its root."""
        if self.h.ndim == 0:  # one root for all: as many would each be a node of the graph
            return [self.h] * (stop - start), [self.h.sqrt()] * (stop - start)
        steps = _rows(self.h, start, stop)
        return steps, [h.sqrt() for h in steps]


def _rows(values: Tensor, start: int, stop: int) -> list[Tensor]:
    """Numbers step by step: scalars where all trials share them, else (trials, 1)."""
    shared = values[0] if len(values) == 1 else values[..., None]
    return _cut(shared, start, stop)


def _cut(values: Tensor | None, start: int, stop: int) -> list[Any]:
    """Values step by step; as many times None where there are none."""
    if values is None:
        return [None] * (stop - start)
    if values.ndim == 1:
        return list(values[start:stop].unbind(0))
    return list(values[:, start:stop].unbind(1))
