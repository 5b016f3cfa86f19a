"""Finer steps: they change a path at the order of the discretisation, and its price not at all."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from tests.inference.posteriors import normal
from undertow.dynamics import (
    CoupledOscillatorPotential,
    CoupledOscillators,
    DoubleWellPotential,
    Dynamics,
    EulerLangevin,
    LinearSDE,
    NeuralSDE,
    OverdampedLangevin,
    SecondOrderOscillators,
    UnderdampedLangevin,
)
from undertow.inference import Path, TimeGrid, solve

DIM, PATHS, BINS, BIN_S, FINEST = 8, 400, 4, 0.1, 32
MADE: dict[str, Callable[[], Dynamics]] = {
    "Langevin, coupled oscillators": lambda: UnderdampedLangevin(
        DIM, CoupledOscillatorPotential, timescale_s=0.2
    ),
    "Langevin, double wells": lambda: UnderdampedLangevin(
        DIM, DoubleWellPotential, timescale_s=0.2
    ),
    "Langevin, published steps": lambda: EulerLangevin(DIM, timescale_s=0.2),
    "first-order Langevin": lambda: OverdampedLangevin(DIM, timescale_s=0.2),
    "oscillators": lambda: CoupledOscillators(DIM, timescale_s=0.2),
    "noise in velocities": lambda: SecondOrderOscillators(DIM, timescale_s=0.2),
    "neural": lambda: NeuralSDE(DIM, timescale_s=0.2),
    "linear, exact steps": lambda: LinearSDE(DIM, timescale_s=0.2),
}
EACH = pytest.mark.parametrize("make", MADE.values(), ids=MADE.keys())


def made(make: Callable[[], Dynamics]) -> Dynamics:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make().double()


@torch.no_grad()
def path(dynamics: Dynamics, steps_per_bin: int, control: Tensor | None = None) -> Path:
    """Driven by the same Brownian motion whatever the steps."""
    fine = normal(PATHS, BINS * FINEST, dynamics.noise_dim)
    joined = FINEST // steps_per_bin
    noise = fine.unflatten(1, (-1, joined)).sum(2) / joined**0.5
    x0 = normal(PATHS, DIM, seed=1)
    grid = TimeGrid.regular(BINS, BIN_S, steps_per_bin, x0)
    return solve(dynamics, x0, noise, grid, control=None if control is None else grid.held(control))


@EACH
def test_half_the_step_halves_the_distance_between_paths(make: Callable[[], Dynamics]) -> None:
    """Strong order 1, as for any noise that does not depend on the state."""
    dynamics = made(make)
    control = 0.5 * normal(PATHS, BINS, dynamics.noise_dim, seed=2)
    states = [path(dynamics, n, control).states for n in (2, 4, 8, 16, 32)]
    apart = [float((a - b).square().mean().sqrt()) for a, b in pairwise(states)]
    assert 1.7 < apart[1] / apart[2] < 2.6
    assert 1.8 < apart[2] / apart[3] < 2.4


@EACH
def test_a_control_held_over_a_bin_costs_the_same_in_any_steps(
    make: Callable[[], Dynamics],
) -> None:
    dynamics = made(make)
    control = normal(PATHS, BINS, dynamics.noise_dim, seed=2)
    coarse, fine = (path(dynamics, n, control) for n in (1, 16))
    assert coarse.kl_path.mean() > 0.1
    assert torch.allclose(coarse.kl_path, fine.kl_path, rtol=1e-12)


@torch.no_grad()
def test_cold_langevin_positions_in_wells_are_of_second_order() -> None:
    """Half the step, a quarter of the error, with the first velocity read half a kick early."""
    dynamics = UnderdampedLangevin(2, DoubleWellPotential, temperature=1e-18, timescale_s=1.0)
    dynamics.double()
    z0, ends = 0.3, []
    for n in (8, 16, 32, 64):
        early = 1 / n * dynamics.potential.gradient(torch.tensor([[z0]]).double()) / 2
        x0 = torch.cat([torch.full((1, 1), z0).double(), 0.4 + early], 1)
        grid = TimeGrid.regular(1, 1.0, n, x0)
        ends.append(float(solve(dynamics, x0, torch.zeros(1, n, 1).double(), grid).states[0, 1, 0]))
    apart = [abs(a - b) for a, b in pairwise(ends)]
    assert apart[0] / apart[1] == pytest.approx(4, abs=0.2)
    assert apart[1] / apart[2] == pytest.approx(4, abs=0.1)
