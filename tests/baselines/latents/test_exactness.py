"""With Gaussian observations, all three models against dense algebra of the whole path."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_lyapunov

from tests.baselines.latents import dense
from tests.baselines.planted import fit_quietly, linear, turn
from undertow.baselines import GPFA, LDS, SLDS
from undertow.baselines.latents import LatentBaseline
from undertow.data import TrialSet
from undertow.randomness import path_generator

FORWARD, DIM = 3, 2
QUICK: dict[str, Any] = {
    "observed": "gaussian",
    "rates": "model",
    "em__iterations": 3,
    "em__refit": 0,
}
MODELS: dict[str, LatentBaseline] = {
    "lds": LDS(DIM),
    "gpfa": GPFA(DIM, timescale_s=0.06),
    "slds of one regime": SLDS(DIM, 1),
}
every = pytest.mark.parametrize("which", MODELS)


def trials() -> TrialSet:
    """Neurons held out, forward bins, a bin and entries missing, trials of different length."""
    made = linear(turn(0.4, 0.9), n_trials=16, n_time=14, n_neurons=8).trials
    spikes = np.array(made.spikes, float)
    spikes[0, 4], spikes[1, 2:5, 3], spikes[2, :, 5] = np.nan, np.nan, np.nan
    lengths = np.full(16, 14)
    lengths[[0, 3, 4, 5]] = [13, 9, 1, 2]
    return made.replace(spikes=spikes, lengths=lengths, forward_bins=FORWARD).hold_out(2, seed=0)


TRIALS = trials()


@cache
def fitted(which: str) -> LatentBaseline:
    return fit_quietly(MODELS[which].copy(**QUICK), TRIALS)


def shown() -> np.ndarray:
    """Entries that inference may see, (trials, time, neurons)."""
    seen = np.isfinite(TRIALS.spikes) & TRIALS.valid[..., None]
    seen[:, TRIALS.n_time - FORWARD :] = False
    seen[..., TRIALS.heldout] = False
    return seen


@every
def test_latents_rates_and_evidence_are_those_of_dense_algebra(which: str) -> None:
    """Held-out neurons and forward bins are read from the same law; E y² = (C m + d)² + C V Cᵀ + R.

    Predictions are single precision, smooth processes exact to one part in a million.
    """
    model, seen = fitted(which), shown()
    network, prediction = model.network_, model.predict(TRIALS)
    evidence = model.evidence(TRIALS)["elbo"]
    weight = network.readout.weight.detach().numpy()
    offset = network.readout.offset.detach().numpy()
    noise = network.readout.get_parameter("log_noise_var").detach().exp().numpy()
    for trial in range(len(TRIALS)):
        inside = TRIALS.valid[trial]
        values = np.sqrt(np.nan_to_num(TRIALS.spikes[trial]))
        mean, cov, exact = dense.posterior(network, values, seen[trial])
        found = prediction.latents["x"][trial]
        np.testing.assert_allclose(found[inside], mean[inside], atol=2e-4)
        assert np.isnan(found[~inside]).all()
        counts = (mean @ weight.T + offset) ** 2 + noise
        counts += np.einsum("ni,tij,nj->tn", weight, cov, weight)
        rates = counts / TRIALS.bin_s
        np.testing.assert_allclose(prediction.rates[trial][inside], rates[inside], rtol=2e-4)
        assert evidence[trial] == pytest.approx(exact, rel=1e-5)


@every
def test_samples_have_the_means_and_covariances_of_the_posterior(which: str) -> None:
    """Means within 5 standard errors of 600 draws, variances within 5 · √(2/600) of theirs."""
    model, n, seen = fitted(which), 600, shown()
    few = TRIALS[:3]
    drawn = model.predict(few, samples=n).latent_samples["x"].astype(float)
    for trial in range(len(few)):
        inside = few.valid[trial]
        values = np.sqrt(np.nan_to_num(few.spikes[trial]))
        mean, cov, _ = dense.posterior(model.network_, values, seen[trial])
        var = np.einsum("tkk->tk", cov)[inside]
        path = drawn[:, trial, inside]
        assert (np.abs(path.mean(0) - mean[inside]) < 5 * np.sqrt(var / n) + 1e-5).all()
        assert (np.abs(path.var(0) / var - 1) < 5 * np.sqrt(2 / n)).all()
        crossed = np.mean((path - path.mean(0)).prod(-1), 0)
        size = np.sqrt(var.prod(-1))
        assert (np.abs(crossed - cov[inside, 0, 1]) < 5 * size * np.sqrt(2 / n)).all()


@every
def test_what_is_drawn_without_data_has_the_law_of_the_prior(which: str) -> None:
    """Means and covariances of whole paths, within 6 standard errors of 4,000 draws."""
    network, n, n_bins = fitted(which).network_, 4000, 6
    with torch.no_grad():
        paths = network.draw(n, n_bins, path_generator(torch.device("cpu"), 0)).numpy()
    flat = paths.reshape(n, -1)
    mean, cov = dense.prior(network, n_bins)
    std = np.sqrt(np.diag(cov))
    assert (np.abs(flat.mean(0) - mean) < 6 * std / np.sqrt(n)).all()
    # var of a product of two normal numbers is at most twice that of independent ones
    assert (np.abs(np.cov(flat.T) - cov) < 6 * np.outer(std, std) * np.sqrt(2 / n)).all()


@pytest.mark.parametrize("which", ["lds", "slds of one regime"])
def test_long_drawn_paths_have_the_stationary_covariance(which: str) -> None:
    network, n = fitted(which).network_, 4000
    with torch.no_grad():
        paths = network.draw(n, 120, path_generator(torch.device("cpu"), 1)).numpy()
        dynamics = network.get_submodule("dynamics")
        a, noise = dynamics.matrices[0].numpy(), dynamics.noise_cov[0].numpy()  # type: ignore[operator,union-attr,index]
    assert np.abs(np.linalg.eigvals(a)).max() ** 240 < 1e-3
    cov = solve_discrete_lyapunov(a, noise)
    std = np.sqrt(np.diag(cov))
    assert (np.abs(np.cov(paths[:, -1].T) - cov) < 6 * np.outer(std, std) * np.sqrt(2 / n)).all()


@every
def test_drawn_trials_are_poisson_of_their_rates(which: str) -> None:
    """Mean counts within 5 standard errors; same seed, same trials."""
    model = fitted(which)
    made = model.sample(200, 10, seed=3)
    assert made.truth is not None
    miss = (made.spikes - made.truth * made.bin_s).mean((0, 1))
    error = np.sqrt((made.truth * made.bin_s).mean((0, 1)) / 2000)
    assert (np.abs(miss) < 5 * error).all()
    assert (made.heldout == TRIALS.heldout).all()
    assert np.array_equal(made.spikes, model.sample(200, 10, seed=3).spikes)
    assert not np.array_equal(made.spikes, model.sample(200, 10, seed=4).spikes)
