"""Generator and controller as one recurrence with a hand-written adjoint.

Each reads what the other made, so that bins cannot be taken at once. In bin t

    f = F h_{t−1},   c_t = GRU(g^c_t + V f, c_{t−1}),   [μ, ℓ] = W c_t + b,   ℓ ← clamp(ℓ),
    u_t = μ + e^{ℓ/2} ⊙ ξ_t                where inputs are inferred,
    u_t = k_t ⊙ u_{t−1} + j_t              elsewhere,
    h_t = GRU(g_t + B u_t, h_{t−1})

with the gates g^c (from the encoder) and g (from a stimulus, or a bias) computed for all bins
beforehand. Backwards every bin takes the chain rule of these lines; the GRUs' is that of
`encoders.gru_recurrence`. Gradients of weights are single products over all bins.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from undertow.composed import in_float32, is_composed
from undertow.encoders.gru_recurrence import GRUAdjoint, GRUSteps, gru_step

LEAST_LOGVAR, MOST_LOGVAR = -12.0, 6.0
"""Bounds of ℓ: neither a deviation nor its divergence can overflow."""


class Weights(NamedTuple):
    """Weights of the recurrence, of G generator and C controller units, U inputs and M factors.

    Attributes:
        generator: of the generator's state, and below them F: (3 · G + M, G).
        generator_bias: (3 · G,).
        inputs: B, (3 · G, U).
        feedback: V, (3 · C, M).
        controller, controller_bias: of the controller's state, (3 · C, C) and (3 · C,).
        head, head_bias: W and b, (2 · U, C) and (2 · U,).
    """

    generator: Tensor
    generator_bias: Tensor
    inputs: Tensor
    feedback: Tensor
    controller: Tensor
    controller_bias: Tensor
    head: Tensor
    head_bias: Tensor


class ControlledGenerator(torch.autograd.Function):
    """The recurrence over all bins, time first.

    Arguments of `apply`: gates g^c (bins, trials, 3 · C) and g (bins, trials, 3 · G); the noise ξ,
    (bins, trials, U); h and c before the first bin; where inputs are inferred in some bins alone,
    `inferred` (bins, trials, 1), 1 in these and 0 elsewhere, with k and j, zero in these, (bins,
    trials, U), else three times None; then `Weights`.

    It returns h after each bin, (bins, trials, G), and u, μ and ℓ of each bin, (bins, trials, U).
    """

    @staticmethod
    def forward(
        ctx: Any,
        shown: Tensor,
        driven: Tensor,
        noise: Tensor,
        state: Tensor,
        controller_state: Tensor,
        inferred: Tensor | None,
        kept: Tensor | None,
        added: Tensor | None,
        *weights: Tensor,
    ) -> tuple[Tensor, ...]:
        own, (bins, trials, n_inputs) = Weights(*weights), noise.shape
        n_gates = len(own.generator_bias)
        n_factors = len(own.generator) - n_gates
        generator = GRUSteps(state, bins, n_factors)
        controller = GRUSteps(controller_state, bins)
        # one product gives the generator's recurrent part and the factors, which have no bias
        bias = torch.cat([own.generator_bias, own.generator_bias.new_zeros(n_factors)])
        # one copy of each transposed matrix spares a strided read in every bin
        from_state, from_inputs, from_factors, from_controller, to_head = (
            each.t().contiguous()
            for each in (own.generator, own.inputs, own.feedback, own.controller, own.head)
        )
        heads = noise.new_empty(bins, trials, 2 * n_inputs)
        inputs, spread = torch.empty_like(noise), torch.empty_like(noise)
        for t in range(bins):
            both = torch.addmm(bias, generator.states[t], from_state, out=generator.recurrent[t])
            torch.addmm(
                own.controller_bias,
                controller.states[t],
                from_controller,
                out=controller.recurrent[t],
            )
            seen = controller.step(t, torch.addmm(shown[t], both[:, n_gates:], from_factors))
            mean, logvar = torch.addmm(own.head_bias, seen, to_head, out=heads[t]).chunk(2, 1)
            std = logvar.clamp(LEAST_LOGVAR, MOST_LOGVAR).mul_(0.5).exp_()
            torch.mul(std, noise[t], out=spread[t])
            drawn = torch.add(mean, spread[t], out=inputs[t])
            if inferred is not None and kept is not None and added is not None:
                drawn.mul_(inferred[t]).add_(added[t])
                if t:
                    drawn.addcmul_(kept[t], inputs[t - 1])
            generator.step(t, torch.addmm(driven[t], drawn, from_inputs))
        ctx.save_for_backward(
            *generator.kept(), *controller.kept(), heads, inputs, spread, inferred, kept, *weights
        )
        means, logvars = heads.chunk(2, 2)
        return (
            generator.states[1:],
            inputs,
            means.clone(),
            logvars.clamp(LEAST_LOGVAR, MOST_LOGVAR),
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        saved = ctx.saved_tensors
        generator, controller = GRUAdjoint(*saved[:4]), GRUAdjoint(*saved[4:8])
        heads, inputs, spread, inferred, kept = saved[8:13]
        own = Weights(*saved[13:])
        n_gates = len(own.generator_bias)
        grad_states, grad_inputs, grad_mean, grad_logvar = grads
        raw = heads.chunk(2, 2)[1]
        # ℓ follows the controller inside its bounds alone
        free = ((raw >= LEAST_LOGVAR) & (raw <= MOST_LOGVAR)).to(raw.dtype)
        to_logvar, grad_logvar = 0.5 * spread * free, grad_logvar * free
        grad_heads, grad_drawn = torch.empty_like(heads), torch.empty_like(inputs)
        costate = torch.zeros_like(grad_states[0])
        of_controller = torch.zeros_like(controller.states[0])
        for t in range(len(grad_states) - 1, -1, -1):
            costate += grad_states[t]
            onwards = generator.step(t, costate)
            drawn = torch.addmm(grad_inputs[t], generator.shared(t), own.inputs, out=grad_drawn[t])
            if inferred is not None:
                if t + 1 < len(grad_states):
                    drawn.addcmul_(kept[t + 1], grad_drawn[t + 1])
                drawn = drawn * inferred[t]
            mean, logvar = grad_heads[t].chunk(2, 1)
            torch.add(grad_mean[t], drawn, out=mean)
            torch.addcmul(grad_logvar[t], drawn, to_logvar[t], out=logvar)
            of_controller = torch.addmm(of_controller, grad_heads[t], own.head)
            kept_on = controller.step(t, of_controller)
            torch.mm(
                controller.shared(t), own.feedback, out=generator.grad_recurrent[t, :, n_gates:]
            )
            of_controller = torch.addmm(kept_on, controller.grad_recurrent[t], own.controller)
            costate = torch.addmm(onwards, generator.grad_recurrent[t], own.generator)
        of_chain: tuple[Tensor | None, ...] = (None, None)
        if kept is not None:
            before = torch.cat([torch.zeros_like(inputs[:1]), inputs[:-1]])
            of_chain = grad_drawn * before, grad_drawn
        factors = saved[2][:, :, n_gates:]
        return (
            controller.grad_gates,
            generator.grad_gates,
            None,
            costate,
            of_controller,
            None,
            *of_chain,
            *_grad_weights(generator, controller, grad_heads, inputs, factors),
        )


def _grad_weights(
    generator: GRUAdjoint, controller: GRUAdjoint, heads: Tensor, inputs: Tensor, factors: Tensor
) -> Weights:
    """Gradients of the weights, of all bins at once."""
    of_generator, generator_bias = generator.weights()
    of_controller, controller_bias = controller.weights()
    return Weights(
        generator=of_generator,
        generator_bias=generator_bias[: generator.grad_gates.shape[2]],
        inputs=_product(generator.grad_gates, inputs),
        feedback=_product(controller.grad_gates, factors),
        controller=of_controller,
        controller_bias=controller_bias,
        head=_product(heads, controller.states[1:]),
        head_bias=heads.sum((0, 1)),
    )


def _product(grads: Tensor, read: Tensor) -> Tensor:
    """Gradient of a matrix, from those of its outputs and what it read."""
    return grads.flatten(0, 1).t() @ read.flatten(0, 1)


def controlled_generator(
    shown: Tensor,
    driven: Tensor,
    noise: Tensor,
    state: Tensor,
    controller_state: Tensor,
    *rest: Any,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The recurrence of `ControlledGenerator`, with its arguments and results."""
    if not is_composed():
        given = (shown, driven, noise, state, controller_state, *rest)
        found: tuple[Tensor, Tensor, Tensor, Tensor] = in_float32(ControlledGenerator.apply, *given)
        return found
    inferred, kept, added, *weights = rest
    own, linear = Weights(*weights), torch.nn.functional.linear
    n_gates = own.generator_bias.shape[0]
    results: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for t in range(len(noise)):
        both = linear(state, own.generator)
        gates = shown[t] + linear(both[:, n_gates:], own.feedback)
        recurrent = linear(controller_state, own.controller, own.controller_bias)
        controller_state = gru_step(gates, recurrent, controller_state)
        mean, logvar = linear(controller_state, own.head, own.head_bias).chunk(2, 1)
        logvar = logvar.clamp(LEAST_LOGVAR, MOST_LOGVAR)
        drawn = mean + (0.5 * logvar).exp() * noise[t]
        if inferred is not None:
            before = results[-1][1] * kept[t] if t else 0.0
            drawn = drawn * inferred[t] + added[t] + before
        driving = driven[t] + linear(drawn, own.inputs)
        state = gru_step(driving, both[:, :n_gates] + own.generator_bias, state)
        results.append((state, drawn, mean, logvar))
    states, inputs, means, logvars = (torch.stack(each) for each in zip(*results, strict=True))
    return states, inputs, means, logvars
