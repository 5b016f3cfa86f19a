"""A LatentSDE small enough to fit in a fraction of a second, and trials with everything it can
read."""

import warnings
from functools import cache
from typing import Any

import numpy as np

from undertow.data import TrialSet
from undertow.models import LatentSDE
from undertow.training import Training

SMALL: dict[str, Any] = {
    "dynamics": "coupled-oscillators",
    "latent_dim": 4,
    "posterior__initial_s": 0.06,
    "encoder__hidden_dim": 6,
    "posterior__hidden_dim": 6,
    "decoder__width": 6,
    "dropout": 0.0,
    "samples": 2,
}
N_TIME, BIN_S = 10, 0.02


def small(epochs: int = 1, **settings: Any) -> LatentSDE:
    training = Training(epochs=epochs, batch_size=16, validate_every=1, learning_rate=1e-2)
    plain = LatentSDE(training=training).set_params(**SMALL)
    return plain.set_params(**settings)  # after the others: a piece by name keeps what it can


def make_trials(
    n_trials: int = 20, n_time: int = N_TIME, n_neurons: int = 6, seed: int = 0
) -> TrialSet:
    """Unequal lengths, missing bins, entries and behaviour, two stimulus channels, a label, three
    regions."""
    rng = np.random.default_rng(seed)
    spikes = rng.poisson(1.0, (n_trials, n_time, n_neurons)).astype(float)
    spikes[0, 3] = np.nan
    spikes[1, 2, :3] = np.nan
    behavior = rng.normal(3.0, 2.0, (n_trials, n_time, 2))
    behavior[2, 4:] = np.nan
    behavior[3, 1, 0] = np.nan
    lengths = rng.integers(n_time // 2, n_time + 1, n_trials)
    lengths[4] = 1
    return TrialSet(
        spikes,
        BIN_S,
        lengths=lengths,
        behavior=behavior,
        behavior_names=("x", "y"),
        stimulus=rng.normal(size=(n_trials, n_time, 2)),
        labels={"choice": np.where(np.arange(n_trials) % 2, "left", "right")},
        condition=np.arange(n_trials) % 2,
        region=["CA1", "V1", "V1", "CA1", "MOs", "V1"][:n_neurons],
        neuron_ids=[f"unit{k}" for k in range(n_neurons)],
    )


def random_walk() -> TrialSet:
    """Trials whose rates follow a random walk."""
    rng = np.random.default_rng(0)
    walk = np.cumsum(0.6 * rng.standard_normal((40, 15, 1)), 1)
    rates = np.exp(0.5 + walk * np.where(np.arange(8) % 2, 1.0, -1.0)).clip(0.05, 20)
    return TrialSet(rng.poisson(rates), 0.02)


TRIALS = make_trials()


def fit(trials: TrialSet = TRIALS, **settings: Any) -> LatentSDE:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return small(**settings).fit(trials)


@cache
def fitted() -> LatentSDE:
    """One fit on `TRIALS` for all who only look."""
    return fit()


def with_times(trials: TrialSet, jitter_s: float = 0.0, seed: int = 0) -> TrialSet:
    """The same trials with times of their own: bin centres, moved by less than `jitter_s`."""
    centres = trials.start_s + (np.arange(trials.n_time) + 0.5) * trials.bin_s
    moved = jitter_s * np.random.default_rng(seed).uniform(-1, 1, (trials.n_trials, trials.n_time))
    return trials.replace(times=centres + moved)
