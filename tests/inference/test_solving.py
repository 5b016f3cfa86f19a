"""Paths under control, against the chain of Gaussian steps they are."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.distributions import MultivariateNormal, kl_divergence

from undertow.dynamics import (
    CoupledOscillators,
    Dynamics,
    HarmonicPotential,
    LinearSDE,
    NeuralSDE,
    SecondOrderOscillators,
    UnderdampedLangevin,
)
from undertow.errors import ModelError
from undertow.inference import (
    ControlSteering,
    DriftSteering,
    Path,
    Steering,
    TimeGrid,
    draw_noise,
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


@each_posterior
@GRIDS
def test_coordinates_without_noise_follow_those_with_it_and_are_never_pushed(
    name: str, grid: TimeGrid
) -> None:
    dynamics, steering = build(name)
    still = torch.ones(DIM, dtype=torch.bool)
    still[dynamics.noisy] = False
    with torch.no_grad():
        states = run(dynamics, steering, grid).states
        for k in range(BINS - 1):
            h = step_size(dynamics, grid, k)
            mean, _ = dynamics.step(0.0, states[:, k], h, input_at(dynamics, k))
            drawn = states[:, k + 1, dynamics.noisy] - mean[:, dynamics.noisy]
            follows = dynamics.displaced(mean, drawn, h)
            assert torch.allclose(states[:, k + 1, still], follows[:, still], rtol=0, atol=1e-12)


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


def test_a_step_is_told_its_time() -> None:
    """In internal time, whatever the grid: a number for all trials, or one for each."""
    told: list[Tensor] = []

    class Clock(NeuralSDE):
        def drift(self, s: object, x: Tensor, u: Tensor | None = None) -> Tensor:
            told.append(torch.as_tensor(s))
            return super().drift(s, x, u)  # type: ignore[arg-type]

    dynamics = Clock(DIM, timescale_s=0.1).double()
    for grid in (SHARED, OWN_TIMES, TimeGrid.regular(BINS - 1, 0.02, 1, X0)):
        told.clear()
        with torch.no_grad():
            solve(dynamics, X0, noise_of(dynamics), grid)
        starts = torch.stack([s.expand(TRIALS, 1)[:, 0] for s in told], 1)
        assert torch.allclose(starts, (grid.starts_s / dynamics.timescale_s).expand(TRIALS, -1))


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


@each_posterior
def test_held_coordinates_stay_at_zero(name: str) -> None:
    dynamics, steering = build(name)
    held = torch.tensor([False, True, False, True])
    with torch.no_grad():
        states = run(dynamics, steering, SHARED, held=held).states
    assert not states[..., held].any()
    assert (states[..., ~held] != 0).all()


@pytest.mark.parametrize("shape", [(TRIALS, BINS, DIM), (TRIALS, BINS - 1, DIM + 1)])
def test_noise_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    dynamics, _ = build("splitting, control")
    with pytest.raises(
        ModelError, match=rf"noise has shape .*: it must be \(trials, {BINS - 1}, {DIM}\)"
    ):
        solve(dynamics, X0, torch.zeros(shape).double(), SHARED)


# --- checkpoints ------------------------------------------------------------------------------


def loss_and_gradients(name: str, checkpointed: bool) -> tuple[Tensor, list[Tensor], int]:
    """The loss, every gradient, and the bytes that the forward pass keeps for them."""
    dynamics, steering = build(name)
    n_steps = 64
    grid = TimeGrid.over(torch.linspace(0, 1.0, n_steps + 1).double()[None])
    x0, seen = (
        X0.clone().requires_grad_(),
        normal(TRIALS, n_steps, CONTEXT, seed=4).requires_grad_(),
    )
    inputs = (
        normal(TRIALS, n_steps, INPUTS, seed=3).requires_grad_() if dynamics.input_dim else None
    )
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        noise = normal(TRIALS, n_steps, dynamics.noise_dim, seed=1)
        path = solve(dynamics, x0, noise, grid, inputs, steering, seen, checkpointed=checkpointed)
        loss = path.states.square().mean() + path.kl_path.sum() + 0.1 * path.log_ratio.sum()
    learned = [p for p in (*dynamics.parameters(), *steering.parameters()) if p.requires_grad]
    leaves = [x0, seen, *([] if inputs is None else [inputs]), *learned]
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
    return loss, [torch.zeros(()) if g is None else g for g in gradients], sum(kept.values())


@each_posterior
def test_checkpoints_change_no_number_and_keep_less(name: str) -> None:
    loss, gradients, kept = loss_and_gradients(name, checkpointed=False)
    again, same, fewer = loss_and_gradients(name, checkpointed=True)
    assert torch.equal(loss, again)
    assert len(gradients) == len(same) > 5
    assert all(torch.equal(a, b) for a, b in zip(gradients, same, strict=True))
    assert sum(bool(g.any()) for g in gradients) > 5
    assert fewer < kept / 2
