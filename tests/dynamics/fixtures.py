"""Dynamics with chosen parameters, for tests by hand."""

from typing import Any, TypeVar

import torch

from undertow.dynamics import Dynamics

D = TypeVar("D", bound=Dynamics)


def chosen(dynamics: D, **values: Any) -> D:
    """In float64, its parameters set by their (dotted, here double-underscored) names; a number
    fills all entries."""
    dynamics = dynamics.double()
    parameters = dict(dynamics.named_parameters())
    with torch.no_grad():
        for name, value in values.items():
            given = torch.as_tensor(value, dtype=torch.float64)
            parameters[name.replace("__", ".")].copy_(given)
    return dynamics


def vector(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def scalar(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


@torch.no_grad()
def path_of(dynamics: Dynamics, start: torch.Tensor, steps: int, h: float) -> torch.Tensor:
    """Entries 0 … steps of the noise-free path, steps of h of internal time at a timescale of 1
    s."""
    noise = start.new_zeros(1, steps, 1, dynamics.noise_dim)
    return dynamics.rollout(start[None], noise, h).states[0]
