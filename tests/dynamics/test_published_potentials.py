"""The published potentials against numpy's norms, torch's convolutions and steps one by one."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.dynamics.fixtures import rolled
from undertow.dynamics import (
    CoupledOscillatorPotential,
    FreeOscillatorPotential,
    HarmonicPotential,
    InputDrivenPotential,
    MixedOscillatorPotential,
    UnderdampedLangevin,
)
from undertow.errors import ModelError


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def free(dim: int = 24, groups: int = 4, taps: int = 7, seed: int = 0) -> FreeOscillatorPotential:
    potential = FreeOscillatorPotential(dim, groups, taps).double()
    potential.kernel.data = draw(groups, (taps + 1) // 2, seed=seed)
    return potential


def mixed(dim: int = 20, channels: int = 4, taps: int = 3) -> MixedOscillatorPotential:
    potential = MixedOscillatorPotential(dim, channels, taps).double()
    potential.kernel.data = draw(channels, channels, taps)
    return potential


# --- eq. 2 as printed -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("taps", [1, 3, 7])
def test_each_group_has_spectral_norm_one(seed: int, taps: int) -> None:
    coupling = free(taps=taps, seed=seed).coupling().detach().numpy()
    for block in coupling:
        assert np.linalg.norm(block, 2) == pytest.approx(1.0, abs=1e-12)
        assert np.array_equal(block, block.T)


def test_the_force_is_a_symmetric_convolution_of_each_group_over_the_norm() -> None:
    potential, z = free(), draw(5, 24, seed=1)
    half = potential.kernel.detach()
    kernel = torch.cat([half.flip(1)[:, :-1], half], 1)
    convolved = F.conv1d(z.view(5, 4, 6), kernel[:, None], padding=3, groups=4)
    dense = F.pad(half, (0, 2)).numpy()
    for group in range(4):
        matrix = np.array([[dense[group, abs(i - j)] for j in range(6)] for i in range(6)])
        convolved[:, group] /= np.linalg.norm(matrix, 2)
    assert torch.allclose(potential.gradient(z), 2 * convolved.flatten(1), atol=1e-12)


def test_the_gradient_through_the_norm_equals_finite_differences() -> None:
    potential = free()
    potential.forward = potential.energy  # type: ignore[method-assign]

    def energy(kernel: Tensor) -> Tensor:
        return torch.func.functional_call(potential, {"kernel": kernel}, draw(3, 24, seed=1))

    assert torch.autograd.gradcheck(energy, [potential.kernel.detach().clone().requires_grad_()])


def test_the_norm_takes_all_scale_from_the_kernel() -> None:
    """Scaling a kernel changes nothing, so its gradient is orthogonal to it."""
    potential, z = free(), draw(3, 24, seed=1)
    (grad,) = torch.autograd.grad(potential.energy(z).sum(), potential.kernel)
    assert ((grad * potential.kernel).sum(1).abs() < 1e-12 * grad.norm(dim=1)).all()


def test_it_can_have_hills() -> None:
    least = [
        float(torch.linalg.eigvalsh(free(seed=seed).stiffness()).min().detach())
        for seed in range(5)
    ]
    assert min(least) < 0


def test_its_start_is_finite_and_drawn() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        a, b = FreeOscillatorPotential(24), FreeOscillatorPotential(24)
    assert torch.isfinite(a.coupling()).all()
    assert not torch.equal(a.kernel, b.kernel)


# --- as released ------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "taps"), [(4, 3), (4, 7), (1, 3), (2, 1)])
def test_the_coupling_is_torchs_convolution_with_padding(channels: int, taps: int) -> None:
    potential, z = mixed(20, channels, taps), draw(5, 20, seed=1)
    kernel = potential.kernel / potential.kernel.square().sum(-1, keepdim=True).sqrt()
    shaped = z.view(5, channels, -1)
    convolved = F.conv1d(shaped, kernel, padding=taps // 2)
    assert torch.allclose(z @ potential.coupling().t(), convolved.flatten(1), atol=1e-12)
    assert torch.allclose(potential.energy(z), (shaped * convolved).sum((1, 2)), atol=1e-12)
    transposed = F.conv_transpose1d(shaped, kernel, padding=taps // 2)
    assert torch.allclose(potential.gradient(z), (convolved + transposed).flatten(1), atol=1e-12)


def test_it_starts_flat_with_an_enormous_gradient() -> None:
    potential = MixedOscillatorPotential(20).double()
    z = draw(5, 20)
    assert torch.equal(potential.energy(z), torch.zeros(5, dtype=torch.float64))
    assert torch.equal(potential.gradient(z), torch.zeros(5, 20, dtype=torch.float64))
    potential.energy(z).sum().backward()
    assert potential.kernel.grad is not None
    assert torch.isfinite(potential.kernel.grad).all()
    assert potential.kernel.grad.abs().max() > 1e10


# --- tilted by an input -----------------------------------------------------------------------


def test_the_tilt_is_linear_in_the_input() -> None:
    potential = InputDrivenPotential(8, 3, lambda dim: HarmonicPotential(dim, 0.7)).double()
    z, x = draw(5, 8), draw(5, 3, seed=1)
    expected = 0.35 * z.square().sum(-1) + torch.einsum("ni,ij,nj->n", z, potential.weight, x)
    assert torch.allclose(potential.energy(z, x), expected, atol=1e-6)
    assert torch.allclose(potential.gradient(z, x), 0.7 * z + x @ potential.weight.t(), atol=1e-6)
    assert potential.tilt(None) is None


@pytest.mark.parametrize("substeps", [1, 3])
@pytest.mark.parametrize("control", [False, True])
@pytest.mark.parametrize("bins", [1, 6])
def test_linear_steps_in_a_tilted_potential_equal_those_one_by_one(
    substeps: int, control: bool, bins: int
) -> None:
    potential = InputDrivenPotential(12, 5)
    dynamics = UnderdampedLangevin(
        24, potential, mass=1.7, learn=("mass", "gamma", "temperature", "timescale")
    )
    dynamics.double()
    potential.weight.data = draw(12, 5, seed=3)
    x0, noise, inputs = draw(3, 24), draw(3, bins, substeps, 12, seed=1), draw(3, bins, 5, seed=2)
    push = draw(3, bins, 12, seed=4) if control else None
    results = []
    for step_by_step in (False, True):
        path = rolled(dynamics, x0, noise, 0.02, push, inputs, step_by_step)
        weight = torch.linspace(-1, 1, path.states.numel(), dtype=torch.float64).view_as(
            path.states
        )
        grads = torch.autograd.grad(
            (weight * path.states).sum(), list(dynamics.parameters()), allow_unused=True
        )
        results.append([path.states, path.mean, *(g for g in grads if g is not None)])
    assert len(results[0]) == len(results[1])
    for mine, plain in zip(*results, strict=True):
        assert mine.shape == plain.shape
        assert (mine - plain).abs().max() < 1e-12 * max(1.0, float(plain.detach().abs().max()))


def test_the_input_of_a_bin_moves_what_follows_it() -> None:
    dynamics = UnderdampedLangevin(24, InputDrivenPotential(12, 5)).double()
    x0, noise, inputs = draw(1, 24), draw(1, 6, 1, 12, seed=1), draw(1, 6, 5, seed=2)
    other = inputs.clone()
    other[:, 3] += 1.0
    a, b = (rolled(dynamics, x0, noise, 0.02, inputs=x).states[0] for x in (inputs, other))
    same = (a == b).all(-1)
    assert torch.allclose(a[:4], b[:4], atol=1e-12)
    assert not same[4:].any()


def test_curvature_is_that_of_what_is_tilted() -> None:
    potential = InputDrivenPotential(8, 3, CoupledOscillatorPotential)
    assert torch.equal(potential.stiffness(), potential.base.stiffness())
    assert potential.curvature_bounds() == potential.base.curvature_bounds()


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FreeOscillatorPotential(10), "10 positions do not divide into 4 groups"),
        (lambda: FreeOscillatorPotential(8, groups=0), "groups is 0"),
        (lambda: FreeOscillatorPotential(8, taps=4), "taps is 4: .* odd"),
        (lambda: MixedOscillatorPotential(10), "10 positions do not divide into 4 channels"),
        (lambda: MixedOscillatorPotential(8, channels=0), "channels is 0"),
        (lambda: MixedOscillatorPotential(8, taps=2), "taps is 2: .* odd"),
    ],
)
def test_wrong_settings_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()
