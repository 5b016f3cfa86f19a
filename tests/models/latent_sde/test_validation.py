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
from undertow.models.latent_sde.validation import SAMPLES, scores_by_trial, validator

HELDOUT = TRIALS.replace(heldout=np.arange(TRIALS.n_neurons) < 2)


ALONE = {"signals__behavior_weight": 0.0, "signals__label_weight": 0.0}
"""Spikes count alone."""


def score(model: Any, trials: Any, monitor: str) -> float:
    found = validator(model.read(trials), trials, monitor)(model.network_)
    assert isinstance(found, dict)
    return sum(found.values())


def test_held_out_neurons_are_scored_given_the_others() -> None:
    model = fit(HELDOUT, **ALONE)
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
    model = fit(trials, posterior__initial_s=t0_s, training__monitor="generate", **ALONE)
    shown = {0.0: 0, 0.005: 1, 0.06: 3}[t0_s]
    counts = np.array(trials.spikes)
    counts[:, :shown] = np.nan
    rates = (
        model.predict(trials, samples=SAMPLES, mode="generate").rates.astype(float) * trials.bin_s
    )
    expected = float(bits_per_spike(rates, counts))
    assert score(model, trials, "generate") == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("trials", "monitor"), [(HELDOUT, "auto"), (HELDOUT, "generate"), (TRIALS, "auto")]
)
def test_scores_by_trial_add_up_to_the_score(trials: Any, monitor: str) -> None:
    models = [fit(trials, seed=n, training__monitor=monitor, **ALONE) for n in (0, 1)]
    scores = [score(each, trials, monitor) for each in models]
    by_trial = [
        scores_by_trial(each.network_, each.read(trials), trials, monitor) for each in models
    ]
    assert by_trial[0].shape == (len(trials),)
    ahead = (by_trial[1] - by_trial[0]).sum()
    assert ahead == pytest.approx(scores[1] - scores[0], rel=1e-3, abs=1e-6)
    assert ahead != 0


def test_dynamics_that_learned_to_grow_are_refused() -> None:
    network = copy.deepcopy(fit(dynamics=LinearSDE(2)).network_)
    with torch.no_grad():
        network.dynamics.matrix += 50 * torch.eye(2)
    model = fit(dynamics=LinearSDE(2))
    with pytest.raises(StabilityError, match="linear drift is"):
        validator(model.read(TRIALS), TRIALS, "auto")(network)


# --- what is fitted beside spikes -------------------------------------------------------------


@pytest.mark.parametrize("monitor", ["co-bps", "generate"])
def test_behaviour_and_labels_count_by_their_weights(monitor: str) -> None:
    weights = {"signals__behavior_weight": 0.5, "signals__label_weight": 3.0}
    model = fit(HELDOUT, training__monitor=monitor, **weights)
    alone = copy.deepcopy(model)
    alone.network_.behavior_weight = alone.network_.label_weight = 0.0
    mode: Any = "generate" if monitor == "generate" else "smooth"
    made = model.predict(HELDOUT, samples=SAMPLES, mode=mode)
    target = np.array(HELDOUT.behavior, float)
    target[:, : 3 * (mode == "generate")] = np.nan  # what it was shown
    target[~HELDOUT.valid] = np.nan
    error = np.nanmean(np.square(target - made.behavior), (0, 1))
    n = np.isfinite(target).sum((0, 1))
    behavior = -0.5 * (n * np.log(error / np.nanvar(target, (0, 1)))).sum()
    known = list(made.label_categories["choice"])
    codes = np.array([known.index(each) for each in HELDOUT.labels["choice"]])
    given = made.label_probabilities["choice"][np.arange(len(codes)), codes]
    label = np.log(given / np.bincount(codes)[codes] * len(codes)).sum()
    added = (0.5 * behavior + 3.0 * label) / np.nansum(HELDOUT.spikes) / math.log(2)
    gain = score(model, HELDOUT, monitor) - score(alone, HELDOUT, monitor)
    assert gain == pytest.approx(added, rel=1e-3, abs=1e-6)
    assert behavior != 0 != label


def test_categories_of_each_bin_count_too() -> None:
    stages = (np.nan_to_num(np.array(HELDOUT.behavior)) > 3).astype(float)
    stages[0, :2] = np.nan
    trials = HELDOUT.replace(behavior=stages, behavior_kind="categorical", labels=None)
    model = fit(trials)
    alone = copy.deepcopy(model)
    alone.network_.behavior_weight = 0.0
    made, gain = model.predict(trials, samples=SAMPLES), 0.0
    for k, name in enumerate(trials.behavior_names):
        known = np.isfinite(trials.behavior[..., k]) & trials.valid
        codes = trials.behavior[..., k][known].astype(int)
        given = made.behavior_probabilities[name][known][np.arange(len(codes)), codes]
        gain += np.log(given / (np.bincount(codes) / len(codes))[codes]).sum()
    expected = gain / np.nansum(trials.spikes) / math.log(2)
    found = score(model, trials, "auto") - score(alone, trials, "auto")
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-6)
