"""A LangevinFlow small enough to fit in a fraction of a second, and trials with everything that can
be missing."""

import warnings
from functools import cache
from typing import Any

import numpy as np
from torch import Tensor

from undertow.data import TrialSet
from undertow.models import LangevinFlow
from undertow.training import Training

UNUSED = "ignore:.*initial latent coordinates carry:undertow.training.TrainingWarning"
"""Filter for the one warning that a model of two epochs may give."""
SMALL = {
    "latent_dim": 8,
    "encoder__hidden_dim": 6,
    "encoder__bidirectional": False,
    "posterior__initial_s": "all",
    "posterior": "autonomous",
    "dynamics__timescale_s": 0.02,
    "decoder__inputs": ("z", "v", "h"),
    "decoder__read": "together",
    "decoder__withhold_h": 0.0,
    "decoder__width": 8,
    "decoder__heads": 2,
    "samples": 3,
    "pool": None,
}


def small(epochs: int = 2, **settings: Any) -> LangevinFlow:
    training = Training(epochs=epochs, batch_size=16, validate_every=1, learning_rate=1e-2)
    plain = LangevinFlow(training=training).set_params(**SMALL)
    return plain.set_params(**settings)  # after the others: a piece by name keeps what it can


def trials_with_gaps(
    n_trials: int = 24, n_time: int = 10, n_neurons: int = 6, forward_bins: int = 2
) -> TrialSet:
    """Unequal lengths, missing bins and entries, held-out neurons, forward bins."""
    rng = np.random.default_rng(0)
    spikes = rng.poisson(1.0, (n_trials, n_time, n_neurons)).astype(float)
    spikes[0, 3] = np.nan
    spikes[1, 2, :3] = np.nan
    spikes[2, 0] = np.nan
    heldout = np.zeros(n_neurons, bool)
    heldout[[1, 4]] = True
    return TrialSet(
        spikes,
        0.02,
        lengths=rng.integers(5, n_time + 1, n_trials),
        heldout=heldout,
        forward_bins=forward_bins,
        condition=np.arange(n_trials) % 3,
        neuron_ids=[f"unit{k}" for k in range(n_neurons)],
    )


GAPS = trials_with_gaps()


@cache
def fitted() -> LangevinFlow:
    """One fit on `GAPS` for all who only look."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return small().fit(GAPS)


def weights(model: LangevinFlow) -> dict[str, Tensor]:
    return dict(model.network_.state_dict())
