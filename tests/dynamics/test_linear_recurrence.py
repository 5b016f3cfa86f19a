"""The hand-written adjoint against numerical derivatives and a plain loop under autograd."""

import pytest
import torch
from torch import Tensor

from undertow.dynamics import linear_langevin

Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def inputs(steps: int = 4, batch: int = 2, blocks: int = 2, size: int = 3) -> Inputs:
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)  # noqa: E731
    dim = blocks * size
    values = (
        draw(batch, dim),
        draw(batch, dim),
        draw(steps, batch, dim),
        0.3 * draw(blocks, size, size),  # not symmetric: a transposed gradient would show
        draw(dim).sigmoid(),
        torch.tensor(0.4, dtype=torch.float64),
        draw(steps, batch, dim),
    )
    return tuple(v.requires_grad_() for v in values)  # type: ignore[return-value]


def plain_loop(
    z: Tensor,
    v: Tensor,
    e: Tensor,
    stiffness: Tensor,
    decay: Tensor,
    h: Tensor,
    tilt: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    whole, zs, vs = torch.block_diag(*stiffness), [z], [v]
    for t, push in enumerate(e):
        w = v - z @ whole - (0.0 if tilt is None else tilt[t])
        v = decay * w + push
        z = z + h / 2 * (w + v)
        zs.append(z)
        vs.append(v)
    return torch.stack(zs), torch.stack(vs)


def test_adjoint_equals_numerical_derivatives_for_every_input() -> None:
    assert torch.autograd.gradcheck(linear_langevin, inputs())


@pytest.mark.parametrize("which", range(7))
def test_adjoint_for_one_input_alone(which: int) -> None:
    values = [x.detach().requires_grad_(k == which) for k, x in enumerate(inputs())]
    assert torch.autograd.gradcheck(linear_langevin, values)


@pytest.mark.parametrize(("steps", "blocks", "size"), [(1, 1, 1), (7, 1, 6), (7, 6, 1), (30, 2, 4)])
@pytest.mark.parametrize("tilted", [False, True])
def test_equals_a_plain_loop_under_autograd(
    steps: int, blocks: int, size: int, tilted: bool
) -> None:
    values = inputs(steps, 3, blocks, size)[: 6 + tilted]
    mine, theirs = linear_langevin(*values).chunk(2, -1), plain_loop(*values)
    weight = torch.linspace(-1, 1, mine[0].numel(), dtype=torch.float64).view_as(mine[0])
    grads = [
        torch.autograd.grad((weight * z + (weight * v).sin()).sum(), values)
        for z, v in (mine, theirs)
    ]
    for a, b in zip([*mine, *grads[0]], [*theirs, *grads[1]], strict=True):
        assert (a - b).abs().max() <= 1e-12 * max(1.0, float(b.detach().abs().max()))


def test_one_output_alone_is_enough() -> None:
    values = inputs()
    mine = torch.autograd.grad(linear_langevin(*values).chunk(2, -1)[1][-1].sum(), values)
    theirs = torch.autograd.grad(plain_loop(*values)[1][-1].sum(), values)
    for a, b in zip(mine, theirs, strict=True):
        assert (a - b).abs().max() < 1e-12


def test_no_steps_leave_the_initial_state() -> None:
    z0, v0, e, *rest, _ = inputs()
    z, v = linear_langevin(z0, v0, e[:0], *rest).chunk(2, -1)
    assert torch.equal(z, z0[None])
    assert torch.equal(v, v0[None])
    grads = torch.autograd.grad((z + 2 * v).sum(), (z0, v0))
    assert torch.equal(grads[0], torch.ones_like(z0))
    assert torch.equal(grads[1], 2 * torch.ones_like(v0))


def test_second_derivatives_are_refused_rather_than_wrong() -> None:
    values = inputs()
    z, _ = linear_langevin(*values).chunk(2, -1)
    (grad,) = torch.autograd.grad(z.square().sum(), values[3], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()
