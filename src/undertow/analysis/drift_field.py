"""Inferred drift of a GP-SLDS in a plane of its states, how well it is known, and its regimes."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from undertow.analysis.latents import principal_components
from undertow.analysis.vector_field import grid_over, inputs_at
from undertow.data import TrialSet
from undertow.errors import UndertowError
from undertow.models import GPSLDS, Ensemble


@dataclass(frozen=True, eq=False)
class DriftField:
    """Drift in the plane of the first two principal components of the inferred paths.

    In all other directions the state is the paths' mean.

    Attributes:
        x, y: coordinates of the grid along the components, (points,) each.
        velocity: mean of the drift in the plane, per second, (points of y, points of x, 2).
        velocity_std: standard deviation of each component of it, that of the posterior of the drift
            given paths, kernel and noise, per second, shaped like `velocity`.
        regimes: share of each regime, (points of y, points of x, regimes).
        paths: the inferred paths in the plane, (trials, time, 2); NaN past a trial's end.
        variance_share: share of the paths' variance along each component, (2,).
        inputs: u under which the drift is taken, (inputs,).
        time_s: the time these are of, in seconds from the event; None where they were given.
    """

    x: np.ndarray
    y: np.ndarray
    velocity: np.ndarray
    velocity_std: np.ndarray
    regimes: np.ndarray
    paths: np.ndarray
    variance_share: np.ndarray
    inputs: np.ndarray
    time_s: float | None = None

    @property
    def speed(self) -> np.ndarray:
        """Length of the mean drift per second, (points of y, points of x)."""
        speed: np.ndarray = np.linalg.norm(self.velocity, axis=-1)
        return speed

    @property
    def uncertainty(self) -> np.ndarray:
        """Root of the summed variances of both components, per second, (points, points)."""
        total: np.ndarray = np.linalg.norm(self.velocity_std, axis=-1)
        return total


def drift_field(
    model: object,
    trials: TrialSet,
    time_s: float | None = None,
    inputs: ArrayLike | None = None,
    points: int = 24,
) -> DriftField:
    """Compute drift, its uncertainty and the regimes on a grid in the plane of the paths.

    Args:
        model: a fitted GPSLDS; of an Ensemble the first member.
        trials: trials whose paths are inferred.
        time_s: the drift is taken under the mean input of the trials in the bin nearest to it,
            seconds from the event; by default in the middle of the window.
        inputs: u to take it under instead, (inputs,).
        points: number of grid points along each axis.

    Raises:
        UndertowError: for other models, states of one dimension, or inputs of another width.
    """
    model = gp_slds_of(model)
    if model.latent_dim < 2:
        raise UndertowError("the state has one coordinate: a field of drift needs two.")
    _, moment_s, u = inputs_at(model, trials, time_s, inputs)
    found = principal_components(model.inferred_states(trials), 2)
    if len(found.axes) < 2:
        raise UndertowError(
            "the inferred paths vary along one direction: a field of drift needs two."
        )
    x, y = (grid_over(found.scores[..., k], points) for k in range(2))
    states = found.mean + np.stack(np.meshgrid(x, y), axis=-1) @ found.axes
    drift, std, regimes = drift_at(model, states, u)
    # the coordinates' drifts are independent given paths and kernel
    spread = np.sqrt(np.square(std) @ np.square(found.axes.T))
    velocity = drift @ found.axes.T
    return DriftField(
        x, y, velocity, spread, regimes, found.scores, found.variance_share, u, moment_s
    )


@torch.no_grad()
def drift_at(
    model: GPSLDS, states: np.ndarray, inputs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Drift and its standard deviation per second, and regimes, at states (…, latent_dim).

    Args:
        model: a fitted GPSLDS.
        states: where.
        inputs: one input for all, (inputs,).
    """
    dynamics = model.dynamics_
    x = torch.as_tensor(states, dtype=dynamics.mean.dtype, device=dynamics.mean.device)
    u = x.new_tensor(inputs).expand(*x.shape[:-1], -1) if inputs.size else None
    per_second = float(dynamics.timescale_s)
    parts = (dynamics.drift(0.0, x, u), dynamics.drift_std(0.0, x, u))
    drift, std = (part.cpu().numpy() / per_second for part in parts)
    return drift, std, dynamics.regimes(x).cpu().numpy()


def gp_slds_of(model: object) -> GPSLDS:
    """Return the fitted GPSLDS itself, or the first of an Ensemble of them.

    Raises:
        UndertowError: for anything else.
    """
    if isinstance(model, Ensemble):
        model._check_fitted()
        model = model.members_[0]
    if not isinstance(model, GPSLDS):
        raise UndertowError(
            f"a drift with its uncertainty is that of a GPSLDS, and this is a "
            f"{type(model).__name__}: pass a fitted GPSLDS, or see phase_portrait."
        )
    return model
