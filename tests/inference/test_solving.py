"""Paths under control, against the chain of Gaussian steps they are."""

import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from tests.inference.posteriors import (
    BINS,
    DIM,
    GRIDS,
    OWN_TIMES,
    POSTERIORS,
    SEEN,
    SHARED,
    TRIALS,
    X0,
    build,
    each_posterior,
    input_at,
    inputs_of,
    noise_of,
    normal,
    run,
    step_laws,
    step_size,
)
from undertow.dynamics import (
    Dynamics,
)
from undertow.errors import ModelError
from undertow.inference import (
    Path,
    Steering,
    TimeGrid,
    draw_noise,
    solve,
)


@each_posterior
@GRIDS
def test_ratio_and_divergence_are_those_of_the_steps(name: str, grid: TimeGrid) -> None:
    dynamics, steering = build(name)
    with torch.no_grad():
        path = run(dynamics, steering, grid)
        log_ratio, kl = torch.zeros(TRIALS).double(), torch.zeros(TRIALS).double()
        for k in range(BINS - 1):
            prior, posterior = step_laws(dynamics, steering, grid, path.states, k)
            after = path.states[:, k + 1, dynamics.noisy]
            log_ratio += prior.log_prob(after) - posterior.log_prob(after)
            kl += kl_divergence(posterior, prior)
    assert path.kl_path.shape == (TRIALS, dynamics.noise_dim)
    assert kl.min() > 1e-3
    assert torch.allclose(path.kl_path.sum(1), kl, rtol=1e-10, atol=1e-10)
    assert torch.allclose(path.log_ratio, log_ratio, rtol=1e-10, atol=1e-10)


@GRIDS
def test_without_control_a_path_is_the_priors_and_costs_nothing(grid: TimeGrid) -> None:
    dynamics, _ = build("correlated noise, control")
    path = run(dynamics, None, grid)
    x, states = X0, [X0]
    for k in range(BINS - 1):
        mean, factor = dynamics.step(0.0, x, step_size(dynamics, grid, k), input_at(dynamics, k))
        x = mean + (factor @ noise_of(dynamics)[:, k, :, None])[..., 0]
        states.append(x)
    assert torch.allclose(path.states, torch.stack(states, 1), rtol=0, atol=1e-12)
    assert not path.kl_path.any()
    assert not path.log_ratio.any()


def test_a_control_known_beforehand_is_priced_as_one_read_from_the_state() -> None:
    """At the same Δ: the same path, divergence and ratio, whatever gives Δ."""
    for name in POSTERIORS:
        dynamics, _ = build(name)
        control = normal(TRIALS, BINS - 1, dynamics.noise_dim, seed=5)
        inside = SHARED.inside(torch.tensor([1, 5, BINS]))
        for grid in (SHARED, OWN_TIMES, TimeGrid.regular(BINS - 1, 0.02, 1, X0)):
            given = (dynamics, X0, noise_of(dynamics), grid, inputs_of(dynamics))
            with torch.no_grad():
                ahead = solve(*given, control=control, inside=inside)
                read = solve(*given, Given(), control, inside=inside)
            assert torch.allclose(ahead.states, read.states, rtol=0, atol=1e-10), name
            assert torch.allclose(ahead.kl_path, read.kl_path, rtol=1e-12), name
            assert torch.allclose(ahead.log_ratio, read.log_ratio, rtol=1e-10), name


class Given(Steering):
    """Hands over its context as the control."""

    def prepare(self, context: Tensor | None, inputs: Tensor | None) -> Tensor | None:
        return context

    def forward(
        self, x: Tensor, prepared: Tensor | None, mean: Tensor, std: Tensor, h: Tensor
    ) -> Tensor:
        assert prepared is not None
        return prepared


def test_steering_beside_a_control_is_refused() -> None:
    dynamics, steering = build("splitting, control")
    with pytest.raises(ModelError, match="steering or a control"):
        run(dynamics, steering, SHARED, control=noise_of(dynamics))


@pytest.mark.parametrize("name", ["splitting, control", "correlated noise, control"])
@pytest.mark.parametrize("checkpointed", [False, True])
def test_laws_are_those_of_the_last_step_into_each_observation(
    name: str, checkpointed: bool
) -> None:
    dynamics, steering = build(name)
    times_s = torch.arange(3, dtype=torch.float64)[None] * 0.04
    grid = TimeGrid.over(times_s, 0.25)
    path = solve(
        dynamics,
        X0,
        noise_of(dynamics),
        grid,
        inputs_of(dynamics),
        steering,
        SEEN,
        laws=True,
        checkpointed=checkpointed,
    )
    every = TimeGrid(grid.starts_s, grid.steps_s, *[torch.arange(BINS)] * 2, None)
    states = run(dynamics, steering, every).states
    assert path.mean is not None
    assert path.std is not None
    for observation, k in ((1, 3), (2, 7)):
        _, posterior = step_laws(dynamics, steering, every, states, k)
        mean, std = path.mean[:, observation - 1], path.std[:, observation - 1]
        factor = std if dynamics.correlated else torch.diag_embed(std)
        assert torch.allclose(mean, posterior.mean, atol=1e-12)
        assert torch.allclose(factor, posterior.scale_tril, atol=1e-12)


def test_laws_between_steps_are_refused() -> None:
    dynamics, _ = build("splitting, control")
    grid = TimeGrid.over(torch.arange(2 * BINS - 1, dtype=torch.float64)[None] * 0.02, 2)
    with pytest.raises(ModelError, match="laws=True needs a step that ends at every observation"):
        run(dynamics, None, grid, laws=True)


def test_noise_is_drawn_step_by_step() -> None:
    """A longer window begins with the same noise; steps of a bin are drawn in one call."""
    for at_once in (1, 3):
        short, long = (
            draw_noise(steps, 5, 7, X0, torch.Generator().manual_seed(0), at_once)
            for steps in (6, 12)
        )
        assert torch.equal(short, long[:, :6])
        first = torch.empty(at_once, 5, 7).double().normal_(generator=torch.manual_seed(0))
        assert torch.equal(short[:, :at_once], first.transpose(0, 1))


@each_posterior
@GRIDS
def test_steps_outside_are_not_controlled_and_cost_nothing(name: str, grid: TimeGrid) -> None:
    """A trial that ends early is priced as if it were that short, and goes on as the prior does."""
    dynamics, steering = build(name)
    lengths = torch.tensor([1, 5, BINS])
    with torch.no_grad():
        cut = run(dynamics, steering, grid, inside=grid.inside(lengths))
        for trial, length in enumerate(lengths.tolist()):
            begin, end = slice(0, length - 1), slice(length - 1, None)
            alone = part(dynamics, steering, grid, X0, trial, begin)
            assert torch.allclose(alone.states[0], cut.states[trial, :length], rtol=0, atol=1e-12)
            assert torch.allclose(alone.kl_path[0], cut.kl_path[trial], rtol=1e-9, atol=1e-12)
            assert torch.allclose(alone.log_ratio[0], cut.log_ratio[trial], rtol=1e-9, atol=1e-12)
            after = part(dynamics, None, grid, cut.states[:, length - 1], trial, end)
            assert torch.allclose(
                after.states[0], cut.states[trial, length - 1 :], rtol=0, atol=1e-12
            )


def part(
    dynamics: Dynamics,
    steering: Steering | None,
    grid: TimeGrid,
    x0: Tensor,
    trial: int,
    steps: slice,
) -> Path:
    """One trial run for some of the steps."""
    own, inputs = slice(trial, trial + 1), inputs_of(dynamics)
    row = own if len(grid.steps_s) > 1 else slice(0, 1)
    starts_s, steps_s = grid.starts_s[row, steps], grid.steps_s[row, steps]
    entries = torch.arange(steps_s.shape[1] + 1)
    return solve(
        dynamics,
        x0[own],
        noise_of(dynamics)[own, steps],
        TimeGrid(starts_s, steps_s, entries, entries, None),
        None if inputs is None else inputs[own, steps],
        steering,
        SEEN[own, steps],
    )


@pytest.mark.parametrize("shape", [(TRIALS, BINS, DIM), (TRIALS, BINS - 1, DIM + 1)])
def test_noise_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    dynamics, _ = build("splitting, control")
    with pytest.raises(
        ModelError, match=rf"noise has shape .*: it must be \(trials, {BINS - 1}, {DIM}\)"
    ):
        solve(dynamics, X0, torch.zeros(shape).double(), SHARED)
