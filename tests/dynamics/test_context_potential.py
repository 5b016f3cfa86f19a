"""The potential that follows a context: its closed-form force, its landscape, its stability."""

import torch

from undertow.dynamics import ContextPotential, MLPPotential


def made(dim: int = 5, n_inputs: int = 3) -> ContextPotential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        potential = ContextPotential(dim, n_inputs, width=7).double()
        torch.nn.init.normal_(potential.weight)
    return potential


def draw(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_force_is_the_gradient_of_the_energy_in_every_context() -> None:
    potential, z, x = made(), draw(2, 3, 5).requires_grad_(), draw(2, 3, 3, seed=2)
    (expected,) = torch.autograd.grad(potential.energy(z, x).sum(), z, create_graph=True)
    assert torch.allclose(potential.gradient(z, x), expected, atol=1e-13)
    wanted = [z, *potential.parameters()]
    mine, theirs = (
        torch.autograd.grad(f.square().sum(), wanted) for f in (potential.gradient(z, x), expected)
    )
    for a, b in zip(mine, theirs, strict=True):
        assert torch.allclose(a, b, atol=1e-12)


def test_the_force_has_no_curl_in_any_context() -> None:
    potential, x = made(), draw(3, seed=2)
    jacobian = torch.autograd.functional.jacobian(lambda z: potential.gradient(z, x), draw(5))
    assert torch.allclose(jacobian, jacobian.t(), atol=1e-12)


def test_a_context_moves_the_wells_and_changes_their_curvature() -> None:
    potential, z = made(), draw(5)
    curvatures = [
        torch.autograd.functional.hessian(lambda at, x=x: potential.energy(at, x), z)
        for x in (draw(3, seed=2), draw(3, seed=3))
    ]
    assert not torch.allclose(*curvatures, atol=1e-3)


def test_without_a_context_it_is_the_learned_potential() -> None:
    potential, z = made(), draw(4, 5)
    plain = MLPPotential(5, width=7).double()
    plain.load_state_dict(
        {k: v for k, v in potential.state_dict().items() if not k.startswith("context")}
    )
    assert torch.equal(potential.energy(z), plain.energy(z))
    assert torch.equal(potential.gradient(z), plain.gradient(z))
