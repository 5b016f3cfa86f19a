"""Steps one after another: what they leave alone, what they are told, what they keep."""

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from tests.inference.posteriors import (
    BINS,
    CONTEXT,
    DIM,
    GRIDS,
    INPUTS,
    OWN_TIMES,
    SHARED,
    TRIALS,
    X0,
    build,
    each_posterior,
    input_at,
    noise_of,
    normal,
    run,
    step_size,
)
from undertow.dynamics import (
    NeuralSDE,
)
from undertow.inference import (
    TimeGrid,
    solve,
)


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


@each_posterior
def test_held_coordinates_stay_at_zero(name: str) -> None:
    dynamics, steering = build(name)
    held = torch.tensor([False, True, False, True])
    with torch.no_grad():
        states = run(dynamics, steering, SHARED, held=held).states
    assert not states[..., held].any()
    assert (states[..., ~held] != 0).all()


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
