"""Every exported dynamics in the variants that the contract tests run, and what they share."""

import inspect
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import undertow.dynamics
from tests.dynamics.fixtures import rolled
from tests.families import exported
from undertow.dynamics import (
    SDE,
    CoupledOscillators,
    DiscreteDynamics,
    Dynamics,
    EulerLangevin,
    IntegratedSDE,
    NeuralSDE,
    OverdampedLangevin,
    Potential,
    SplitSDE,
    SwitchingGP,
    UnderdampedLangevin,
    VanDerPol,
    from_function,
)
from undertow.inference import Path

STATE_DIM, TRIALS, BINS = 16, 3, 5
FAMILY = exported(undertow.dynamics, Dynamics)
POTENTIALS = exported(undertow.dynamics, Potential)
LEARN_ALL = ("mass", "gamma", "temperature", "timescale")
Make = Callable[[], Dynamics]


def in_potential(potential: type) -> Make:
    return lambda: UnderdampedLangevin(STATE_DIM, potential, mass=1.3, learn=LEARN_ALL)


def takes(cls: type, name: str) -> bool:
    return issubclass(cls, IntegratedSDE) or name in inspect.signature(cls).parameters


def of(cls: type[Dynamics], **settings: object) -> tuple[str, Make]:
    """A variant and its name."""
    name = ", ".join([cls.__name__, *(f"{k}={v}" for k, v in settings.items())])
    return name, lambda: cls(STATE_DIM, **settings)


def pulled(x: Tensor, u: Tensor | None, centre: Tensor, gain: Tensor) -> Tensor:
    return gain.exp() * (centre - x) + (0.0 if u is None else u)


def fanned(x: Tensor, u: Tensor | None, gain: Tensor) -> Tensor:
    return (0.3 * gain.exp() * (1 + x.square())).sqrt()


def own(diffusion: object = "constant") -> Dynamics:
    return from_function(
        pulled,
        STATE_DIM,
        1,
        diffusion,
        {"centre": torch.zeros(STATE_DIM), "gain": 0.5},
        learn_timescale=True,
    )


VARIANTS: dict[str, Make] = dict(of(cls) for cls in FAMILY)
VARIANTS |= dict(of(cls, noise=False) for cls in FAMILY if takes(cls, "noise"))
VARIANTS |= dict(of(cls, input_dim=1) for cls in FAMILY if takes(cls, "input_dim"))
VARIANTS |= dict(of(cls, learn_timescale=True) for cls in FAMILY if takes(cls, "learn_timescale"))
VARIANTS |= dict(
    of(cls, integrator="euler", diffusion="state") for cls in FAMILY if issubclass(cls, SplitSDE)
)
VARIANTS |= dict(
    of(NeuralSDE, integrator=i, diffusion="input", input_dim=1) for i in ("heun", "rk4")
)
VARIANTS |= dict(
    of(cls, coupling_network=3, input_dim=1)
    for cls in FAMILY
    if "coupling_network" in inspect.signature(cls).parameters
)
VARIANTS |= dict([of(CoupledOscillators, still=0.25)])
VARIANTS |= dict(
    of(cls, integrator="euler", diffusion=kind, input_dim=1)
    for cls in (CoupledOscillators, NeuralSDE, VanDerPol)
    for kind in ("network", "full")
)
VARIANTS |= dict([of(CoupledOscillators, diffusion="full")])
VARIANTS |= dict(
    of(CoupledOscillators, coupling=c, input_dim=1) for c in ("none", "scalar", "diffusive")
)
VARIANTS |= dict(
    [of(CoupledOscillators, form="bistable", drive=True, input_dim=1, diffusion="state")]
)
VARIANTS |= dict([of(SwitchingGP, inducing=60, input_dim=1), of(SwitchingGP, gate="quadratic")])
VARIANTS |= {f"Langevin in {p.__name__}": in_potential(p) for p in POTENTIALS}
VARIANTS |= {
    "EulerLangevin, all learned": lambda: EulerLangevin(
        STATE_DIM, mass=1.3, hamiltonian_step=0.4, learn=LEARN_ALL
    ),
    "OverdampedLangevin, all learned": lambda: OverdampedLangevin(
        STATE_DIM, learn=("temperature", "timescale")
    ),
    "from_function": own,
    "from_function, own diffusion": lambda: own(fanned),
}


def build(make: Make) -> Dynamics:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


SDES = {name: make for name, make in VARIANTS.items() if isinstance(build(make), SDE)}
EVERY_DYNAMICS = pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS.keys())
EVERY_SDE = pytest.mark.parametrize("make", SDES.values(), ids=SDES.keys())


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def double(make: Make) -> Dynamics:
    """In float64, with every parameter moved a little off its start."""
    dynamics = build(make).double()
    with torch.no_grad():
        for k, parameter in enumerate(dynamics.parameters()):
            parameter += 0.05 * normal(*parameter.shape, seed=100 + k)
    return dynamics


def steps_in_a_bin(dynamics: Dynamics, wanted: int = 2) -> int:
    return 1 if isinstance(dynamics, DiscreteDynamics) else wanted


def run(
    dynamics: Dynamics,
    bins: int = BINS,
    substeps: int | None = None,
    seed: int = 0,
    control: bool = True,
    step_by_step: bool = False,
) -> Path:
    """A path from fixed random numbers under a control and an input."""
    noise = normal(
        TRIALS, bins, substeps or steps_in_a_bin(dynamics), dynamics.noise_dim, seed=seed
    )
    push = normal(TRIALS, bins, dynamics.noise_dim, seed=1) if control else None
    dtype = next(dynamics.parameters()).dtype
    x0 = normal(TRIALS, STATE_DIM, seed=2).to(dtype)
    inputs = normal(TRIALS, bins, 1, seed=3).to(dtype)
    push = None if push is None else push.to(dtype)
    return rolled(dynamics, x0, noise.to(dtype), 0.02, push, inputs, step_by_step)


def covariance(dynamics: Dynamics, std: Tensor) -> Tensor:
    """Of the noisy coordinates after a step, (…, noise_dim, noise_dim), from what `step` gives
    beside the mean."""
    return std @ std.transpose(-1, -2) if dynamics.correlated else torch.diag_embed(std.square())
