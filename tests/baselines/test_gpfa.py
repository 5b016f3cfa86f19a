"""`GPFA`: beside elephant's, and planted timescales that it finds."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from tests.baselines.planted import BIN_S, Planted, aligned, fit_quietly, smooth
from undertow.baselines import GPFA
from undertow.baselines.gpfa import GPFANetwork, by_slowness
from undertow.baselines.latents import LatentBaseline

TIMESCALES_S = (0.1, 0.2)


@cache
def planted(poisson: bool) -> Planted:
    return smooth(TIMESCALES_S, n_trials=46, poisson=poisson)


@cache
def fitted(poisson: bool) -> GPFA:
    trials = planted(poisson).trials
    iterations = 20 if poisson else 100
    model = GPFA(2, "poisson" if poisson else "gaussian", rates="model").copy(
        em__iterations=iterations, em__patience=None, em__refit=0
    )
    found = fit_quietly(model, trials[:36], trials[36:])
    assert isinstance(found, GPFA)
    return found


# --- elephant ------------------------------------------------------------------------------------


def sequences() -> Any:
    counts = planted(False).trials.spikes[:36]
    rows = [(counts.shape[1], np.sqrt(each).T.astype(float)) for each in counts]
    return np.array(rows, dtype=[("T", int), ("y", "O")]).view(np.recarray)


def parameters(model: GPFA) -> dict[str, Any]:
    """Ours as elephant has them; its processes have noise of their own, here next to none."""
    network = model.network_
    noise = network.readout.get_parameter("log_noise_var").detach().exp().numpy()
    return {
        "covType": "rbf",
        "gamma": (BIN_S / model.timescales_s_) ** 2,
        "eps": 1e-6 * np.ones(2),
        "d": network.readout.offset.detach().numpy(),
        "C": network.readout.weight.detach().numpy(),
        "R": np.diag(noise),
        "notes": {"RforceDiagonal": True},
    }


def test_likelihood_and_latents_are_those_of_elephant_at_our_parameters() -> None:
    core = pytest.importorskip("elephant.gpfa.gpfa_core", reason="elephant is not installed")
    model, trials = fitted(False), planted(False).trials[:36]
    found, likelihood = core.exact_inference_with_ll(sequences(), parameters(model))
    own = model.evidence(trials)["elbo"].sum()
    assert own == pytest.approx(likelihood, rel=1e-3)
    theirs = np.stack([each.T for each in found["latent_variable"]])
    np.testing.assert_allclose(model.predict(trials).latents["x"], theirs, atol=2e-3)


def test_its_own_fit_is_as_likely_as_elephants_and_has_the_same_latents() -> None:
    """Log-likelihoods within 1 %, latents up to a linear map ≥ 0.98."""
    core = pytest.importorskip("elephant.gpfa.gpfa_core", reason="elephant is not installed")
    model, trials = fitted(False), planted(False).trials[:36]
    fitted_there, _ = core.fit(
        sequences(), x_dim=2, bin_width=BIN_S * 1e3, em_max_iters=100, tau_init=100.0
    )
    own = model.evidence(trials)["elbo"].sum()
    found, likelihood = core.exact_inference_with_ll(sequences(), fitted_there)
    assert own == pytest.approx(likelihood, rel=0.01)
    theirs = np.stack([each.T for each in found["latent_variable"]])
    assert (aligned(model.predict(trials).latents["x"].astype(float), theirs) > 0.98).all()


# --- planted processes ---------------------------------------------------------------------------


@pytest.mark.parametrize("poisson", [False, True])
def test_planted_timescales_are_found(poisson: bool) -> None:
    """In ln τ to 5 standard errors of known paths; latents of new trials up to a linear map.

    Of a path of T = 0.6 s, ln τ is known to about √(τ / 2T) a trial, and there are 36.
    """
    model, data = fitted(poisson), planted(poisson)
    found = np.sort(model.timescales_s_)
    error = np.sqrt(np.array(TIMESCALES_S) / (2 * 0.6) / 36)
    assert (np.abs(np.log(found / TIMESCALES_S)) < 5 * error).all()
    latents = model.predict(data.trials[36:]).latents["x"].astype(float)
    assert (aligned(latents, data.x[36:]) > 0.95).all()


def test_a_step_of_the_timescales_never_lowers_the_evidence() -> None:
    """What each bin tells held fixed, of Gaussian observations that is the evidence itself."""
    trials = planted(False).trials[:30]
    model = GPFA(2).copy(rates="model", timescale_s=0.03)
    model._remember_population(trials)
    model.population_ = model.describe(trials)
    model.network_ = model._new_network(model.population_, 0)
    learner = model.learner(trials)
    learner.start()
    network, given, gains = learner.network, learner.given, list[float]()
    for _ in range(5):
        with torch.no_grad():
            before = network.infer(given, model.em, 1)
            network.learn_latents(given, before)
            after = network.infer(given, model.em, 1)
        gains.append(float(after.elbo.sum() - before.elbo.sum()))
    assert gains[0] > 1
    assert min(gains) > -1e-6


def test_timescales_stay_between_a_bin_and_ten_trials() -> None:
    """Counts without any structure in time have none, constant rates an endless one."""
    rng = np.random.default_rng(0)
    data = planted(False)
    noisy = data.trials.replace(spikes=rng.permuted(np.array(data.trials.spikes), axis=1))
    model = GPFA(2).copy(rates="model", em__iterations=10, em__refit=0)
    found = fit_quietly(model, noisy[:36], noisy[36:])
    assert isinstance(found, GPFA)
    assert (found.timescales_s_ >= 0.75 * BIN_S * (1 - 1e-9)).all()
    level = np.repeat(np.array(data.trials.spikes)[:, :1], 30, axis=1)
    constant = data.trials.replace(spikes=level)
    found = fit_quietly(model.copy(), constant[:36], constant[36:])
    assert isinstance(found, GPFA)
    assert (found.timescales_s_ <= 10 * 30 * BIN_S * (1 + 1e-9)).all()
    assert found.timescales_s_.max() > 0.6


def test_latents_start_apart_by_how_fast_they_change() -> None:
    """A mixture of a fast and a slow path is taken apart; steps past a trial's end do not count."""
    x = torch.tensor(planted(False).x)
    white = x.flatten(0, 1)
    white = torch.linalg.solve(torch.linalg.cholesky(white.T @ white / len(white)), white.T).T
    inside = torch.ones(x.shape[:2], dtype=torch.bool)
    inside[3, 7:] = False
    mixed = (white @ torch.tensor([[0.6, -0.8], [0.8, 0.6]]).double()).unflatten(0, x.shape[:2])
    mixed[3, 7:] = 1e3
    found = by_slowness(mixed, inside)
    moved = (found[:, 1:] - found[:, :-1])[inside[:, 1:]]
    cov = moved.T @ moved
    assert abs(float(cov[0, 1])) < 1e-9 * float(cov[1, 1])
    assert cov[0, 0] < cov[1, 1]
    slow = torch.stack([found[inside][:, 0], x[inside][:, 1]])
    assert abs(float(torch.corrcoef(slow)[0, 1])) > 0.95
    assert torch.equal(by_slowness(mixed[:, :1], inside[:, :1]).abs(), mixed[:, :1].abs())


def test_trials_of_any_length_are_predicted() -> None:
    model = fitted(False)
    assert isinstance(model.network_, GPFANetwork)
    longer = smooth(TIMESCALES_S, n_trials=3, n_time=55).trials
    assert np.isfinite(model.predict(longer).rates).all()
    assert model.sample(2, 70).spikes.shape == (2, 70, 20)


def test_its_models_are_told_apart_by_how_they_observe() -> None:
    models: list[LatentBaseline] = [fitted(False), fitted(True)]
    kinds = {type(model.network_.readout).__name__ for model in models}
    assert kinds == {"GaussianReadout", "PoissonReadout"}
