"""Dynamics with chosen parameters, for tests by hand."""

from typing import Any, TypeVar

import torch

from undertow.dynamics import Dynamics
from undertow.inference import Path, TimeGrid, solve

D = TypeVar("D", bound=Dynamics)


def chosen(dynamics: D, **values: Any) -> D:
    """In float64, its parameters set by their (dotted, here double-underscored) names; a number
    fills all entries. A property is assigned."""
    dynamics = dynamics.double()
    parameters = dict(dynamics.named_parameters())
    with torch.no_grad():
        for name, value in values.items():
            given = torch.as_tensor(value, dtype=torch.float64)
            key = name.replace("__", ".")
            if key in parameters:
                parameters[key].copy_(given)
            else:
                setattr(dynamics, key, given)
    return dynamics


def vector(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def scalar(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def rolled(
    dynamics: Dynamics,
    x0: torch.Tensor,
    noise: torch.Tensor,
    bin_s: float,
    control: torch.Tensor | None = None,
    inputs: torch.Tensor | None = None,
    step_by_step: bool = False,
) -> Path:
    """A path over regular bins, with its laws, from noise (trials, bins, steps per bin, noise_dim);
    control and inputs are held over a bin. `step_by_step` takes no linear steps at once."""
    grid = TimeGrid.regular(noise.shape[1], bin_s, noise.shape[2], x0)
    held = [None if values is None else grid.held(values) for values in (control, inputs)]
    return solve(
        dynamics,
        x0,
        noise.flatten(1, 2),
        grid,
        held[1],
        control=held[0],
        checkpointed=step_by_step,
        laws=True,
    )


@torch.no_grad()
def path_of(dynamics: Dynamics, start: torch.Tensor, steps: int, h: float) -> torch.Tensor:
    """Entries 0 … steps of the noise-free path, steps of h of internal time at a timescale of 1
    s."""
    noise = start.new_zeros(1, steps, 1, dynamics.noise_dim)
    return rolled(dynamics, start[None], noise, h).states[0]
