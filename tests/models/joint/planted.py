"""Two sessions of other neurons that the same latents drive, and small models of both."""

import warnings
from functools import cache
from typing import Any

import numpy as np

from tests.models import small as small_flow
from tests.models import small_lfads, small_sde
from undertow.data import TrialSet
from undertow.models import JointModel
from undertow.models.trained import TrainedModel

CHANNELS, N_TIME, BIN_S = 5, 12, 0.02
SMALL = {
    "langevin-flow": small_flow.small,
    "latent-sde": small_sde.small,
    "lfads": small_lfads.small,
}


def latents(n_trials: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three conditions' rotations, each at a phase of its own, (trials, time, 2), and which."""
    rng = np.random.default_rng(seed)
    condition = np.arange(n_trials) % 3
    t = np.arange(N_TIME) * BIN_S
    phase = 2 * np.pi * (4 * t + condition[:, None] / 3) + 0.2 * rng.normal(size=(n_trials, 1))
    return np.stack([np.cos(phase), np.sin(phase)], -1), condition


def session(
    n_trials: int = 24, n_neurons: int = 8, seed: int = 0, rate_hz: float = 25.0, **fields: Any
) -> TrialSet:
    """Poisson neurons of random preferred phases; velocity is the latents."""
    rng = np.random.default_rng(100 + seed)
    path, condition = latents(n_trials, seed)
    rates = rate_hz * np.exp(path @ rng.normal(size=(2, n_neurons)))
    trials = TrialSet(
        rng.poisson(rates * BIN_S),
        BIN_S,
        condition=condition,
        behavior=path,
        behavior_names=("vel_x", "vel_y"),
        neuron_ids=[f"s{seed}n{k}" for k in range(n_neurons)],
        **fields,
    )
    return trials.hold_out(2, seed=0)


A, B, C = session(seed=0), session(18, 6, seed=1), session(20, 7, seed=2)


def joint(kind: str, **settings: Any) -> JointModel:
    return JointModel(SMALL[kind](**settings), channels=CHANNELS)


def quietly(model: JointModel, *given: Any, **options: Any) -> JointModel:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*coordinates carry")
        return model.fit(*given, **options, verbose=False)


def adapted(model: JointModel, *given: Any, **options: Any) -> TrainedModel[Any]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*coordinates carry")
        return model.adapt(*given, **options, verbose=False)


@cache
def fitted(kind: str) -> JointModel:
    """One fit of A and B for all who only look."""
    return quietly(joint(kind), {"a": A, "b": B})
