"""The Langevin recurrence with a quadratic potential, as one custom autograd function.

For U(z) = ½ zᵀKz the stable step (see `UnderdampedLangevin`) is linear in the state:

    w_t     = v_t − z_t K'          (K' = (h/m) K, blocks of coupled coordinates)
    z_{t+1} = z_t + h w_t
    v_{t+1} = a ⊙ w_t + e_t         (e_t = noise and push)

Autograd would record every step of every bin. Here the adjoint is written by hand: one backward
    recurrence for the
costates, and the gradient of K' as a single product over all steps.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class LinearLangevinRecurrence(torch.autograd.Function):
    """(z0, v0, e, K', a, h) → states [z, v], (steps + 1, batch, 2 · dim); the first entry is the
    initial state."""

    @staticmethod
    def forward(
        ctx: Any, z0: Tensor, v0: Tensor, e: Tensor, stiffness: Tensor, decay: Tensor, h: Tensor
    ) -> Any:
        steps, step_size = e.shape[0], float(h)
        states = e.new_empty(steps + 1, z0.shape[0], 2 * z0.shape[1])
        z, v = states.chunk(2, -1)
        w = torch.empty_like(e)
        z[0], v[0] = z0, v0
        zb, vb, wb = (_blocks(x, stiffness) for x in (z, v, w))
        for t in range(steps):
            torch.baddbmm(vb[t], zb[t], stiffness, alpha=-1.0, out=wb[t])
            torch.add(z[t], w[t], alpha=step_size, out=z[t + 1])
            torch.addcmul(e[t], decay, w[t], out=v[t + 1])
        ctx.save_for_backward(states, w, stiffness, decay, h)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        states, w, stiffness, decay, h = ctx.saved_tensors
        (z, _), (grad_z, grad_v) = states.chunk(2, -1), grads[0].chunk(2, -1)
        steps, step_size = w.shape[0], float(h)
        transposed = stiffness.transpose(1, 2).contiguous()
        grad_e, grad_w = torch.empty_like(w), torch.empty_like(w)
        grad_wb = _blocks(grad_w, stiffness)
        costate_z, costate_v = grad_z[steps].clone(), grad_v[steps].clone()
        costate_zb = _blocks(costate_z[None], stiffness)[0]
        grad_h = torch.zeros_like(h)
        for t in range(steps - 1, -1, -1):
            grad_e[t] = costate_v
            if ctx.needs_input_grad[5]:
                grad_h = grad_h + (costate_z * w[t]).sum()
            torch.mul(decay, costate_v, out=grad_w[t])
            grad_w[t].add_(costate_z, alpha=step_size)
            costate_zb.baddbmm_(grad_wb[t], transposed, alpha=-1.0)
            costate_z += grad_z[t]
            torch.add(grad_w[t], grad_v[t], out=costate_v)
        grad_stiffness = grad_decay = None
        if ctx.needs_input_grad[3]:
            grad_stiffness = -torch.bmm(
                _stacked(z[:-1], stiffness).transpose(1, 2), _stacked(grad_w, stiffness)
            )
        if ctx.needs_input_grad[4]:
            grad_decay = (grad_e * w).sum_to_size(decay.shape)
        return costate_z, costate_v, grad_e, grad_stiffness, grad_decay, grad_h


def _blocks(x: Tensor, stiffness: Tensor) -> Tensor:
    """(steps, batch, dim) seen as (steps, blocks, batch, dim / blocks), without copying."""
    return x.unflatten(-1, (len(stiffness), -1)).transpose(1, 2)


def _stacked(x: Tensor, stiffness: Tensor) -> Tensor:
    """(steps, batch, dim) as (blocks, steps · batch, dim / blocks)."""
    return x.flatten(0, 1).unflatten(-1, (len(stiffness), -1)).transpose(0, 1)


def linear_langevin(
    z0: Tensor, v0: Tensor, e: Tensor, stiffness: Tensor, decay: Tensor, h: Tensor
) -> Tensor:
    """Run the recurrence.

    Args:
        z0, v0: initial positions and velocities, (batch, dim).
        e: what is added to the velocity at each step (scaled noise and push), (steps, batch, dim).
        stiffness: K' = (h/m) K as blocks, (blocks, dim / blocks, dim / blocks), acting from the
            right: z K'.
        decay: a = exp(−γh), (dim,).
        h: step in internal time, a scalar tensor.

    Returns:
        states [z, v], (steps + 1, batch, 2 · dim).
    """
    states: Tensor = LinearLangevinRecurrence.apply(z0, v0, e, stiffness, decay, h)
    return states
