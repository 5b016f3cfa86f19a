"""Interventions on a fitted `LatentSDE`: units held at zero, or dynamics changed."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from undertow.dynamics import Dynamics
from undertow.errors import ModelError
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.population import SHARED, Population
from undertow.names import find

Edit = Callable[[Dynamics], Any]


def unit_regions(network: LatentSDENetwork, population: Population) -> np.ndarray:
    """Name the region that each unit (an oscillator, a coordinate) belongs to, (units,).

    'all' where the regions share one state, 'shared' for units beside those of the regions that all
    of them read.
    """
    region = np.full(sum(map(len, network.unit_groups)) + len(network.shared_units), SHARED, object)
    for name, group in zip(population.regions, network.unit_groups, strict=True):
        region[group] = name
    return region.astype(str)


def silenced_coordinates(
    network: LatentSDENetwork, population: Population, silenced: Sequence[str]
) -> Tensor | None:
    """Mark the coordinates to hold at zero, (state_dim,) of booleans; None for none.

    Raises:
        ModelError: for a state that regions share, an unknown region, or dynamics in which zero is
            not silence.
    """
    if not len(silenced):
        return None
    names = [silenced] if isinstance(silenced, str) else list(silenced)
    if len(population.regions) < 2 and not network.shared_units:
        raise ModelError(
            f"{', '.join(names)} cannot be silenced: all neurons share one state. Fit with "
            "regions='split' first."
        )
    owners = unit_regions(network, population)
    for name in names:
        find("region", name, {each: each for each in owners.tolist()})
    return silent_when_zero(network.dynamics, np.isin(owners, names))


def silent_when_zero(dynamics: Dynamics, units: np.ndarray) -> Tensor:
    """Mark the coordinates that these units are read from, (state_dim,) of booleans.

    Raises:
        ModelError: where units whose coordinates are zero are not silent, or share them with
            others.
    """
    kind = type(dynamics).__name__
    reason = dynamics.never_silent
    chosen = torch.as_tensor(units)
    example = next(dynamics.parameters())
    at_zero = dynamics.units(example.new_zeros(dynamics.state_dim)).cpu()[chosen]
    if reason is None and at_zero.abs().max() > 0:
        read = ", ".join(f"{value:g}" for value in at_zero[0].tolist())
        reason = f"at zero a unit reads ({read}), a state like any other"
    if reason is not None:
        raise ModelError(
            f"{kind} has no silence to hold a region at: {reason}. Use other dynamics for this "
            "question."
        )
    reads = _dependence(dynamics, example)
    held = reads[chosen].any(0)
    if (held & reads[~chosen].any(0)).any():
        raise ModelError(
            f"{kind} has coordinates that units of several regions read: none can be silenced "
            "alone."
        )
    return held.to(example.device)


def _dependence(dynamics: Dynamics, like: Tensor) -> Tensor:
    """Test which unit reads which coordinate, (units, state_dim) of booleans."""
    state = torch.linspace(0.3, 0.7, dynamics.state_dim, dtype=like.dtype, device=like.device)
    with torch.enable_grad():
        slope: Any = torch.autograd.functional.jacobian(dynamics.units, state)
    found: Tensor = (slope != 0).any(1).cpu()
    return found


def alter(network: LatentSDENetwork, edit: Edit) -> None:
    """Change the dynamics of a network in place by `edit`; see `LatentSDE.altered`."""
    with torch.no_grad():
        edit(network.dynamics)
    for name, value in network.dynamics.named_parameters():
        if not value.isfinite().all():
            raise ModelError(
                f"after the change {name} of the dynamics is not finite: change it to finite "
                "numbers."
            )
    network.dynamics.check_stable(network.bin_s * network.bins_per_step)
