"""`SLDS`: planted regimes that it finds, and the bound that it climbs."""

from functools import cache

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from tests.baselines.latents.bounds import climb
from tests.baselines.planted import Planted, fit_quietly, switching, turn
from undertow.baselines import LDS, SLDS, SwitchingEM
from undertow.baselines.latents import LatentBaseline
from undertow.baselines.slds import SLDSNetwork

FITTED = 24
"""Trials fitted on; the others are new."""


@cache
def planted(recurrent: bool) -> Planted:
    """Low noise and many spikes: the regime of nearly every step shows."""
    if recurrent:
        return switching(True, count=20.0, noise_std=0.05, seed=1)
    return switching(False)


@cache
def fitted(recurrent: bool) -> LatentBaseline:
    em = SwitchingEM(iterations=15, refit=0)
    model = SLDS(2, 2, recurrent, rates="model", em=em)
    trials = planted(recurrent).trials[:FITTED]
    return fit_quietly(model, trials[4:], trials[:4])


def regimes_found(model: LatentBaseline, data: Planted) -> float:
    """Adjusted Rand index of the likeliest regimes of new trials; the first bin has none."""
    shares = model.predict(data.trials[FITTED:]).latents["regimes"]
    np.testing.assert_allclose(shares.sum(-1), 1.0, atol=1e-5)
    assert data.regimes is not None
    true = data.regimes[FITTED:, 1:]
    return float(adjusted_rand_score(true.ravel(), shares.argmax(-1)[:, 1:].ravel()))


def as_planted(data: Planted, count: float, noise_std: float, stay: float) -> LatentBaseline:
    """The model with the parameters that made the trials."""
    model = SLDS(2, 2, False, rates="model")
    model._remember_population(data.trials)
    model.population_ = model.describe(data.trials)
    model.network_ = network = model._new_network(model.population_, 0)
    assert isinstance(network, SLDSNetwork)
    with torch.no_grad():
        network.readout.weight.copy_(torch.tensor(data.loadings))
        network.readout.offset.fill_(np.log(count))
        for k, angle in enumerate((0.3, -0.3)):
            network.dynamics.weights[k, :, :2] = torch.tensor(turn(angle))
            network.dynamics.noise_cov[k] = noise_std**2 * torch.eye(2)
        law = torch.tensor([[stay, 1 - stay], [1 - stay, stay]])
        network.moves.logits.copy_(law.log())
    return model


def test_planted_regimes_of_new_trials_are_found() -> None:
    """As well as by the planted model itself, for which they are nearly unambiguous."""
    data = planted(False)
    best = regimes_found(as_planted(data, 10.0, 0.03, 0.96), data)
    assert best > 0.95
    found = regimes_found(fitted(False), data)
    assert found > 0.9
    assert found > best - 0.05


def test_planted_dynamics_of_each_regime_are_found() -> None:
    """Both turn by 0.3 a bin, one each way; as quickly as they stay, in the chain of regimes."""
    network = fitted(False).network_
    assert isinstance(network, SLDSNetwork)
    matrices = network.dynamics.matrices.detach().numpy()
    # latents are known up to a linear map: what a regime does beside the other is not
    relative = np.linalg.eigvals(matrices[0] @ np.linalg.inv(matrices[1]))
    assert np.abs(np.sort(np.abs(np.angle(relative))) - 0.6).max() < 0.05
    stay = network.moves.logits.softmax(-1).diagonal().detach().numpy()
    assert np.abs(stay - 0.96).max() < 0.03


def test_regimes_that_follow_from_where_the_state_is_are_found() -> None:
    """In new trials; and the law of the next regime is steep along the planted direction."""
    data, model = planted(True), fitted(True)
    assert regimes_found(model, data) > 0.9
    network = model.network_
    assert isinstance(network, SLDSNetwork)
    prediction = model.predict(data.trials[FITTED:])
    x = torch.tensor(prediction.latents["x"][:, :-1].reshape(-1, 2)).double()
    assert data.regimes is not None
    true = data.regimes[FITTED:, 1:].ravel()
    law = network.moves.probabilities(torch.zeros(len(x), dtype=torch.long), x)
    likeliest = law.argmax(1).numpy()
    assert adjusted_rand_score(true, likeliest) > 0.8


def test_one_regime_is_a_linear_dynamical_system() -> None:
    """With the same parameters the evidence bound of Poisson counts is the same, too."""
    data = switching(False, n_trials=12, n_time=15, n_neurons=10, count=2.0)
    em = SwitchingEM(iterations=3, refit=0, inference_steps=60)
    single = fit_quietly(SLDS(2, 1, rates="model", em=em), data.trials)
    other = LDS(2, rates="model").copy(em__inference_steps=60, em__iterations=1, em__refit=0)
    fit_quietly(other, data.trials)
    weights = single.network_.state_dict()
    other.network_.load_state_dict({k: weights[k] for k in other.network_.state_dict()})
    a, b = (model.evidence(data.trials)["elbo"] for model in (single, other))
    np.testing.assert_allclose(a, b, rtol=1e-5)
    rates = [model.predict(data.trials).rates for model in (single, other)]
    np.testing.assert_allclose(rates[0], rates[1], rtol=5e-3)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("observed", ["gaussian", "poisson"])
def test_the_bound_and_the_priors_never_fall(observed: str, recurrent: bool) -> None:
    """Gaussian E-steps are exact given the regimes; others stop on the way, within 1e-4."""
    data = switching(recurrent, n_trials=14, n_time=16, n_neurons=12, count=2.0)
    model = SLDS(2, 2, recurrent).copy(observed=observed, em__restarts=1)
    model._remember_population(data.trials)
    model.population_ = model.describe(data.trials)
    model.network_ = model._new_network(model.population_, 0)
    values = climb(model.learner(data.trials), 12)  # type: ignore[arg-type]
    slack = 1e-8 if observed == "gaussian" and not recurrent else 1e-4
    assert (values.diff() >= -slack * values[0].abs()).all()
    assert values[-1] > values[0]


@pytest.mark.parametrize("recurrent", [False, True])
def test_drawn_regimes_follow_the_law_they_were_drawn_from(recurrent: bool) -> None:
    """A state that tells its regime: pairs of neighbours come as often as is likely, 5 errors."""
    n, regimes = 4000, 3
    rates = torch.ones(4, dtype=torch.float64)
    network = SLDSNetwork(1, regimes, recurrent, rates, 0.02, "poisson", 1, 0)
    with torch.no_grad():
        network.dynamics.weights.zero_()
        network.dynamics.weights[:, 0, 1] = torch.arange(regimes) - 1.0
        network.dynamics.noise_cov.fill_(1e-6)
        network.moves.logits.copy_(torch.tensor([[1.0, 0, 0], [0, 0.5, 1], [0, 1, 0]]))
        if recurrent:
            network.moves.slopes.copy_(torch.tensor([[1.0], [0.0], [-2.0]]))
        network.moves.initial.copy_(torch.tensor([0.2, 0.3, 0.5]).log())
        paths = network.draw(n, 4, torch.Generator().manual_seed(0))[..., 0]
    drawn = paths[:, 1:].round().long() + 1
    for k in range(regimes):
        state = torch.full((1, 1), k - 1.0, dtype=torch.float64)
        law = network.moves.probabilities(torch.tensor([k]), state)[0]
        after = drawn[:, 1:][drawn[:, :-1] == k]
        share = torch.bincount(after, minlength=regimes) / len(after)
        assert ((share - law).abs() < 5 * (law * (1 - law) / len(after)).sqrt()).all()


def test_regimes_start_anew_for_each_seed_and_repeat_themselves() -> None:
    data = switching(False, n_trials=14, n_time=16, n_neurons=12, count=2.0)
    settings = {"em__iterations": 1, "em__refit": 0, "em__restarts": 1}
    fits = [fit_quietly(SLDS(2, 3, seed=seed).copy(**settings), data.trials) for seed in (0, 0, 1)]
    states = [fit.network_.state_dict()["dynamics.weights"] for fit in fits]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_more_regimes_than_stretches_and_trials_of_one_bin_are_fitted() -> None:
    rng = np.random.default_rng(0)
    data = switching(False, n_trials=6, n_time=2, n_neurons=5, count=2.0)
    em = SwitchingEM(iterations=1, refit=0, restarts=1)
    for trials in (data.trials, data.trials.select(time=slice(0, 1))):
        model = fit_quietly(SLDS(2, 12, em=em, seed=int(rng.integers(100))), trials)
        assert np.isfinite(model.predict(trials).rates).all()
