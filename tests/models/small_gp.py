"""A GPSLDS small enough to fit in a second, and the trials of a planted flow of two regimes."""

import warnings
from functools import cache
from typing import Any

import numpy as np

from undertow.data import TrialSet
from undertow.models import GPSLDS, VariationalEM

TURN, PULL, APART, BORDER = 3.0, 1.0, 1.2, 6.0
BIN_S, SUBSTEPS = 0.02, 4


def planted_drift(x: np.ndarray) -> np.ndarray:
    """Two foci that turn in opposite directions, per unit of internal time, at states (…, 2)."""
    right = right_share(x)[..., None]
    turn = np.array([[-PULL, -TURN], [TURN, -PULL]])
    centre = np.array([APART, 0.0])
    drift: np.ndarray = right * ((x - centre) @ turn.T) + (1 - right) * ((x + centre) @ turn)
    return drift


def right_share(x: np.ndarray) -> np.ndarray:
    """Share of the regime on the right."""
    share: np.ndarray = 1 / (1 + np.exp(-BORDER * x[..., 0]))
    return share


def planted(
    n_trials: int, n_time: int, n_neurons: int, noise_std: float = 0.8, seed: int = 0
) -> tuple[TrialSet, np.ndarray]:
    """Trials of Poisson neurons over the flow, and the states behind them (trials, time, 2)."""
    rng = np.random.default_rng(seed)
    h = 2.5 / n_time / SUBSTEPS
    x, states = rng.normal(size=(n_trials, 2)) * [1.5, 1.0], []
    for _ in range(n_time):
        states.append(x)
        for _ in range(SUBSTEPS):
            x = x + h * planted_drift(x) + noise_std * h**0.5 * rng.normal(size=x.shape)
    path = np.stack(states, 1)
    truth = 20.0 * np.exp(path @ rng.normal(scale=0.6, size=(2, n_neurons)) - 0.3)
    trials = TrialSet(
        rng.poisson(truth * BIN_S),
        BIN_S,
        truth=truth,
        behavior=path + 0.1 * rng.normal(size=path.shape),
        behavior_names=("x", "y"),
        condition=np.arange(n_trials) % 2,
    )
    return trials, path


TRIALS, STATES = planted(24, 25, 12)


def small(**settings: Any) -> GPSLDS:
    em = VariationalEM(
        iterations=4, path_steps=3, kernel_steps=3, inference_steps=15, restarts=1, validate_every=1
    )
    return GPSLDS(2, 2, samples=5, em=em).set_params(**settings)


def fit(trials: TrialSet = TRIALS, **settings: Any) -> GPSLDS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return small(**settings).fit(trials)


@cache
def fitted() -> GPSLDS:
    """One fit on `TRIALS` for all who only look."""
    return fit()
