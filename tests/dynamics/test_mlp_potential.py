"""The learned potential: its closed-form force, and its bowl."""

import pytest
import torch

from undertow.dynamics import MLPPotential, UnderdampedLangevin
from undertow.errors import ModelError


def made(dim: int = 5, **options: float) -> MLPPotential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        potential = MLPPotential(dim, width=7, **options).double()
        torch.nn.init.normal_(potential.weight)
    return potential


def positions(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_the_closed_form_force_is_autograds_with_its_own_derivatives() -> None:
    potential, z = made(), positions(2, 3, 5).requires_grad_()
    (expected,) = torch.autograd.grad(potential.energy(z).sum(), z, create_graph=True)
    assert torch.allclose(potential.gradient(z), expected, atol=1e-13)
    wanted = [z, *potential.parameters()]
    mine, theirs = (
        torch.autograd.grad(f.square().sum(), wanted) for f in (potential.gradient(z), expected)
    )
    for a, b in zip(mine, theirs, strict=True):
        assert torch.allclose(a, b, atol=1e-12)


def test_far_out_the_bowl_wins() -> None:
    potential, z = made(confinement=0.3), 1e4 * positions(20, 5)
    inward = (potential.gradient(z) * z).sum(-1) / z.square().sum(-1)
    assert torch.allclose(inward, torch.full((20,), 0.3, dtype=torch.float64), rtol=1e-3)


def test_it_has_no_one_curvature_and_is_not_checked() -> None:
    assert made().stiffness() is None
    dynamics = UnderdampedLangevin(10, made())
    dynamics.check_stable(0.02)
    dynamics.check_settings(0.02)


def test_a_bowl_that_holds_nothing_is_refused() -> None:
    with pytest.raises(ModelError, match=r"confinement is 0\.0: it must be above zero"):
        MLPPotential(4, confinement=0.0)
