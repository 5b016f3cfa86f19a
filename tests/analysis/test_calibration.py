"""Simulation-based calibration: ranks of the truth, uniform where inference is right."""

import copy
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small_sde import TRIALS, fit, fitted, small
from undertow.analysis import CalibrationRanks, simulation_based_calibration
from undertow.baselines import Smoothing
from undertow.data import Prediction, TrialSet
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.models import LatentSDE
from undertow.models.latent_sde.sleep import dreamed, sleep_loss

N, SAMPLES = 400, 199


def ranks_of(times_too_narrow: float, samples: int = SAMPLES) -> CalibrationRanks:
    """Of a Gaussian truth among samples of its posterior, which spread too little by a factor."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((N, 5, 2))
    drawn = rng.standard_normal((samples, N, 5, 2)) / times_too_narrow
    trials = TrialSet(np.ones((N, 5, 2)), 0.02)
    return CalibrationRanks({"rates": (drawn < truth).sum(0)}, samples, trials)


def test_exact_posteriors_hold_what_they_say_and_narrow_ones_do_not() -> None:
    """4,000 independent ranks: the share is known to 0.005."""
    right, narrow = (ranks_of(each).scores(resamples=200) for each in (1.0, 2.0))
    assert right["rates coverage"].value == pytest.approx(0.9, abs=0.02)
    assert right["rates rank deviation"].value < 0.1
    # a normal law half as wide holds 59 %: erf(1.645 / 2 / √2)
    assert narrow["rates coverage"].value == pytest.approx(0.589, abs=0.03)
    assert narrow["rates coverage"].high < 0.7
    assert narrow["rates rank deviation"].low > 0.5
    assert ranks_of(1.0).bars("rates").sum(axis=1) == pytest.approx(1.0)


def test_each_rank_is_among_the_samples_and_none_past_a_trials_end() -> None:
    model = fitted()
    found = simulation_based_calibration(model, 20, samples=30, trials=TRIALS)
    assert found.trials.lengths.tolist() == TRIALS.lengths.tolist()
    assert set(found.ranks) == {"rates", *model.dynamics_.readout(torch.zeros(1, 4))}
    for ranks in found.ranks.values():
        assert ranks[found.trials.valid].min() >= 0
        assert ranks.max() <= 30
        assert (ranks[~found.trials.valid] == -1).all()
    again = simulation_based_calibration(model, 20, samples=30, trials=TRIALS)
    assert np.array_equal(again.ranks["rates"], found.ranks["rates"])
    scores = found.scores(resamples=20)
    assert {"rates coverage", "rates rank deviation"} <= set(scores)
    with pytest.raises(ModelError, match="name is 'speed'"):
        found.bars("speed")


def test_what_has_no_prior_over_rates_is_refused() -> None:
    with pytest.raises(ModelError, match="given Smoothing"):
        simulation_based_calibration(Smoothing())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="not fitted"):
        simulation_based_calibration(small())
    with pytest.raises(ModelError, match="stimulus"):
        simulation_based_calibration(fitted(), 4, samples=10)


class TooSure(LatentSDE):
    """Samples half as far from their mean as they should be, in log-rates and in latents."""

    def predict(self, *given: Any, **options: Any) -> Prediction:
        found = super().predict(*given, **options)
        logs = np.log(found.rate_samples)
        latents = {k: v.mean(0) + (v - v.mean(0)) / 2 for k, v in found.latent_samples.items()}
        rates = np.exp(logs.mean(0) + (logs - logs.mean(0)) / 2)
        return replace(found, rate_samples=rates, latent_samples=latents)


@cache
def well_inferred() -> LatentSDE:
    """A linear SDE whose inference alone is trained, on fresh trials of its own prior."""
    rng = np.random.default_rng(0)
    trials = TrialSet(rng.poisson(0.6, (64, 12, 20)) + 0.0, 0.02)
    model = fit(
        trials,
        dynamics="linear-sde",
        latent_dim=2,
        posterior__full_initial=True,
        posterior__initial_s=0.24,  # all of a trial: its start is told by what follows too
        posterior__hidden_dim=32,
        encoder__hidden_dim=32,
    )
    network = model.network_
    with torch.no_grad():
        network.observation.readout.weight.mul_(25.0)
    parts = (network.encoder, network.initial, network.steering)
    inference = [parameter for part in parts for parameter in part.parameters()]
    optimizer, noise = torch.optim.Adam(inference, 1e-2), torch.Generator().manual_seed(1)
    batch, steps = Batch.from_trials(trials), 900
    network.train()
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / steps)
        made = dreamed(network, batch, noise).batch
        loss = network.loss(made, noise, 1.0)[0] + sleep_loss(network, batch, noise).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    return model


@pytest.mark.slow
def test_inference_that_is_nearly_exact_is_calibrated_and_a_posterior_too_sure_is_not() -> None:
    """400 trials, of which each holds one path: a share of 0.9 is known to about 0.008.

    What is allowed is four of these errors; half the spread would hold 59 %.
    """
    model = well_inferred()
    found = simulation_based_calibration(model, N, SAMPLES)
    scores = found.scores()
    explained = model.score(found.trials)["rate R2"].value
    assert explained > 0.2  # spikes tell much: the posterior is another law than the prior
    sure = copy.copy(model)
    sure.__class__ = TooSure
    narrow = simulation_based_calibration(sure, N, SAMPLES).scores()
    for name in ("rates", "x"):
        error = (scores[f"{name} coverage"].high - scores[f"{name} coverage"].low) / 3.92
        assert abs(scores[f"{name} coverage"].value - 0.9) < 0.01 + 4 * error
        assert scores[f"{name} rank deviation"].value < 0.2
        assert narrow[f"{name} coverage"].high < 0.75
        assert narrow[f"{name} rank deviation"].low > 0.5
