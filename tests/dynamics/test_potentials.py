"""Potentials: force and curvature against autograd, and the coupled oscillators against a dense
construction."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import undertow.dynamics
from tests.families import exported
from undertow.dynamics import (
    ContextPotential,
    CoupledOscillatorPotential,
    DoubleWellPotential,
    HarmonicPotential,
    InputDrivenPotential,
    Potential,
)
from undertow.errors import ModelError

DIM = 12
FAMILY = pytest.mark.parametrize("cls", exported(undertow.dynamics, Potential))
HALF_TAPS = 4
# the maximum over a 512-point grid misses that of a 7-tap spectrum by at most (π/512)²·(order 3)²/2
# of it
GRID_ERROR = (np.pi / 512 * (HALF_TAPS - 1)) ** 2 / 2


def moved(cls: type[Potential]) -> Potential:
    """In float64, its parameters a little off their start."""
    potential = cls(DIM).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in potential.parameters():
            parameter += 0.3 * torch.randn(
                parameter.shape, generator=generator, dtype=torch.float64
            )
    return potential


def positions(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@FAMILY
def test_energy_is_one_number_per_position(cls: type[Potential]) -> None:
    potential = moved(cls)
    assert potential.dim == DIM
    assert potential.energy(positions(2, 5, DIM)).shape == (2, 5)
    assert potential.gradient(positions(2, 5, DIM)).shape == (2, 5, DIM)


@FAMILY
@pytest.mark.parametrize("x", [None, 3 * torch.ones(2, 5, 1, dtype=torch.float64)])
def test_gradient_is_that_of_the_energy(cls: type[Potential], x: Tensor | None) -> None:
    potential, z = moved(cls), positions(2, 5, DIM).requires_grad_()
    (expected,) = torch.autograd.grad(potential.energy(z, x).sum(), z)
    assert torch.allclose(potential.gradient(z.detach(), x), expected, atol=1e-12)
    with torch.no_grad():
        assert torch.allclose(potential.gradient(z.detach(), x), expected, atol=1e-12)


@FAMILY
def test_stiffness_is_the_hessian(cls: type[Potential]) -> None:
    potential = moved(cls)
    stiffness = potential.stiffness()
    if stiffness is None:
        return
    for z in positions(3, DIM):
        hessian = torch.autograd.functional.hessian(lambda at: potential.energy(at), z)
        assert torch.allclose(torch.block_diag(*stiffness), hessian, atol=1e-12)


@FAMILY
def test_curvatures_stay_within_their_bounds(cls: type[Potential]) -> None:
    """Whatever learning does to the parameters; large moves here."""
    potential = moved(cls)
    bounds, stiffness = potential.curvature_bounds(), potential.stiffness()
    if bounds is None or stiffness is None:
        return
    with torch.no_grad():
        for parameter in potential.parameters():
            if parameter.ndim > 1:
                parameter += 3 * positions(*parameter.shape)
        curvatures = torch.linalg.eigvalsh(potential.stiffness())  # type: ignore[arg-type]
    assert bounds[0] - 1e-9 <= float(curvatures.min())
    assert float(curvatures.max()) <= bounds[1] * (1 + GRID_ERROR) + 1e-9


def test_potentials_without_an_input_ignore_it() -> None:
    x = torch.ones(5, 1, dtype=torch.float64)
    for cls in exported(undertow.dynamics, Potential):
        potential = moved(cls)
        tilted = potential.tilt(x)
        changed = not torch.equal(
            potential.energy(positions(5, DIM), x), potential.energy(positions(5, DIM))
        )
        assert changed == potential.reads_input == (cls in (InputDrivenPotential, ContextPotential))
        assert (tilted is not None) == (cls is InputDrivenPotential)


@FAMILY
def test_gradient_carries_gradients_to_the_parameters(cls: type[Potential]) -> None:
    potential = moved(cls)
    parameters = [p for p in potential.parameters() if p.requires_grad]
    if not parameters:
        return
    force = potential.gradient(positions(5, DIM), x=torch.ones(5, 1, dtype=torch.float64))
    grads = torch.autograd.grad(force.square().sum(), parameters)
    assert all(torch.isfinite(g).all() and g.abs().max() > 0 for g in grads)


def oscillators(factor: Any, dim: int, confinement: float = 0.05) -> CoupledOscillatorPotential:
    factor = torch.tensor(np.asarray(factor), dtype=torch.float64)
    groups, half = factor.shape
    potential = CoupledOscillatorPotential(dim, groups, 2 * half - 1, confinement).double()
    potential.factor.data = factor
    return potential


def dense_coupling(factor: np.ndarray, size: int, confinement: float) -> np.ndarray:
    """W / ‖W‖ of one group, from numpy's correlation and FFT."""
    kernel = np.correlate(factor, factor, "full")
    half = len(factor)
    kernel[half - 1] *= 1 + confinement
    spectrum = np.fft.fft(np.roll(np.pad(kernel, (0, 512 - len(kernel))), -(half - 1))).real
    weights = np.zeros((size, size))
    for lag in range(-(half - 1), half):
        weights += kernel[half - 1 + lag] * np.eye(size, k=lag)
    return weights / spectrum.max()


factors = st.lists(
    st.lists(st.floats(-3, 3), min_size=HALF_TAPS, max_size=HALF_TAPS).filter(
        lambda taps: max(map(abs, taps)) > 1e-3
    ),
    min_size=1,
    max_size=4,
)


@given(factors, st.integers(1, 16), st.floats(0.01, 1.0))
def test_any_factor_confines_and_stays_below_one(
    factor: Any, size: int, confinement: float
) -> None:
    potential = oscillators(factor, size * len(factor), confinement)
    coupling = potential.coupling().detach()
    eigenvalues = torch.linalg.eigvalsh(coupling)
    # the zero-padded autocorrelation alone is AAᵀ ≥ 0, so the centre tap added is the least
    # curvature
    least = potential.kernel()[:, 0].detach() * confinement / (1 + confinement)
    assert (eigenvalues.min(1).values >= least - 1e-12).all()
    assert (least > 0).all()
    assert eigenvalues.max() <= 1 + GRID_ERROR


@given(factors, st.integers(1, 16))
def test_coupling_is_the_dense_construction(factor: Any, size: int) -> None:
    coupling = oscillators(factor, size * len(factor)).coupling().detach().numpy()
    for block, taps in zip(coupling, factor, strict=True):
        assert np.allclose(block, dense_coupling(np.array(taps), size, 0.05), atol=1e-12)


def test_each_group_is_toeplitz_local_and_apart() -> None:
    potential = moved(CoupledOscillatorPotential)
    coupling, kernel = potential.coupling().detach(), potential.kernel().detach()
    size = DIM // 4
    assert coupling.shape == (4, size, size)
    for i in range(size):
        for j in range(size):
            assert torch.equal(coupling[:, i, j], kernel[:, abs(i - j)])
    whole = torch.block_diag(*potential.stiffness().detach())
    assert torch.equal(whole[:size, size:], torch.zeros(size, DIM - size, dtype=torch.float64))


def test_coupling_reaches_no_further_than_the_taps() -> None:
    coupling = oscillators([[1.0, 0.5, 0.2]], 9).coupling().detach()[0]
    distance = (torch.arange(9)[:, None] - torch.arange(9)).abs()
    assert (coupling[distance > 2] == 0).all()
    assert (coupling[distance <= 2] != 0).all()


def test_energy_is_the_quadratic_form() -> None:
    potential, z = moved(CoupledOscillatorPotential), positions(5, DIM)
    whole = torch.block_diag(*potential.coupling())
    assert torch.allclose(potential.energy(z), torch.einsum("ni,ij,nj->n", z, whole, z))
    assert torch.allclose(potential.gradient(z), 2 * z @ whole)


def test_kernel_gradient_equals_finite_differences() -> None:
    potential = oscillators([[1.0, -0.4, 0.3, 0.1], [0.2, 0.9, -0.5, 0.6]], 8)

    def kernel(factor: Tensor) -> Tensor:
        return torch.func.functional_call(potential, {"factor": factor}, positions(3, 8))

    potential.forward = potential.energy  # type: ignore[method-assign]
    assert torch.autograd.gradcheck(kernel, [potential.factor.detach().clone().requires_grad_()])


def test_double_well_has_its_wells_at_plus_and_minus_one() -> None:
    potential = DoubleWellPotential(2, height=3.0)
    z = torch.tensor([[1.0, -1.0], [-1.0, -1.0], [0.0, 0.0]])
    assert torch.allclose(potential.energy(z), torch.tensor([0.0, 0.0, 1.5]))
    assert torch.equal(potential.gradient(z), torch.zeros(3, 2))


def test_double_well_is_smooth_and_nowhere_more_curved_than_its_wells() -> None:
    potential = DoubleWellPotential(1, height=3.0)
    z = torch.linspace(-5, 5, 2001, dtype=torch.float64)[:, None]
    slope = potential.gradient(z)[:, 0]
    curvature = slope.diff() / z[:, 0].diff()
    assert curvature.max() <= 2 * 3.0 + 1e-9
    assert curvature.min() >= -3.0 - 1e-9
    assert curvature.diff().abs().max() < 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: CoupledOscillatorPotential(10),
            "10 positions do not divide into 4 oscillator groups",
        ),
        (lambda: CoupledOscillatorPotential(8, groups=0), "groups is 0"),
        (lambda: CoupledOscillatorPotential(8, taps=6), "taps is 6: .* odd"),
        (lambda: CoupledOscillatorPotential(8, taps=0), "taps is 0"),
        (
            lambda: CoupledOscillatorPotential(8, confinement=0.0),
            "confinement is 0.0: it must be above zero",
        ),
        (lambda: HarmonicPotential(8, curvature=-1.0), "curvature is -1.0: it must be above zero"),
        (lambda: DoubleWellPotential(8, height=0.0), "height is 0.0: it must be above zero"),
    ],
)
def test_wrong_settings_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()


@pytest.mark.parametrize("taps", [1, 3, 7, 9])
def test_any_odd_number_of_taps_starts_finite(taps: int) -> None:
    potential = CoupledOscillatorPotential(8, groups=2, taps=taps)
    assert torch.isfinite(potential.coupling()).all()
    assert torch.linalg.eigvalsh(potential.coupling()).min() > 0
