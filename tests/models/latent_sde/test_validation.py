"""What the epoch of a `LatentSDE` is chosen on."""

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small_sde import TRIALS, fit, with_times
from undertow.dynamics import LinearSDE
from undertow.errors import StabilityError
from undertow.evaluation import bits_per_spike
from undertow.models.latent_sde.validation import SAMPLES, validator

HELDOUT = TRIALS.replace(heldout=np.arange(TRIALS.n_neurons) < 2)


def score(model: Any, trials: Any, monitor: str) -> float:
    return validator(model.read(trials), trials, monitor)(model.network_)


def test_held_out_neurons_are_scored_given_the_others() -> None:
    model = fit(HELDOUT)
    rates = model.predict(HELDOUT, samples=SAMPLES).rates.astype(float) * HELDOUT.bin_s
    expected = bits_per_spike(rates[:, :, :2], np.array(HELDOUT.spikes)[:, :, :2])
    assert score(model, HELDOUT, "auto") == pytest.approx(float(expected), rel=1e-5)


def test_with_none_held_out_the_bound_is_the_score() -> None:
    model = fit()
    bound = (
        model.evidence(TRIALS, paths=SAMPLES)["elbo"].sum() / np.nansum(TRIALS.spikes) / math.log(2)
    )
    assert score(model, TRIALS, "auto") == pytest.approx(float(bound), rel=1e-5)


@pytest.mark.parametrize("irregular", [False, True], ids=["regular", "irregular"])
@pytest.mark.parametrize("t0_s", [0.0, 0.005, 0.06])
def test_generation_is_scored_on_what_it_was_not_shown(t0_s: float, irregular: bool) -> None:
    trials = with_times(TRIALS) if irregular else TRIALS
    model = fit(trials, posterior__initial_s=t0_s, training__monitor="generate")
    shown = {0.0: 0, 0.005: 1, 0.06: 3}[t0_s]
    counts = np.array(trials.spikes)
    counts[:, :shown] = np.nan
    rates = (
        model.predict(trials, samples=SAMPLES, mode="generate").rates.astype(float) * trials.bin_s
    )
    expected = float(bits_per_spike(rates, counts))
    assert score(model, trials, "generate") == pytest.approx(expected, rel=1e-5)


def test_dynamics_that_learned_to_grow_are_refused() -> None:
    network = copy.deepcopy(fit(dynamics=LinearSDE(2)).network_)
    with torch.no_grad():
        network.dynamics.matrix += 50 * torch.eye(2)
    model = fit(dynamics=LinearSDE(2))
    with pytest.raises(StabilityError, match="linear drift is"):
        validator(model.read(TRIALS), TRIALS, "auto")(network)
