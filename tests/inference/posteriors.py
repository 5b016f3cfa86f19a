"""Dynamics of every kind of noise under posteriors of every kind, and the laws of their steps."""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from undertow.dynamics import (
    CoupledOscillators,
    Dynamics,
    HarmonicPotential,
    LinearSDE,
    NeuralSDE,
    SecondOrderOscillators,
    UnderdampedLangevin,
)
from undertow.inference import (
    ControlSteering,
    DriftSteering,
    Path,
    Steering,
    TimeGrid,
    solve,
)

DIM, TRIALS, BINS, INPUTS, CONTEXT = 4, 3, 9, 2, 5
SHARED = TimeGrid.over((torch.arange(BINS, dtype=torch.float64)[None] + 0.5) * 0.02)
OWN_TIMES = TimeGrid.over(
    0.01
    + torch.rand(TRIALS, BINS, generator=torch.Generator().manual_seed(0)).double().cumsum(1) / 20
)
GRIDS = pytest.mark.parametrize(
    "grid", [SHARED, OWN_TIMES], ids=["shared steps", "steps of each trial"]
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moved(module: nn.Module) -> nn.Module:
    """In float64, off its start, where controls are zero."""
    module.double()
    with torch.no_grad():
        for k, parameter in enumerate(module.parameters()):
            parameter += 0.2 * normal(*parameter.shape, seed=100 + k)
    return module


def build(name: str) -> tuple[Dynamics, Steering]:
    """Dynamics and a posterior of them."""
    made = {
        "diagonal noise": lambda: NeuralSDE(DIM, INPUTS, timescale_s=0.1),
        "noise of the state": lambda: NeuralSDE(DIM, INPUTS, diffusion="state", timescale_s=0.1),
        "correlated noise": lambda: LinearSDE(DIM, INPUTS, timescale_s=0.1),
        "splitting": lambda: CoupledOscillators(DIM, INPUTS, timescale_s=0.1),
        "noise in velocities": lambda: SecondOrderOscillators(DIM, INPUTS, timescale_s=0.1),
        "Langevin": lambda: UnderdampedLangevin(DIM, HarmonicPotential, timescale_s=0.1),
    }
    kind, _, network = name.partition(", ")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dynamics = moved(made[kind]())
        steering = moved(
            (DriftSteering if network == "drift" else ControlSteering)(dynamics, CONTEXT, 8)
        )
    assert isinstance(dynamics, Dynamics)
    assert isinstance(steering, Steering)
    return dynamics, steering


POSTERIORS = [
    "diagonal noise, control",
    "diagonal noise, drift",
    "noise of the state, control",
    "noise of the state, drift",
    "correlated noise, control",
    "correlated noise, drift",
    "splitting, control",
    "splitting, drift",
    "noise in velocities, control",
    "Langevin, control",
]
each_posterior = pytest.mark.parametrize("name", POSTERIORS)
SEEN = normal(TRIALS, BINS - 1, CONTEXT, seed=4)
X0 = normal(TRIALS, DIM, seed=2)


def inputs_of(dynamics: Dynamics) -> Tensor | None:
    return normal(TRIALS, BINS - 1, INPUTS, seed=3) if dynamics.input_dim else None


def noise_of(dynamics: Dynamics) -> Tensor:
    return normal(TRIALS, BINS - 1, dynamics.noise_dim, seed=1)


def input_at(dynamics: Dynamics, k: int) -> Tensor | None:
    inputs = inputs_of(dynamics)
    return None if inputs is None else inputs[:, k]


def step_size(dynamics: Dynamics, grid: TimeGrid, k: int) -> Tensor:
    """In internal time, (trials, 1)."""
    return grid.steps_s.expand(TRIALS, -1)[:, k : k + 1] / dynamics.timescale_s


def run(dynamics: Dynamics, steering: Steering | None, grid: TimeGrid, **options: object) -> Path:
    return solve(
        dynamics, X0, noise_of(dynamics), grid, inputs_of(dynamics), steering, SEEN, **options
    )  # type: ignore[arg-type]


def step_laws(
    dynamics: Dynamics, steering: Steering, grid: TimeGrid, states: Tensor, k: int
) -> tuple[MultivariateNormal, MultivariateNormal]:
    """Prior and posterior of the noisy coordinates after step k, given the state before."""
    x, u, h = states[:, k], input_at(dynamics, k), step_size(dynamics, grid, k)
    mean, std = dynamics.step(0.0, x, h, u)
    factor = (
        std if dynamics.correlated else torch.diag_embed(std.expand(TRIALS, dynamics.noise_dim))
    )
    prepared = steering.prepare(SEEN[:, k : k + 1], None if u is None else u[:, None])
    assert prepared is not None
    control = steering(x, prepared[:, 0], mean, std, h)
    free = mean[:, dynamics.noisy]
    pushed = free + (factor @ (h.sqrt() * control)[..., None])[..., 0]
    return MultivariateNormal(free, scale_tril=factor), MultivariateNormal(
        pushed, scale_tril=factor
    )
