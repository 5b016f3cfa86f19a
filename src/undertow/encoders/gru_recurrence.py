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

from undertow.composed import in_float32, is_composed


class GRUSteps:
    """Steps of a GRU and what its adjoint needs of them, written where they are kept.

    Args:
        initial: the state before the first bin, (trials, hidden).
        bins: how many there will be.
        more: further outputs of the product with h.

    Attributes:
        states: h before the first bin and after each, (bins + 1, trials, hidden).
        recurrent: a = W h + b of each bin and after it those outputs, (bins, trials, 3 · hidden +
            more), to be filled before its step.
    """

    def __init__(self, initial: Tensor, bins: int, more: int = 0) -> None:
        trials, self.hidden = initial.shape
        self.states = initial.new_empty(bins + 1, trials, self.hidden)
        self.states[0] = initial
        self.recurrent = initial.new_empty(bins, trials, 3 * self.hidden + more)
        self.reset_update = initial.new_empty(bins, trials, 2 * self.hidden)
        self.candidate = initial.new_empty(bins, trials, self.hidden)

    def step(self, t: int, gates: Tensor) -> Tensor:
        """Go through bin t with gates g, (trials, 3 · hidden), and return the state after it."""
        both, a = 2 * self.hidden, self.recurrent[t]
        reset_update = self.reset_update[t]
        torch.add(gates[:, :both], a[:, :both], out=reset_update).sigmoid_()
        reset, update = reset_update[:, : self.hidden], reset_update[:, self.hidden :]
        candidate = self.candidate[t]
        a_n = a[:, both : both + self.hidden]
        torch.addcmul(gates[:, both:], reset, a_n, out=candidate).tanh_()
        # n + u ⊙ (h − n) = u ⊙ h + (1 − u) ⊙ n
        return torch.lerp(candidate, self.states[t], update, out=self.states[t + 1])

    def kept(self) -> tuple[Tensor, ...]:
        """What `GRUAdjoint` is made of."""
        return self.states, self.reset_update, self.recurrent, self.candidate


class GRUAdjoint:
    """Steps of a GRU backwards.

    Attributes:
        grad_gates: ∂L/∂g of each bin, (bins, trials, 3 · hidden); its first two parts are those of
            ∂L/∂a, and are left to `shared`.
        grad_recurrent: ∂L/∂a of each bin and after it room for those of further outputs, shaped
            like `GRUSteps.recurrent`.
    """

    def __init__(
        self, states: Tensor, reset_update: Tensor, recurrent: Tensor, candidate: Tensor
    ) -> None:
        self.hidden = hidden = candidate.shape[2]
        recurrent_n = recurrent[:, :, 2 * hidden : 3 * hidden]
        self.states, self.candidate = states, candidate
        self.reset, self.update = reset_update.split(hidden, dim=2)
        # the factors of λ in ∂L/∂g_n and ∂L/∂a_u, and of ∂L/∂g_n in ∂L/∂a_r, for all bins at once
        self.to_candidate = (1 - self.update) * (1 - candidate.square())
        self.to_update = (states[:-1] - candidate) * self.update * (1 - self.update)
        self.to_reset = recurrent_n * self.reset * (1 - self.reset)
        self.grad_gates = candidate.new_empty(*candidate.shape[:2], 3 * hidden)
        self.grad_recurrent = torch.empty_like(recurrent)

    def step(self, t: int, costate: Tensor) -> Tensor:
        """Go back through bin t, and return λ ⊙ u, which reaches h through u ⊙ h."""
        # views: the three parts fill the row that one product reads
        r_part, u_part, n_part = self.grad_recurrent[t].split(self.hidden, dim=1)[:3]
        pre_candidate = self.grad_gates[t, :, 2 * self.hidden :]
        torch.mul(costate, self.to_candidate[t], out=pre_candidate)
        torch.mul(costate, self.to_update[t], out=u_part)
        torch.mul(pre_candidate, self.to_reset[t], out=r_part)
        torch.mul(pre_candidate, self.reset[t], out=n_part)
        return costate * self.update[t]

    def shared(self, bins: int | slice = slice(None)) -> Tensor:
        """Complete ∂L/∂g: r and u see g and a as a sum, so that only n tells them apart."""
        both = 2 * self.hidden
        self.grad_gates[bins, :, :both] = self.grad_recurrent[bins, :, :both]
        return self.grad_gates[bins]

    def weights(self) -> tuple[Tensor, Tensor]:
        """Gradients of W and b, and below them of the weights of further outputs."""
        flat = self.grad_recurrent.flatten(0, 1)
        return flat.t() @ self.states[:-1].flatten(0, 1), flat.sum(0)


class GRURecurrence(torch.autograd.Function):
    """Recurrence (g, W, b, mask or None, initial state or None) → h, from h = 0 without one.

    Gates g are (bins, trials, 3 · hidden), h and the mask (bins, trials, hidden), the initial state
    (trials, hidden).
    """

    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        weight: Tensor,
        bias: Tensor,
        mask: Tensor | None = None,
        initial: Tensor | None = None,
    ) -> Tensor:
        bins, trials, hidden = gates.shape[0], gates.shape[1], gates.shape[2] // 3
        gru = GRUSteps(gates.new_zeros(trials, hidden) if initial is None else initial, bins)
        # one copy of Wᵀ spares a strided read in every bin
        transposed = weight.t().contiguous()
        for t in range(bins):
            torch.addmm(bias, gru.states[t], transposed, out=gru.recurrent[t])
            state = gru.step(t, gates[t])
            if mask is not None:
                # in place: what is read out and what the next bin sees is the masked state
                state *= mask[t]
        ctx.mask, ctx.started = mask, initial is not None
        ctx.save_for_backward(*gru.kept(), weight)
        return gru.states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        *kept, weight = ctx.saved_tensors
        gru = GRUAdjoint(*kept)
        (grad_states,) = grads
        costate = torch.zeros_like(grad_states[0])
        for t in range(len(grad_states) - 1, -1, -1):
            # h' of bin t is an output too, besides being what bin t + 1 starts from
            costate += grad_states[t]
            # the mask came last on the way forwards: it comes first on the way back
            if ctx.mask is not None:
                costate *= ctx.mask[t]
            costate = torch.addmm(gru.step(t, costate), gru.grad_recurrent[t], weight)
        return gru.shared(), *gru.weights(), None, costate if ctx.started else None


def gru_states(inputs: Tensor, gru: torch.nn.GRU, mask: Tensor | None = None) -> Tensor:
    """States of a one-layer batch-first GRU, (trials, bins, hidden).

    They are those of `gru(inputs)[0]`, computed faster on CPUs. `mask`, (trials, bins, hidden),
    multiplies the state of each bin before the next bin sees it.
    """
    # CUDA has a fused kernel, which knows no mask
    if inputs.is_cuda and mask is None and not is_composed():
        states: Tensor = gru(inputs)[0]
        return states
    weights = dict(gru.named_parameters())
    gates = torch.nn.functional.linear(
        inputs.transpose(0, 1), weights["weight_ih_l0"], weights["bias_ih_l0"]
    )
    time_first = None if mask is None else mask.transpose(0, 1).contiguous()
    recurrent = gru_recurrence(gates, weights["weight_hh_l0"], weights["bias_hh_l0"], time_first)
    return recurrent.transpose(0, 1)


def gru_recurrence(
    gates: Tensor,
    weight: Tensor,
    bias: Tensor,
    mask: Tensor | None = None,
    initial: Tensor | None = None,
) -> Tensor:
    """The recurrence of `GRURecurrence`: h of each bin, (bins, trials, hidden)."""
    if not is_composed():
        given = (gates, weight, bias, mask, initial)
        states: Tensor = in_float32(GRURecurrence.apply, *given)
        return states
    state = gates[0, :, : gates.shape[2] // 3] * 0 if initial is None else initial
    found = []
    for t in range(len(gates)):
        state = gru_step(gates[t], torch.nn.functional.linear(state, weight, bias), state)
        state = state if mask is None else state * mask[t]
        found.append(state)
    return torch.stack(found)


def gru_step(gates: Tensor, recurrent: Tensor, state: Tensor) -> Tensor:
    """State after one bin, (trials, hidden), of input gates g and a = W h + b, as above."""
    hidden = state.shape[-1]
    reset, update = (gates + recurrent)[..., : 2 * hidden].sigmoid().chunk(2, -1)
    candidate = (gates[..., 2 * hidden :] + reset * recurrent[..., 2 * hidden :]).tanh()
    return torch.lerp(candidate, state, update)
