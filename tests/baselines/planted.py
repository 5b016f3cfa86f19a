"""Planted latents beneath neurons: linear dynamics, smooth processes, regimes that take turns."""

import warnings
from dataclasses import dataclass

import numpy as np

from undertow.baselines.latents import LatentBaseline
from undertow.data import TrialSet

BIN_S = 0.02


@dataclass(frozen=True)
class Planted:
    """Trials and what made them.

    Attributes:
        trials: spikes.
        x: latents, (trials, time, dim).
        loadings: C, (neurons, dim).
        regimes: regime of each bin, (trials, time); the one that led to it.
    """

    trials: TrialSet
    x: np.ndarray
    loadings: np.ndarray
    regimes: np.ndarray | None = None


def turn(angle: float, radius: float = 1.0) -> np.ndarray:
    """A rotation of the plane times a radius."""
    c, s = np.cos(angle), np.sin(angle)
    return radius * np.array([[c, -s], [s, c]])


def observed(
    x: np.ndarray, n_neurons: int, poisson: bool, count: float, rng: np.random.Generator
) -> tuple[TrialSet, np.ndarray]:
    """Counts of neurons that read latents: Poisson of exp(C x), or squares of N(10 + C x, 0.25).

    The squares are rounded to whole counts, which adds 2e-4 to the noise's variance.
    """
    loadings = rng.normal(size=(n_neurons, x.shape[2])) / 2
    if poisson:
        counts = rng.poisson(count * np.exp(x @ loadings.T))
    else:
        root = 10 + x @ loadings.T + rng.normal(size=(*x.shape[:2], n_neurons)) / 2
        counts = np.round(np.clip(root, 0, None) ** 2).astype(int)
    return TrialSet(counts, BIN_S, condition=np.arange(len(x)) % 2), loadings


def linear(
    matrix: np.ndarray,
    n_trials: int = 40,
    n_time: int = 40,
    n_neurons: int = 20,
    poisson: bool = False,
    count: float = 3.0,
    seed: int = 0,
) -> Planted:
    """x' = A x + noise of the variance that makes the stationary one 1 in a rotation times r."""
    rng, dim = np.random.default_rng(seed), len(matrix)
    noise_var = np.eye(dim) - matrix @ matrix.T
    factor, x = np.linalg.cholesky(noise_var), [rng.normal(size=(n_trials, dim))]
    for _ in range(n_time - 1):
        x.append(x[-1] @ matrix.T + rng.normal(size=(n_trials, dim)) @ factor.T)
    path = np.stack(x, 1)
    trials, loadings = observed(path, n_neurons, poisson, count, rng)
    return Planted(trials, path, loadings)


def smooth(
    timescales_s: tuple[float, ...],
    n_trials: int = 40,
    n_time: int = 30,
    n_neurons: int = 20,
    poisson: bool = False,
    count: float = 3.0,
    seed: int = 0,
) -> Planted:
    """Independent processes with squared-exponential kernels of variance 1."""
    rng, time = np.random.default_rng(seed), np.arange(n_time)
    paths = []
    for tau in np.array(timescales_s) / BIN_S:
        kernel = np.exp(-((time[:, None] - time) ** 2) / (2 * tau**2)) + 1e-9 * np.eye(n_time)
        paths.append(rng.normal(size=(n_trials, n_time)) @ np.linalg.cholesky(kernel).T)
    path = np.stack(paths, -1)
    trials, loadings = observed(path, n_neurons, poisson, count, rng)
    return Planted(trials, path, loadings)


def switching(
    recurrent: bool,
    n_trials: int = 34,
    n_time: int = 50,
    n_neurons: int = 60,
    count: float = 10.0,
    noise_std: float = 0.03,
    stay: float = 0.96,
    seed: int = 0,
) -> Planted:
    """Two regimes that turn in opposite directions.

    They turn about the origin and take turns by themselves; or, `recurrent`, about (1, 0) where x
    is on the right and about (−1, 0) where it is on the left.
    """
    rng = np.random.default_rng(seed)
    matrices = np.stack([turn(0.3), turn(-0.3)])
    centres = np.array([[1.0, 0.0], [-1.0, 0.0]]) * recurrent
    angle = rng.uniform(0, 2 * np.pi, n_trials)
    radius = rng.uniform(1.2, 1.6, n_trials) + 0.4 * recurrent
    x = [radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)]
    regimes = [rng.integers(0, 2, n_trials)]
    for _ in range(n_time - 1):
        other = rng.random(n_trials) > stay
        now = x[-1][:, 0] < 0 if recurrent else np.where(other, 1 - regimes[-1], regimes[-1])
        now = now.astype(int)
        moved = np.einsum("nij,nj->ni", matrices[now], x[-1] - centres[now])
        x.append(centres[now] + moved + noise_std * rng.normal(size=(n_trials, 2)))
        regimes.append(now)
    path = np.stack(x, 1)
    trials, loadings = observed(path, n_neurons, True, count, rng)
    return Planted(trials, path, loadings, np.stack(regimes, 1))


def fit_quietly(
    model: LatentBaseline, trials: TrialSet, validation: TrialSet | None = None
) -> LatentBaseline:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(trials, validation, verbose=False)


def aligned(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Correlation of each true latent with its best linear read from those found, (dim,)."""
    a = np.concatenate([found.reshape(-1, found.shape[-1]), np.ones((true[..., 0].size, 1))], 1)
    b = true.reshape(-1, true.shape[-1])
    read = a @ np.linalg.lstsq(a, b, rcond=None)[0]
    return np.array([np.corrcoef(read[:, k], b[:, k])[0, 1] for k in range(b.shape[1])])
