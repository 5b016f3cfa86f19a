"""`LDS`: what it climbs, and planted dynamics that it finds."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import block_diag

from tests.baselines.latents.bounds import climb
from tests.baselines.planted import Planted, aligned, fit_quietly, linear, turn
from undertow.baselines import LDS
from undertow.baselines.latents import LatentBaseline
from undertow.inference import LinearRegimes

ANGLE, RADIUS, SLOW = 0.35, 0.95, 0.8
MATRIX = block_diag(turn(ANGLE, RADIUS), [[SLOW]])


@cache
def planted(poisson: bool) -> Planted:
    return linear(MATRIX, n_trials=60, n_time=50, n_neurons=30, poisson=poisson)


def unfitted(observed: str, data: Planted, **settings: Any) -> LatentBaseline:
    """A model with its network built, before anything is learned."""
    model = LDS(3).copy(observed=observed, **settings)
    model._remember_population(data.trials)
    model.population_ = model.describe(data.trials)
    model.network_ = model._new_network(model.population_, 0)
    return model


@cache
def fitted(poisson: bool) -> LatentBaseline:
    data = planted(poisson)
    observed = "poisson" if poisson else "gaussian"
    model = LDS(3).copy(observed=observed, rates="model", em__iterations=30, em__refit=0)
    return fit_quietly(model, data.trials[:50], data.trials[50:])


@pytest.mark.parametrize("observed", ["poisson", "gaussian"])
def test_the_bound_and_the_priors_never_fall(observed: str) -> None:
    """Gaussian E-steps are exact and M-steps closed; Poisson ones are both generalised."""
    data = linear(turn(0.4, 0.9), 16, 14, 10, observed == "poisson")
    model = unfitted(observed, data, latent_dim=2)
    values = climb(model.learner(data.trials), 15)  # type: ignore[arg-type]
    assert (values.diff() >= -1e-8 * values[0].abs()).all()
    assert values[-1] > values[0] + 1


@pytest.mark.parametrize("poisson", [True, False])
def test_planted_eigenvalues_are_found(poisson: bool) -> None:
    """Known states would give errors of √((1 − r²) / steps); 5 of them, twice for what hides them.

    Steps are those of 50 trials.
    """
    model, steps = fitted(poisson), 50 * 49
    dynamics = model.network_.get_submodule("dynamics")
    assert isinstance(dynamics, LinearRegimes)
    found = np.linalg.eigvals(dynamics.matrices[0].detach().numpy())
    for true in np.linalg.eigvals(MATRIX):
        error = np.sqrt((1 - np.abs(true) ** 2) / steps)
        assert np.abs(found - true).min() < 10 * error


@pytest.mark.parametrize("poisson", [True, False])
def test_planted_latents_of_new_trials_are_found_up_to_a_linear_map(poisson: bool) -> None:
    """A bin alone tells 30 (or, of 3 · 30 · ¼ counts, 22) of a latent of variance 1.

    That is a correlation of √(1 − 1/30), or √(1 − 1/22), or more.
    """
    data = planted(poisson)
    found = fitted(poisson).predict(data.trials[50:]).latents["x"].astype(float)
    assert (aligned(found, data.x[50:]) > (0.97 if poisson else 0.98)).all()


def test_its_evidence_is_that_of_the_planted_model_or_above() -> None:
    """On the trials it was fitted on, against the planted parameters by the same Kalman filter."""
    data, model = planted(False), fitted(False)
    own = model.evidence(data.trials[:50])["elbo"].sum()
    true = unfitted("gaussian", data)
    dynamics, readout = true.network_.get_submodule("dynamics"), true.network_.readout
    assert isinstance(dynamics, LinearRegimes)
    with torch.no_grad():
        dynamics.weights[0, :, :3] = torch.tensor(MATRIX)
        dynamics.weights[0, :, 3] = 0.0
        dynamics.noise_cov[0] = torch.tensor(np.eye(3) - MATRIX @ MATRIX.T)
        dynamics.initial_mean.zero_()
        dynamics.initial_cov.copy_(torch.eye(3))
        readout.weight.copy_(torch.tensor(data.loadings))
        readout.offset.fill_(10.0)
        readout.get_parameter("log_noise_var").fill_(np.log(0.25))
    planted_evidence = true.evidence(data.trials[:50])["elbo"].sum()
    # the fit has 9 + 3 + 6 + 9 of the latents and 5 of each neuron to gain from: half of each
    parameters = 27 + 5 * 30
    assert own > planted_evidence - 10
    assert own < planted_evidence + parameters


def test_smoothing_counts_as_they_are_beats_their_square_roots_where_they_are_few() -> None:
    """Poisson counts of 0.2 per bin are not Gaussian roots: held-out neurons tell."""
    data = linear(turn(0.3, 0.97), 60, 40, 24, poisson=True, count=0.2, seed=1)
    trials, scores = data.trials.hold_out(6, seed=0), {}
    for observed in ("poisson", "gaussian"):
        model = LDS(2).copy(observed=observed, rates="model", em__iterations=10)
        scores[observed] = fit_quietly(model, trials[:40]).score(trials[40:])["co-bps"].value
    assert scores["poisson"] > scores["gaussian"] + 0.02
