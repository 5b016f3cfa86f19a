"""Refinement: the posterior of each trial improved by gradient steps on its own evidence bound.

It starts where a network put it (amortised inference), and what a network of limited size gets
wrong in a trial is put right there (Cremer, Li & Duvenaud 2018, amortisation gap).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from undertow.inference.initial_state import InitialLaw
from undertow.inference.path_law import PathLaw
from undertow.inference.steering import Steering

LEARNING_RATE = 0.05
"""Of Adam, in standard deviations of the initial law and in units of the control; it falls to 0."""
WIDEST_FULL = 32
"""Widest state with covariances of its own and a feedback of the control on every coordinate."""

Bound = Callable[[PathLaw, torch.Generator], Tensor]
"""Evidence bound of each trial, (trials,), estimated with paths drawn from this generator."""


class RefinedSteering(Steering):
    """Control Δ = base + a + G (x − r), with a, G and r of each trial and step beside the context.

    Args:
        base: the control it adds to; None for none.
        context_dim: width of the base's context.
        noise_dim, state_dim: of the dynamics.
        feedback: whether there is a G.
    """

    def __init__(
        self,
        base: Steering | None,
        context_dim: int,
        noise_dim: int,
        state_dim: int,
        feedback: bool,
    ) -> None:
        super().__init__()
        self.base, self.context_dim = base, context_dim
        self.widths = [noise_dim]
        if feedback:
            self.widths += [noise_dim * state_dim, state_dim]

    def prepare(self, context: Tensor | None, inputs: Tensor | None) -> Tensor | None:
        assert context is not None
        if self.base is None:
            return context
        given, own = context[..., : self.context_dim], context[..., self.context_dim :]
        prepared = self.base.prepare(given if self.context_dim else None, inputs)
        return own if prepared is None else torch.cat([prepared, own], -1)

    def forward(
        self, x: Tensor, prepared: Tensor | None, mean: Tensor, std: Tensor, h: Tensor
    ) -> Tensor:
        assert prepared is not None
        width = prepared.shape[-1] - sum(self.widths)
        given, control, *rest = prepared.split([width, *self.widths], -1)
        if rest:
            gain, reference = rest
            gain = gain.unflatten(-1, (-1, x.shape[-1]))
            control = control + (gain @ (x - reference)[..., None])[..., 0]
        if self.base is not None:
            control = control + self.base(x, given if width else None, mean, std, h)
        return control


@dataclass(frozen=True)
class Refined:
    """Refined law, and the bound of each trial before and after, (trials,), in nats."""

    law: PathLaw
    before: Tensor
    after: Tensor


def refine(
    law: PathLaw,
    reference: Tensor | None,
    noise_dim: int,
    bound: Bound,
    steps: int,
    generator: torch.Generator,
) -> Refined:
    """Take gradient steps on the law of each trial, all trials at once.

    Each trial's mean and covariance of the initial state are its own, and on top of its control a
    push and a linear feedback of each step. The weights of networks stay. A trial whose bound is
    not raised keeps the law it had.

    Args:
        law: where to start.
        reference: path about which the control is linear, (trials, steps, state_dim); None to leave
            the control as it is.
        noise_dim: of the dynamics.
        bound: see `Bound`.
        steps: gradient steps.
        generator: source of the noise of all paths.
    """
    refining, fresh = Refining(law, reference, noise_dim), generator.get_state()
    for step in range(steps):
        refining.step(bound, generator, falling(step / steps))
    with torch.no_grad():
        # both of the same noise, whatever the number of steps
        generator.set_state(fresh)
        before = bound(refining.own.law(of_start=True), generator)
        generator.set_state(fresh)
        after = bound(refining.own.law(), generator)
        better = after > before
        return Refined(refining.own.law(better), before, torch.where(better, after, before))


def falling(progress: float) -> float:
    """Half a cosine: large steps first, small ones to average over the paths' noise."""
    return 0.5 + 0.5 * math.cos(math.pi * progress)


class Refining:
    """Laws of some trials while they are refined; see `refine` for the arguments."""

    def __init__(self, law: PathLaw, reference: Tensor | None, noise_dim: int) -> None:
        self.own = _Own(law, reference, noise_dim)
        self.optimizer = torch.optim.Adam(self.own.tensors, lr=LEARNING_RATE, betas=(0.9, 0.99))

    def step(
        self,
        bound: Bound,
        generator: torch.Generator,
        share: float,
        weights: Sequence[Tensor] = (),
    ) -> Tensor:
        """Take one step, of `share` of the learning rate.

        With `weights` the gradient of the trials' mean loss is left in them, for an optimizer of
        their own. Without, no gradient is left in any weight of a network.

        Returns:
            the bound of each trial before the step, (trials,).
        """
        self.optimizer.param_groups[0]["lr"] = LEARNING_RATE * share
        with torch.enable_grad():
            found = bound(self.own.law(), generator)
            learned = [*self.own.tensors, *weights]
            gradients = torch.autograd.grad(-found.sum(), learned, materialize_grads=True)
        for tensor, gradient in zip(learned, gradients, strict=True):
            tensor.grad = gradient.nan_to_num_(0.0, 0.0, 0.0)
        for weight in weights:
            assert weight.grad is not None
            weight.grad /= len(found)
        self.optimizer.step()
        return found.detach()


class _Own:
    """What is each trial's own while its law is refined; no module, which would own the control."""

    def __init__(self, law: PathLaw, reference: Tensor | None, noise_dim: int) -> None:
        self.start, dim = law, law.initial.mean.shape[-1]
        full = dim <= WIDEST_FULL or law.initial.factor.ndim == 3
        factor = law.initial.factor
        self.factor = torch.diag_embed(factor) if full and factor.ndim == 2 else factor
        self.tensors: list[Tensor] = []
        self.shift = self._learned(law.initial.mean.shape)
        self.log_scale = self._learned(law.initial.mean.shape)
        self.below = self._learned(self.factor.shape) if full else None
        self.steering: RefinedSteering | None = None
        if reference is None or not noise_dim:
            return
        self.reference, sizes = reference, torch.Size((*reference.shape[:2], noise_dim))
        self.push = self._learned(sizes)
        feedback = dim <= WIDEST_FULL
        self.gain = self._learned(torch.Size((*sizes, dim))) if feedback else None
        width = 0 if law.context is None else law.context.shape[-1]
        self.steering = RefinedSteering(law.steering, width, noise_dim, dim, feedback)

    def _learned(self, shape: torch.Size) -> Tensor:
        self.tensors.append(self.factor.new_zeros(shape).requires_grad_())
        return self.tensors[-1]

    def law(self, taken: Tensor | None = None, of_start: bool = False) -> PathLaw:
        """Return the law with what was learned; of trials not in `taken` as at the start."""
        share = 1.0 if taken is None else taken[:, None].to(self.shift.dtype)
        share = share * 0.0 if of_start else share
        initial = self._initial(share)
        if self.steering is None:
            return replace(self.start, initial=initial)
        parts = [self.start.context] if self.start.context is not None else []
        own = torch.as_tensor(share, dtype=self.push.dtype, device=self.push.device)[..., None]
        parts.append(self.push * own)
        if self.gain is not None:
            parts += [(self.gain * own[..., None]).flatten(2), self.reference]
        return replace(
            self.start, initial=initial, steering=self.steering, context=torch.cat(parts, -1)
        )

    def _initial(self, share: Tensor | float) -> InitialLaw:
        # in units of the law it starts from: a step means the same in every coordinate
        mean = self.start.initial.mean + self.start.initial.diagonal * self.shift * share
        scale = (self.log_scale * share).exp()
        if self.below is None:
            return InitialLaw(mean, self.factor * scale)
        rows = self.start.initial.diagonal[..., None] * self.below.tril(-1)
        rows = rows * share[..., None] if isinstance(share, Tensor) else rows * share
        diagonal = torch.diag_embed(self.factor.diagonal(dim1=-2, dim2=-1) * scale)
        return InitialLaw(mean, self.factor.tril(-1) + rows + diagonal)
