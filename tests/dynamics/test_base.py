"""The contract of `Dynamics`, over every exported dynamics and Langevin dynamics in every exported potential."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import undertow.dynamics
from tests.families import exported
from undertow.dynamics import (
    Dynamics,
    EulerLangevin,
    OverdampedLangevin,
    Path,
    Potential,
    UnderdampedLangevin,
)
from undertow.errors import ModelError

STATE_DIM, TRIALS, BINS = 16, 3, 5
FAMILY = exported(undertow.dynamics, Dynamics)
POTENTIALS = exported(undertow.dynamics, Potential)
LEARN_ALL = ("mass", "gamma", "temperature", "timescale")


def in_potential(potential: type) -> Callable[[], Dynamics]:
    return lambda: UnderdampedLangevin(STATE_DIM, potential, mass=1.3, learn=LEARN_ALL)


def euler() -> Dynamics:
    return EulerLangevin(STATE_DIM, mass=1.3, hamiltonian_step=0.4, learn=LEARN_ALL)


def overdamped() -> Dynamics:
    return OverdampedLangevin(STATE_DIM, learn=("temperature", "timescale"))


VARIANTS = {cls.__name__: (lambda cls=cls: cls(STATE_DIM)) for cls in FAMILY}
VARIANTS |= {f"Langevin in {p.__name__}": in_potential(p) for p in POTENTIALS}
VARIANTS |= {"EulerLangevin, all learned": euler, "OverdampedLangevin, all learned": overdamped}
MAKERS = pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS.keys())


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def double(make: Callable[[], Dynamics]) -> Dynamics:
    """In float64, with every learned parameter moved a little off its start."""
    dynamics = make().double()
    with torch.no_grad():
        for k, parameter in enumerate(dynamics.parameters()):
            parameter += 0.05 * normal(*parameter.shape, seed=100 + k)
    return dynamics


def run(dynamics: Dynamics, bins: int = BINS, substeps: int = 2, seed: int = 0, control: bool = True) -> Path:
    noise = normal(TRIALS, bins, substeps, dynamics.noise_dim, seed=seed)
    push = normal(TRIALS, bins, dynamics.noise_dim, seed=1) if control else None
    dtype = next(dynamics.parameters()).dtype
    x0 = normal(TRIALS, STATE_DIM, seed=2).to(dtype)
    inputs = normal(TRIALS, bins, 1, seed=3).to(dtype)
    return dynamics.rollout(x0, noise.to(dtype), 0.02, None if push is None else push.to(dtype), inputs)


@pytest.mark.parametrize("cls", FAMILY)
def test_constructs_from_the_state_dimension_alone(cls: type[Dynamics]) -> None:
    dynamics = cls(STATE_DIM)
    assert dynamics.state_dim == STATE_DIM
    assert 1 <= dynamics.noise_dim <= STATE_DIM
    dynamics.check_stable(0.02)


@MAKERS
def test_shapes(make: Callable[[], Dynamics]) -> None:
    dynamics = double(make)
    x = normal(TRIALS, STATE_DIM)
    h = torch.tensor(0.1, dtype=torch.float64)
    mean, std = dynamics.step(0.0, x, h)
    assert mean.shape == dynamics.drift(0.0, x).shape == dynamics.diffusion(0.0, x).shape == x.shape
    assert torch.broadcast_shapes(std.shape, (TRIALS, dynamics.noise_dim)) == (TRIALS, dynamics.noise_dim)
    path = run(dynamics)
    assert path.states.shape == (TRIALS, BINS + 1, STATE_DIM)
    assert path.mean.shape == (TRIALS, BINS, dynamics.noise_dim)
    assert torch.broadcast_shapes(path.std.shape, path.mean.shape) == path.mean.shape
    assert dynamics.timescale_s.shape == ()
    for part in dynamics.readout(path.states).values():
        assert part.shape[:2] == (TRIALS, BINS + 1)


@MAKERS
def test_the_first_state_is_the_initial_one_and_one_bin_is_enough(make: Callable[[], Dynamics]) -> None:
    path = run(double(make), bins=0)
    assert torch.equal(path.states, normal(TRIALS, STATE_DIM, seed=2)[:, None])


@MAKERS
def test_same_noise_same_path_other_noise_another(make: Callable[[], Dynamics]) -> None:
    dynamics = double(make)
    assert torch.equal(run(dynamics).states, run(dynamics).states)
    assert not torch.equal(run(dynamics).states, run(dynamics, seed=5).states)


@MAKERS
def test_gradients_reach_every_learned_parameter_and_are_finite(make: Callable[[], Dynamics]) -> None:
    dynamics = double(make)
    path = run(dynamics)
    (path.states.square().sum() + path.mean.sum()).backward()
    for name, parameter in dynamics.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
            assert parameter.grad.abs().max() > 0, name


@MAKERS
def test_saved_state_gives_the_same_path(make: Callable[[], Dynamics]) -> None:
    dynamics, other = double(make), make().double()
    other.load_state_dict(dynamics.state_dict())
    assert torch.equal(run(dynamics).states, run(other).states)


@MAKERS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept(make: Callable[[], Dynamics], dtype: torch.dtype) -> None:
    path = run(make().to(dtype))
    assert {path.states.dtype, path.mean.dtype, path.std.dtype} == {dtype}


@MAKERS
def test_device_is_kept(make: Callable[[], Dynamics]) -> None:
    # the meta device holds no numbers, so that a tensor made on another device by mistake is an error
    dynamics = double(make)
    x = normal(TRIALS, STATE_DIM)
    drift, diffusion = dynamics.drift(0.0, x), dynamics.diffusion(0.0, x)
    meta = dynamics.to("meta")
    assert meta.drift(0.0, x.to("meta")).shape == drift.shape
    assert meta.diffusion(0.0, x.to("meta")).shape == diffusion.shape
    assert meta.step(0.0, x.to("meta"), torch.tensor(0.1, device="meta"))[0].device.type == "meta"


@MAKERS
def test_only_noisy_coordinates_diffuse(make: Callable[[], Dynamics]) -> None:
    dynamics = double(make)
    diffusion = dynamics.diffusion(0.0, normal(TRIALS, STATE_DIM))
    noisy = torch.zeros(STATE_DIM, dtype=torch.bool)
    noisy[dynamics.noisy] = True
    assert int(noisy.sum()) == dynamics.noise_dim
    assert (diffusion[:, noisy] > 0).all()
    assert (diffusion[:, ~noisy] == 0).all()


@MAKERS
@pytest.mark.parametrize("substeps", [1, 3])
@pytest.mark.parametrize("control", [False, True])
def test_any_rollout_of_its_own_equals_the_plain_one(
    make: Callable[[], Dynamics], substeps: int, control: bool
) -> None:
    dynamics = double(make)
    own = run(dynamics, substeps=substeps, control=control)
    noise = normal(TRIALS, BINS, substeps, dynamics.noise_dim)
    push = normal(TRIALS, BINS, dynamics.noise_dim, seed=1) if control else None
    inputs = normal(TRIALS, BINS, 1, seed=3)
    plain = Dynamics.rollout(dynamics, normal(TRIALS, STATE_DIM, seed=2), noise, 0.02, push, inputs)
    for mine, theirs in ((own.states, plain.states), (own.mean, plain.mean), (own.std, plain.std)):
        assert (mine - theirs).abs().max() < 1e-12


@MAKERS
def test_a_path_is_the_mean_plus_the_noise(make: Callable[[], Dynamics]) -> None:
    dynamics = double(make)
    path = run(dynamics)
    last = normal(TRIALS, BINS, 2, dynamics.noise_dim)[:, :, -1]
    expected = path.mean + path.std * last
    assert (path.states[:, 1:, dynamics.noisy] - expected).abs().max() < 1e-12


@MAKERS
def test_step_follows_drift_and_diffusion_as_it_shrinks(make: Callable[[], Dynamics]) -> None:
    """Mean − (x + h drift) is O(h²) and std² − h diffusion² is O(h²): a quarter at half the step."""
    dynamics = double(make)
    x = normal(TRIALS, STATE_DIM)

    @torch.no_grad()
    def errors(h: float) -> tuple[float, float]:
        mean, std = dynamics.step(0.0, x, torch.tensor(h, dtype=torch.float64))
        diffusion = dynamics.diffusion(0.0, x)[:, dynamics.noisy]
        drift_error = (mean - x - h * dynamics.drift(0.0, x)).abs().max()
        return float(drift_error), float((std.square() - h * diffusion.square()).abs().max())

    for coarse, fine in zip(errors(1e-3), errors(5e-4), strict=True):
        assert fine == pytest.approx(coarse / 4, rel=0.01) or coarse < 1e-14


@MAKERS
def test_bin_width_changes_the_steps_not_the_model(make: Callable[[], Dynamics]) -> None:
    """Four bins of 5 ms are two bins of 10 ms in two steps each."""
    dynamics = double(make)
    x0, noise = normal(TRIALS, STATE_DIM), normal(TRIALS, 4, 1, dynamics.noise_dim, seed=1)
    fine = dynamics.rollout(x0, noise, 0.005)
    coarse = dynamics.rollout(x0, noise.reshape(TRIALS, 2, 2, -1), 0.01)
    assert (fine.states[:, ::2] - coarse.states).abs().max() < 1e-12


@MAKERS
@pytest.mark.parametrize("bin_s", [0.001, 0.02, 0.05, 0.2])
def test_no_step_is_longer_than_the_longest_allowed(make: Callable[[], Dynamics], bin_s: float) -> None:
    dynamics = make()
    bin_in_time = bin_s / float(dynamics.timescale_s.detach())
    steps = dynamics.steps_per_bin(bin_s)
    assert bin_in_time / steps <= dynamics.max_step * (1 + 1e-5)
    assert steps == 1 or bin_in_time / (steps - 1) > dynamics.max_step


@MAKERS
def test_a_push_costs_what_girsanov_says(make: Callable[[], Dynamics]) -> None:
    """A step under control c moves the mean by std √h c: KL to the step without it is ½ h |c|²."""
    dynamics = double(make)
    noise, x0 = normal(TRIALS, 1, 1, dynamics.noise_dim), normal(TRIALS, STATE_DIM, seed=2)
    push = normal(TRIALS, 1, dynamics.noise_dim, seed=1)
    free, pushed = dynamics.rollout(x0, noise, 0.02), dynamics.rollout(x0, noise, 0.02, push)
    kl = 0.5 * ((pushed.mean - free.mean) / free.std).square()
    assert torch.allclose(kl, 0.5 * 0.02 / dynamics.timescale_s * push.square(), rtol=1e-9)
    still = torch.ones(STATE_DIM, dtype=torch.bool)
    still[dynamics.noisy] = False
    assert torch.equal(free.states[..., still], pushed.states[..., still])


@pytest.mark.parametrize("cls", FAMILY)
def test_noise_of_the_wrong_width_is_refused(cls: type[Dynamics]) -> None:
    dynamics = cls(STATE_DIM)
    noise = torch.zeros(TRIALS, BINS, 1, dynamics.noise_dim + 1)
    with pytest.raises(ModelError, match=f"noise has {dynamics.noise_dim + 1} coordinates"):
        dynamics.rollout(torch.zeros(TRIALS, STATE_DIM), noise, 0.02)
