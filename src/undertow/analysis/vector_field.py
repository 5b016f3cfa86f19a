"""Phase portraits: drift of a fitted model in the plane its inferred paths vary in most."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from undertow.analysis.latents import principal_components
from undertow.analysis.oscillators import latent_sdes
from undertow.data import TrialSet
from undertow.dynamics import SDE
from undertow.errors import UndertowError
from undertow.models import GPSLDS, Estimator, LatentSDE

MARGIN = 0.15  # of the paths' range, on each side


@dataclass(frozen=True, eq=False)
class PhasePortrait:
    """Drift in the plane of the first two principal components of the inferred paths.

    In all other directions the state is the paths' mean.

    Attributes:
        x, y: coordinates of the grid along the components, (points,) each.
        velocity: drift in the plane, per second, (points of y, points of x, 2).
        paths: the inferred paths in the plane, (trials, time, 2); NaN past a trial's end.
        variance_share: share of the paths' variance along each component, (2,).
        inputs: u under which the drift is taken, (input_dim,).
        time_s: the time these are of, in seconds from the event; None where they were given.
        bin: the bin of that time; None where they were given.
    """

    x: np.ndarray
    y: np.ndarray
    velocity: np.ndarray
    paths: np.ndarray
    variance_share: np.ndarray
    inputs: np.ndarray
    time_s: float | None = None
    bin: int | None = None

    @property
    def speed(self) -> np.ndarray:
        """Length of the drift per second, (points of y, points of x)."""
        speed: np.ndarray = np.linalg.norm(self.velocity, axis=-1)
        return speed


def phase_portrait(
    model: Estimator,
    trials: TrialSet,
    time_s: float | None = None,
    inputs: ArrayLike | None = None,
    points: int = 24,
    paths: int = 30,
    seed: int = 0,
) -> PhasePortrait:
    """Compute the drift on a grid in the plane of the paths' first two principal components.

    Args:
        model: a fitted LatentSDE, its dynamics any SDE; of an Ensemble the first member.
        trials: trials whose paths are inferred.
        time_s: the drift is taken under the mean input of the trials in the bin nearest to it,
            seconds from the event; by default in the middle of the window.
        inputs: u to take it under instead, (input_dim,).
        points: number of grid points along each axis.
        paths, seed: number of posterior paths averaged for the path of a trial, and their seed.

    Raises:
        UndertowError: for dynamics that are no SDE or have one coordinate, inputs of another width,
            or irregular times.
    """
    model, *_ = latent_sdes(model)
    dynamics = model.dynamics_
    if not isinstance(dynamics, SDE):
        raise UndertowError(f"{type(dynamics).__name__} is no SDE: it has no drift to draw.")
    if dynamics.state_dim < 2:
        raise UndertowError("the state has one coordinate: a phase portrait needs two.")
    bin_, moment_s, u = inputs_at(model, trials, time_s, inputs)
    found = principal_components(model.inferred_states(trials, paths, seed), 2)
    if len(found.axes) < 2:
        raise UndertowError(
            "the inferred paths vary along one direction: a phase portrait needs two."
        )
    x, y = (grid_over(found.scores[..., k], points) for k in range(2))
    states = found.mean + np.stack(np.meshgrid(x, y), axis=-1) @ found.axes
    velocity = drift_per_second(model, states, u) @ found.axes.T
    return PhasePortrait(x, y, velocity, found.scores, found.variance_share, u, moment_s, bin_)


@torch.no_grad()
def drift_per_second(model: LatentSDE, states: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Compute the drift at states (…, state_dim) under one input u (input_dim,), per second."""
    dynamics = model.dynamics_
    assert isinstance(dynamics, SDE)
    like = next(dynamics.parameters())
    x = torch.as_tensor(states, dtype=like.dtype, device=like.device).reshape(-1, states.shape[-1])
    u = (
        torch.as_tensor(inputs, dtype=like.dtype, device=like.device).expand(len(x), -1)
        if inputs.size
        else None
    )
    drift = dynamics.drift(0.0, x, u) / dynamics.timescale_s
    return drift.cpu().numpy().astype(np.float64).reshape(states.shape)


def inputs_at(
    model: LatentSDE | GPSLDS, trials: TrialSet, time_s: float | None, inputs: ArrayLike | None
) -> tuple[int | None, float | None, np.ndarray]:
    """Return the bin, its time in seconds and u there; no bin and time where u was given."""
    width = model.dynamics_.input_dim
    if inputs is not None:
        given = np.asarray(inputs, dtype=float)
        if given.shape != (width,):
            raise UndertowError(
                f"inputs has shape {given.shape}: it must be ({width},), what drives the dynamics."
            )
        return None, None, given
    if trials.times is not None:
        raise UndertowError(
            "the trials have irregular times: give the inputs to draw the drift under."
        )
    times = trials.time_s
    chosen = len(times) // 2 if time_s is None else int(np.abs(times - time_s).argmin())
    there = trials.valid[:, chosen]
    if not there.any():
        raise UndertowError(f"no trial lasts until {times[chosen]:g} s: choose an earlier time_s.")
    return chosen, float(times[chosen]), model.encoded_inputs(trials)[there, chosen].mean(axis=0)


def grid_over(scores: np.ndarray, points: int) -> np.ndarray:
    """Return so many points over the range of the scores, with a margin on each side."""
    low, high = np.nanmin(scores), np.nanmax(scores)
    margin = MARGIN * (high - low)
    return np.linspace(low - margin, high + margin, points)
