"""Inferred states of a fitted `LatentSDE`, and what drives them, as arrays."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from undertow.data import TrialSet
from undertow.models.latent_sde.prediction import path_generator

if TYPE_CHECKING:
    from undertow.models.latent_sde import LatentSDE


@torch.no_grad()
def inferred_states(
    model: "LatentSDE", trials: TrialSet, paths: int = 30, seed: int = 0
) -> np.ndarray:
    """Mean inferred state, (trials, time, state_dim), over `paths` paths of the posterior; NaN past
    a trial's end."""
    model._check_population(trials)
    batch, network = model.batch(trials), model.network_
    encoded = network.encode(batch)
    total = torch.zeros(
        (*trials.valid.shape, network.dynamics.state_dim), device=batch.inputs.device
    )
    for path in range(paths):
        total += network.draw(batch, encoded, path_generator(total.device, seed, path)).states
    return np.where(trials.valid[..., None], (total / paths).cpu().numpy(), np.nan)


@torch.no_grad()
def encoded_inputs(model: "LatentSDE", trials: TrialSet) -> np.ndarray:
    """What drives the dynamics, u of (trials, time, input_dim): stimulus and time, encoded; NaN
    past a trial's end."""
    model._check_population(trials)
    batch = model.batch(trials)
    inputs = model.network_.encode_stimulus(batch)
    if inputs is None:
        return np.zeros((*trials.valid.shape, 0))
    return np.where(trials.valid[..., None], inputs.cpu().numpy(), np.nan)
