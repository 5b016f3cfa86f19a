"""Controls: what they read, where they start, and what cannot be steered."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from undertow.dynamics import (
    GRU,
    LDS,
    SDE,
    CoupledOscillators,
    Dynamics,
    HarmonicPotential,
    LinearSDE,
    NeuralSDE,
    UnderdampedLangevin,
)
from undertow.errors import ModelError
from undertow.inference import ControlSteering, DriftSteering, Steering, TimeGrid, solve

DIM, TRIALS, STEPS, INPUTS, CONTEXT = 4, 3, 6, 2, 5
H = torch.tensor(0.2, dtype=torch.float64)
GRID = TimeGrid.over(0.02 * torch.arange(STEPS + 1, dtype=torch.float64)[None])


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def build(kind: type[Steering], dynamics: Dynamics, moved: bool = True) -> Steering:
    steering = kind(dynamics, CONTEXT, 7).double()  # type: ignore[call-arg]
    with torch.no_grad():
        for k, parameter in enumerate(steering.parameters() if moved else ()):
            parameter += 0.3 * normal(*parameter.shape, seed=k)
    return steering


def build_sde(input_dim: int = INPUTS, cls: type[SDE] = NeuralSDE) -> SDE:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return cls(DIM, input_dim, timescale_s=0.1).double()  # type: ignore[call-arg]


def langevin() -> UnderdampedLangevin:
    return UnderdampedLangevin(DIM, HarmonicPotential)


def network_at(steering: Steering, x: Tensor, u: Tensor | None, context: Tensor) -> Tensor:
    """Two hidden tanh layers over [x, u, c], from the weights."""
    net = steering.network
    given = torch.cat([context] if u is None else [context, u], -1)
    weight = torch.cat([net.state.weight, net.given.weight], 1)
    first = torch.tanh(torch.cat([x, given], -1) @ weight.t() + net.given.bias)
    second = torch.tanh(first @ net.hidden.weight.t() + net.hidden.bias)
    return second @ net.out.weight.t() + net.out.bias


@pytest.mark.parametrize("input_dim", [0, INPUTS])
@pytest.mark.parametrize("kind", [ControlSteering, DriftSteering])
def test_the_network_reads_state_input_and_context(kind: type[Steering], input_dim: int) -> None:
    dynamics = build_sde(input_dim)
    steering = build(kind, dynamics)
    x, context = normal(TRIALS, DIM), normal(TRIALS, STEPS, CONTEXT, seed=8)
    inputs = normal(TRIALS, STEPS, input_dim, seed=9) if input_dim else None
    prepared = steering.prepare(context, inputs)
    assert prepared is not None
    for k in range(STEPS):
        u = None if inputs is None else inputs[:, k]
        expected = network_at(steering, x, u, context[:, k])
        if kind is DriftSteering:
            expected = (expected - dynamics.drift(0.0, x, u)) / dynamics.diffusion(0.0, x, u)
        control = steering(x, prepared[:, k], *dynamics.step(0.0, x, H, u), H)
        assert torch.allclose(control, expected, rtol=0, atol=1e-10)


def test_a_control_starts_as_the_prior() -> None:
    dynamics = build_sde()
    steering = build(ControlSteering, dynamics, moved=False)
    noise, inputs = normal(TRIALS, STEPS, DIM), normal(TRIALS, STEPS, INPUTS, seed=1)
    free = solve(dynamics, normal(TRIALS, DIM, seed=2), noise, GRID, inputs)
    context = normal(TRIALS, STEPS, CONTEXT, seed=3)
    steered = solve(dynamics, normal(TRIALS, DIM, seed=2), noise, GRID, inputs, steering, context)
    assert torch.equal(free.states, steered.states)
    assert not steered.kl_path.any()


@pytest.mark.parametrize("cls", [NeuralSDE, LinearSDE, CoupledOscillators])
def test_a_drift_of_its_own_replaces_the_priors_whatever_its_steps(cls: type[SDE]) -> None:
    """The posterior's steps are Euler steps of its drift, with the noise of the prior's steps."""
    dynamics = build_sde(cls=cls)
    steering = build(DriftSteering, dynamics)
    noise, inputs = normal(TRIALS, STEPS, DIM), normal(TRIALS, STEPS, INPUTS, seed=1)
    context, x = normal(TRIALS, STEPS, CONTEXT, seed=3), normal(TRIALS, DIM, seed=2)
    path = solve(dynamics, x, noise, GRID, inputs, steering, context)
    h = 0.02 / dynamics.timescale_s
    for k in range(STEPS):
        drift = network_at(steering, x, inputs[:, k], context[:, k])
        kick = dynamics.spread(dynamics.step(0.0, x, h, inputs[:, k])[1], noise[:, k])
        x = x + h * drift + kick
        assert torch.allclose(path.states[:, k + 1], x, rtol=0, atol=1e-10)


def noise_free(cls: type[Dynamics]) -> Dynamics:
    return cls(DIM) if cls is GRU else cls(DIM, noise=False)  # type: ignore[call-arg]


@pytest.mark.parametrize("cls", [GRU, NeuralSDE, LinearSDE, LDS])
def test_dynamics_without_noise_cannot_be_controlled(cls: type[Dynamics]) -> None:
    dynamics, name = noise_free(cls), cls.__name__
    with pytest.raises(
        ModelError, match=f"{name} has no noise: .*infinite divergence.*'initial-state'"
    ):
        ControlSteering(dynamics, CONTEXT)


@pytest.mark.parametrize(
    "make",
    [lambda: langevin(), lambda: LDS(DIM), lambda: noise_free(GRU), lambda: noise_free(NeuralSDE)],
)
def test_a_drift_needs_an_sde_with_noise_everywhere(make: Callable[[], Dynamics]) -> None:
    dynamics = make()
    name = type(dynamics).__name__
    with pytest.raises(
        ModelError, match=f"noise in every coordinate of an SDE, which {name} has not.*infinite"
    ):
        DriftSteering(dynamics, CONTEXT)


def test_velocities_alone_are_controlled_where_noise_enters_them_alone() -> None:
    dynamics = langevin().double()
    steering = build(ControlSteering, dynamics)
    prepared = steering.prepare(normal(TRIALS, 1, CONTEXT), None)
    assert prepared is not None
    x = normal(TRIALS, DIM)
    control = steering(x, prepared[:, 0], *dynamics.step(0.0, x, H), H)
    assert control.shape == (TRIALS, DIM // 2)
