"""Langevin recurrence with a quadratic potential, as one custom autograd function.

For U(z) = ½ zᵀKz + zᵀf the step of `UnderdampedLangevin` is linear in the state:

    w_t     = v_t − z_t K' − f_t          (K' = (h/m) K in blocks of coupled coordinates; f_t: tilt)
    v_{t+1} = a ⊙ w_t + e_t               (e_t: noise and push)
    z_{t+1} = z_t + (h/2) (w_t + v_{t+1})

Autograd would record every step of every bin. Here the adjoint is written by hand: one recurrence
backwards for the costates ζ of z and ν of v, and the gradient of K' as one product over all steps.
With ν and ζ at t + 1,

    ∂e_t = ν + (h/2) ζ                    (v_{t+1} acts on what follows itself, and through z_{t+1})
    ∂w_t = a ⊙ ∂e_t + (h/2) ζ
    ζ_t  = ζ − ∂w_t K'ᵀ,   ν_t = ∂w_t     (each plus the gradient that reaches that entry directly)
    ∂K'  = −Σ z_tᵀ ∂w_t,   ∂f_t = −∂w_t,   ∂a = Σ ∂e_t ⊙ w_t,   ∂h = ½ Σ ζ · (w_t + v_{t+1})
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from undertow.composed import in_float32, is_composed


class LinearLangevinRecurrence(torch.autograd.Function):
    """Recurrence (z0, v0, e, K', a, h, f) → states [z, v], (steps + 1, batch, 2 · dim).

    The first entry is the initial state.
    """

    @staticmethod
    def forward(
        ctx: Any,
        z0: Tensor,
        v0: Tensor,
        e: Tensor,
        stiffness: Tensor,
        decay: Tensor,
        h: Tensor,
        tilt: Tensor | None,
    ) -> Any:
        steps, half = e.shape[0], float(h) / 2
        states = e.new_empty(steps + 1, z0.shape[0], 2 * z0.shape[1])
        z, v = states.chunk(2, -1)
        w = torch.empty_like(e)
        z[0], v[0] = z0, v0
        zb, vb, wb = (_blocks(x, stiffness) for x in (z, v, w))
        for t in range(steps):
            torch.baddbmm(vb[t], zb[t], stiffness, alpha=-1.0, out=wb[t])
            if tilt is not None:
                w[t].sub_(tilt[t])
            torch.addcmul(e[t], decay, w[t], out=v[t + 1])
            # two additions in place: w + v' first would need a tensor of its own at every step
            torch.add(z[t], w[t], alpha=half, out=z[t + 1]).add_(v[t + 1], alpha=half)
        ctx.save_for_backward(states, w, stiffness, decay, h)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        states, w, stiffness, decay, h = ctx.saved_tensors
        (z, v), (grad_z, grad_v) = states.chunk(2, -1), grads[0].chunk(2, -1)
        steps, half = w.shape[0], float(h) / 2
        transposed = stiffness.transpose(1, 2).contiguous()
        grad_e, grad_w = torch.empty_like(w), torch.empty_like(w)
        grad_wb = _blocks(grad_w, stiffness)
        costate_z, costate_v = grad_z[steps].clone(), grad_v[steps].clone()
        costate_zb = _blocks(costate_z[None], stiffness)[0]  # a view: both change together
        grad_h = torch.zeros_like(h)
        for t in range(steps - 1, -1, -1):
            torch.add(costate_v, costate_z, alpha=half, out=grad_e[t])
            if ctx.needs_input_grad[5]:
                grad_h = grad_h + 0.5 * (costate_z * (w[t] + v[t + 1])).sum()
            # before the costate of z moves on to t: this is still that of t + 1
            torch.mul(decay, grad_e[t], out=grad_w[t]).add_(costate_z, alpha=half)
            costate_zb.baddbmm_(grad_wb[t], transposed, alpha=-1.0)
            # z_t is an output too, besides being what step t starts from
            costate_z += grad_z[t]
            torch.add(grad_w[t], grad_v[t], out=costate_v)
        grad_stiffness = grad_decay = None
        if ctx.needs_input_grad[3]:
            # one product over all steps: as many rows as steps times trials keep the cores busy
            grad_stiffness = -torch.bmm(
                _stacked(z[:-1], stiffness).transpose(1, 2), _stacked(grad_w, stiffness)
            )
        if ctx.needs_input_grad[4]:
            grad_decay = (grad_e * w).sum_to_size(decay.shape)
        grad_tilt = -grad_w if ctx.needs_input_grad[6] else None
        return costate_z, costate_v, grad_e, grad_stiffness, grad_decay, grad_h, grad_tilt


def _blocks(x: Tensor, stiffness: Tensor) -> Tensor:
    """View (steps, batch, dim) as (steps, blocks, batch, dim / blocks), without copying."""
    return x.unflatten(-1, (len(stiffness), -1)).transpose(1, 2)


def _stacked(x: Tensor, stiffness: Tensor) -> Tensor:
    """Turn (steps, batch, dim) into (blocks, steps · batch, dim / blocks)."""
    return x.flatten(0, 1).unflatten(-1, (len(stiffness), -1)).transpose(0, 1)


def linear_langevin(
    z0: Tensor,
    v0: Tensor,
    e: Tensor,
    stiffness: Tensor,
    decay: Tensor,
    h: Tensor,
    tilt: Tensor | None = None,
) -> Tensor:
    """Run the recurrence.

    Args:
        z0, v0: initial positions and velocities, (batch, dim).
        e: what is added to the velocity at each step (scaled noise and push), (steps, batch, dim).
        stiffness: K' = (h/m) K as blocks, (blocks, dim / blocks, dim / blocks), acting from the
            right: z K'.
        decay: a = exp(−γh), (dim,).
        h: step in internal time, a scalar tensor.
        tilt: (h/m) f of each step, (steps, batch, dim); None for no tilt.

    Returns:
        states [z, v], (steps + 1, batch, 2 · dim).
    """
    if not is_composed():
        given = (z0, v0, e, stiffness, decay, h, tilt)
        states: Tensor = in_float32(LinearLangevinRecurrence.apply, *given)
        return states
    z, v, found = z0, v0, [torch.cat([z0, v0], -1)]
    for t in range(len(e)):
        pulled = (_blocks(z[None], stiffness)[0] @ stiffness).transpose(0, 1).flatten(1)
        w = v - pulled if tilt is None else v - pulled - tilt[t]
        v = decay * w + e[t]
        z = z + 0.5 * h * (w + v)
        found.append(torch.cat([z, v], -1))
    return torch.stack(found)
