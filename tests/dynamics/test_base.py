"""The contract of `Dynamics`, over every exported dynamics and its variants."""

import copy

import pytest
import torch

from tests.dynamics.fixtures import rolled
from tests.dynamics.variants import (
    BINS,
    EVERY_DYNAMICS,
    FAMILY,
    STATE_DIM,
    TRIALS,
    VARIANTS,
    Make,
    build,
    covariance,
    double,
    normal,
    run,
    takes,
)
from undertow.dynamics import Dynamics
from undertow.errors import ModelError


@pytest.mark.parametrize("cls", FAMILY)
def test_constructs_from_the_state_dimension_alone(cls: type[Dynamics]) -> None:
    dynamics = cls(STATE_DIM)
    assert dynamics.state_dim == STATE_DIM
    assert 0 <= dynamics.noise_dim <= STATE_DIM
    dynamics.check_stable(0.02)


@EVERY_DYNAMICS
def test_shapes(make: Make) -> None:
    dynamics = double(make)
    x = normal(TRIALS, STATE_DIM)
    h = torch.tensor(0.1, dtype=torch.float64)
    mean, std = dynamics.step(0.0, x, h, normal(TRIALS, 1))
    assert mean.shape == x.shape
    spread = (TRIALS, *[dynamics.noise_dim] * (1 + dynamics.correlated))
    assert torch.broadcast_shapes(std.shape, spread) == spread
    path = run(dynamics)
    assert path.states.shape == (TRIALS, BINS + 1, STATE_DIM)
    assert path.mean.shape == (TRIALS, BINS, dynamics.noise_dim)
    expected = (*path.mean.shape, *[dynamics.noise_dim] * dynamics.correlated)
    assert torch.broadcast_shapes(path.std.shape, expected) == expected
    assert dynamics.timescale_s.shape == ()
    parts = list(dynamics.readout(path.states).values())
    assert {part.shape for part in parts} == {(TRIALS, BINS + 1, parts[0].shape[-1])}
    units = dynamics.units(path.states)
    assert units.shape == (TRIALS, BINS + 1, parts[0].shape[-1], len(parts))
    assert torch.equal(units[..., -1], parts[-1])


def test_the_first_state_is_the_initial_one_and_one_bin_is_enough() -> None:
    x0 = normal(TRIALS, STATE_DIM, seed=2)[:, None]
    wrong = [
        name
        for name, make in VARIANTS.items()
        if not torch.equal(run(double(make), bins=0).states, x0)
    ]
    assert not wrong


@EVERY_DYNAMICS
def test_same_noise_same_path_other_noise_another(make: Make) -> None:
    dynamics = double(make)
    assert torch.equal(run(dynamics).states, run(dynamics).states)
    assert torch.equal(run(dynamics).states, run(dynamics, seed=5).states) == (
        dynamics.noise_dim == 0
    )


@EVERY_DYNAMICS
def test_gradients_reach_every_learned_parameter_and_are_finite(make: Make) -> None:
    dynamics = double(make)
    path = run(dynamics)
    (path.states.square().sum() + path.mean.sum()).backward()
    for name, parameter in dynamics.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
            assert parameter.grad.abs().max() > 0, name


@EVERY_DYNAMICS
def test_saved_state_gives_the_same_path(make: Make) -> None:
    dynamics, other = double(make), build(make).double()
    other.load_state_dict(dynamics.state_dict())
    assert torch.equal(run(dynamics).states, run(other).states)


@EVERY_DYNAMICS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept(make: Make, dtype: torch.dtype) -> None:
    path = run(build(make).to(dtype))
    assert {path.states.dtype, path.mean.dtype, path.std.dtype} == {dtype}


LINEAR = {
    name: make
    for name, make in VARIANTS.items()
    if type(build(make)).linear_states is not Dynamics.linear_states
}


@pytest.mark.parametrize("make", LINEAR.values(), ids=LINEAR.keys())
@pytest.mark.parametrize("substeps", [1, 3])
@pytest.mark.parametrize("control", [False, True])
def test_linear_steps_taken_at_once_equal_those_one_by_one(
    make: Make, substeps: int, control: bool
) -> None:
    dynamics = double(make)
    mine, theirs = (
        run(dynamics, substeps=substeps, control=control, step_by_step=each)
        for each in (False, True)
    )
    for a, b in ((mine.states, theirs.states), (mine.mean, theirs.mean), (mine.std, theirs.std)):
        assert torch.allclose(a, b, rtol=0, atol=1e-12)


@EVERY_DYNAMICS
def test_device_is_kept(make: Make) -> None:
    # the meta device holds no numbers, so that a tensor made on another device by mistake is an
    # error
    dynamics = build(make).to("meta")
    x, u = torch.zeros(TRIALS, STATE_DIM, device="meta"), torch.zeros(TRIALS, 1, device="meta")
    mean, std = dynamics.step(0.0, x, torch.tensor(0.1, device="meta"), u)
    assert mean.device.type == std.device.type == "meta"
    assert dynamics.units(x).device.type == "meta"


@EVERY_DYNAMICS
def test_a_step_per_trial_is_the_step_of_each(make: Make) -> None:
    dynamics = double(make)
    x, u, h = (
        normal(TRIALS, STATE_DIM),
        normal(TRIALS, 1, seed=3),
        torch.tensor([[0.02], [0.05], [0.1]]).double(),
    )
    mean, std = dynamics.step(0.0, x, h, u)
    law = covariance(dynamics, std)
    for k in range(TRIALS):
        alone, alone_std = dynamics.step(0.0, x[k : k + 1], h[k, 0], u[k : k + 1])
        assert torch.allclose(alone[0], mean[k], rtol=1e-12, atol=1e-12)
        alone_law = covariance(dynamics, alone_std)
        one = law[k] if law.ndim > 2 else law
        assert torch.allclose(alone_law.reshape(one.shape), one, rtol=1e-9, atol=1e-15)


@EVERY_DYNAMICS
def test_it_is_remade_from_its_settings_and_copied_with_its_weights(make: Make) -> None:
    dynamics = double(make)
    remade, copied = dynamics.remade().double(), copy.deepcopy(dynamics)
    assert remade.settings == dynamics.settings
    remade.load_state_dict(dynamics.state_dict())
    assert torch.equal(run(remade).states, run(dynamics).states)
    assert torch.equal(run(copied).states, run(dynamics).states)


@pytest.mark.parametrize("cls", [cls for cls in FAMILY if takes(cls, "timescale_s")])
def test_a_timescale_is_kept_and_a_wrong_one_refused(cls: type[Dynamics]) -> None:
    assert float(cls(STATE_DIM, timescale_s=0.3).timescale_s) == pytest.approx(0.3)
    assert float(cls(STATE_DIM).remade(timescale_s=0.5).timescale_s) == pytest.approx(0.5)
    with pytest.raises(ModelError, match="timescale"):
        cls(STATE_DIM, timescale_s=0.0)


@pytest.mark.parametrize("cls", [cls for cls in FAMILY if takes(cls, "input_dim")])
def test_an_input_that_is_read_changes_the_path(cls: type[Dynamics]) -> None:
    dynamics = double(lambda: cls(STATE_DIM, input_dim=2))
    x, h, u = normal(TRIALS, STATE_DIM), torch.tensor(0.1).double(), normal(TRIALS, 2, seed=4)
    moved = dynamics.step(0.0, x, h, u)[0] - dynamics.step(0.0, x, h, -u)[0]
    assert moved.abs().max() > 1e-4


def test_no_step_is_longer_than_the_longest_allowed() -> None:
    """Of every longest step and every way to count the steps, one dynamics."""
    ways = {(cls.max_step, cls.steps_per_bin): cls for cls in FAMILY}
    for dynamics in (cls(STATE_DIM) for cls in ways.values()):
        for bin_s in (0.001, 0.02, 0.05, 0.2, 3.0):
            bin_in_time = bin_s / float(dynamics.timescale_s.detach())
            steps = dynamics.steps_per_bin(bin_s)
            assert bin_in_time / steps <= dynamics.max_step * (1 + 1e-5)
            assert steps == 1 or bin_in_time / (steps - 1) > dynamics.max_step


@EVERY_DYNAMICS
def test_a_push_costs_what_girsanov_says(make: Make) -> None:
    """A step under control c moves the mean by std √h c: KL to the step without it is ½ h |c|²."""
    dynamics = double(make)
    noise, x0 = normal(TRIALS, 1, 1, dynamics.noise_dim), normal(TRIALS, STATE_DIM, seed=2)
    push = normal(TRIALS, 1, dynamics.noise_dim, seed=1)
    inputs = normal(TRIALS, 1, 1, seed=3)
    free = rolled(dynamics, x0, noise, 0.02, inputs=inputs)
    pushed = rolled(dynamics, x0, noise, 0.02, push, inputs)
    moved = (pushed.mean - free.mean)[:, 0]
    std = free.std.expand(*free.mean.shape, *[dynamics.noise_dim] * dynamics.correlated)[:, 0]
    precision = torch.linalg.inv(covariance(dynamics, std))
    kl = 0.5 * torch.einsum("ti,tij,tj->t", moved, precision, moved)
    assert torch.allclose(
        kl, 0.5 * 0.02 / dynamics.timescale_s * push.square().sum((1, 2)), rtol=1e-9
    )
    assert torch.allclose(pushed.kl_path.sum(1), kl, rtol=1e-9)


@EVERY_DYNAMICS
def test_the_noisy_coordinates_after_a_step_set_all_others(make: Make) -> None:
    """So that noise and control enter through them alone: moving the law of a step moves no other
    coordinate beyond what the noisy ones say."""
    dynamics = double(make)
    h, mean = torch.tensor(0.3).double(), normal(TRIALS, STATE_DIM)
    by = normal(TRIALS, dynamics.noise_dim, seed=1)
    moved = dynamics.displaced(mean, by, h)
    assert torch.allclose(moved[:, dynamics.noisy], mean[:, dynamics.noisy] + by, atol=1e-12)
    assert torch.equal(dynamics.displaced(mean, torch.zeros_like(by), h), mean)
    if type(dynamics).displaced is Dynamics.displaced:
        still = torch.ones(STATE_DIM, dtype=torch.bool)
        still[dynamics.noisy] = False
        assert torch.equal(moved[:, still], mean[:, still])


@pytest.mark.parametrize("cls", FAMILY)
def test_noise_of_the_wrong_width_is_refused(cls: type[Dynamics]) -> None:
    dynamics = cls(STATE_DIM)
    noise = torch.zeros(TRIALS, BINS, 1, dynamics.noise_dim + 1)
    with pytest.raises(
        ModelError, match=rf"noise has shape .*must be \(trials, {BINS}, {dynamics.noise_dim}\)"
    ):
        rolled(dynamics, torch.zeros(TRIALS, STATE_DIM), noise, 0.02)
