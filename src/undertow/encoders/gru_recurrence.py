"""The GRU's recurrence as one custom autograd function with a hand-written adjoint, for CPUs.

With input gates g = x W_ihᵀ + b_ih computed for all bins at once, each bin takes

    [r, u] = σ(g_[r,u] + a_[r,u]),   n = tanh(g_n + r ⊙ a_n),   a = W h + b,
    h' = u ⊙ h + (1 − u) ⊙ n.

Dropout inside the recurrence multiplies h' by a mask.

Backwards, with the costate λ = ∂L/∂h' (masked as h' was), the chain rule gives

    ∂L/∂g_n = λ ⊙ (1 − u) ⊙ (1 − n²),     ∂L/∂a_n = ∂L/∂g_n ⊙ r,
    ∂L/∂g_u = ∂L/∂a_u = λ ⊙ (h − n) ⊙ u ⊙ (1 − u),
    ∂L/∂g_r = ∂L/∂a_r = ∂L/∂g_n ⊙ a_n ⊙ r ⊙ (1 − r),
    λ ← λ ⊙ u + Wᵀ ∂L/∂a.

All factors beside λ are known from the forward pass and formed for all bins at once: a bin costs
one product and five elementwise operations, and the gradient of W is a single product over all
bins.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class GRURecurrence(torch.autograd.Function):
    """Recurrence (g, W, b, mask or None) → h, from h = 0.

    Gates g are (bins, trials, 3 · hidden), h and the mask (bins, trials, hidden).
    """

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, weight: Tensor, bias: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        bins, trials, hidden = gates.shape[0], gates.shape[1], gates.shape[2] // 3
        states = gates.new_zeros(bins + 1, trials, hidden)
        reset_update = gates.new_empty(bins, trials, 2 * hidden)
        recurrent = gates.new_empty(bins, trials, 3 * hidden)
        candidate = gates.new_empty(bins, trials, hidden)
        # one copy of Wᵀ spares a strided read in every bin; results are written where they are kept
        transposed = weight.t().contiguous()
        for t in range(bins):
            torch.addmm(bias, states[t], transposed, out=recurrent[t])
            torch.add(
                gates[t, :, : 2 * hidden], recurrent[t, :, : 2 * hidden], out=reset_update[t]
            ).sigmoid_()
            reset, update = reset_update[t, :, :hidden], reset_update[t, :, hidden:]
            torch.addcmul(
                gates[t, :, 2 * hidden :], reset, recurrent[t, :, 2 * hidden :], out=candidate[t]
            ).tanh_()
            # n + u ⊙ (h − n) = u ⊙ h + (1 − u) ⊙ n
            torch.lerp(candidate[t], states[t], update, out=states[t + 1])
            if mask is not None:
                # in place: what is read out and what the next bin sees is the masked state
                states[t + 1] *= mask[t]
        ctx.mask = mask
        ctx.save_for_backward(
            states, reset_update, recurrent[:, :, 2 * hidden :], candidate, weight
        )
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        states, reset_update, recurrent_n, candidate, weight = ctx.saved_tensors
        (grad_states,) = grads
        bins, trials, hidden = candidate.shape
        reset, update = reset_update.split(hidden, dim=2)
        # the factors of λ in ∂L/∂g_n and ∂L/∂a_u, and of ∂L/∂g_n in ∂L/∂a_r, for all bins at once
        to_candidate = (1 - update) * (1 - candidate.square())
        to_update = (states[:-1] - candidate) * update * (1 - update)
        to_reset = recurrent_n * reset * (1 - reset)
        grad_gates = torch.empty(bins, trials, 3 * hidden, dtype=weight.dtype, device=weight.device)
        grad_recurrent = torch.empty_like(grad_gates)
        costate = torch.zeros_like(states[0])
        for t in range(bins - 1, -1, -1):
            # h' of bin t is an output too, besides being what bin t + 1 starts from
            costate += grad_states[t]
            # the mask came last on the way forwards: it comes first on the way back
            if ctx.mask is not None:
                costate *= ctx.mask[t]
            # views: the three parts fill the row that the one product below reads
            r_part, u_part, n_part = grad_recurrent[t].split(hidden, dim=1)
            pre_candidate = grad_gates[t, :, 2 * hidden :]
            torch.mul(costate, to_candidate[t], out=pre_candidate)
            torch.mul(costate, to_update[t], out=u_part)
            torch.mul(pre_candidate, to_reset[t], out=r_part)
            torch.mul(pre_candidate, reset[t], out=n_part)
            # what reaches h through u ⊙ h, and through the gates
            costate = torch.addmm(costate * update[t], grad_recurrent[t], weight)
        # r and u see g and a as a sum, so their gradients are the same; only n tells them apart
        grad_gates[:, :, : 2 * hidden] = grad_recurrent[:, :, : 2 * hidden]
        flat = grad_recurrent.flatten(0, 1)
        return grad_gates, flat.t() @ states[:-1].flatten(0, 1), flat.sum(0), None


def gru_states(inputs: Tensor, gru: torch.nn.GRU, mask: Tensor | None = None) -> Tensor:
    """States of a one-layer batch-first GRU, (trials, bins, hidden).

    They are those of `gru(inputs)[0]`, computed faster on CPUs. `mask`, (trials, bins, hidden),
    multiplies the state of each bin before the next bin sees it.
    """
    # CUDA has a fused kernel, which knows no mask
    if inputs.is_cuda and mask is None:
        states: Tensor = gru(inputs)[0]
        return states
    weights = dict(gru.named_parameters())
    gates = torch.nn.functional.linear(
        inputs.transpose(0, 1), weights["weight_ih_l0"], weights["bias_ih_l0"]
    )
    time_first = None if mask is None else mask.transpose(0, 1).contiguous()
    recurrent: Tensor = GRURecurrence.apply(
        gates, weights["weight_hh_l0"], weights["bias_hh_l0"], time_first
    )
    return recurrent.transpose(0, 1)
