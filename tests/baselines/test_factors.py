"""Factor analysis and PCA: latents beside scikit-learn's, and what is read from them."""

import numpy as np
import pytest
from sklearn import decomposition

from tests.baselines.planted import linear, turn
from undertow.baselines import PCA, FactorAnalysis, SpikeRidge
from undertow.baselines.arrays.averages import mean_rates
from undertow.baselines.arrays.factors import Factors, StaticFactors, smoothed_roots
from undertow.baselines.factors import compressed
from undertow.baselines.latents.regression import LatentRegression, choose_penalty
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.evaluation.metrics.psth import gaussian_smooth

WIDTH_S, PENALTY = 0.04, 0.01
DATA = linear(turn(0.2, 0.98), n_trials=40, n_time=25, n_neurons=14, poisson=True, count=1.5)
TRIALS = DATA.trials.replace(forward_bins=5).hold_out(4, seed=0)
TRAIN, VALIDATION, TEST = TRIALS[:24], TRIALS[24:30], TRIALS[30:]


def values(trials: TrialSet) -> np.ndarray:
    """√ of smoothed held-in counts in the window, (trials, time, held-in)."""
    window = trials.spikes[:, :20][..., ~trials.heldout].astype(float)
    found: np.ndarray = np.sqrt(gaussian_smooth(window, WIDTH_S, trials.bin_s))
    return found


def rows(trials: TrialSet) -> np.ndarray:
    return values(trials).reshape(-1, 10)


def test_what_is_analysed_are_roots_of_smoothed_counts() -> None:
    usual = mean_rates(TRAIN, forward=False)
    found = smoothed_roots(TRAIN, WIDTH_S, usual)
    np.testing.assert_allclose(found[:, :20], values(TRAIN))
    level = np.sqrt(usual[~TRAIN.heldout] * TRAIN.bin_s)
    np.testing.assert_allclose(found[:, 20:], np.broadcast_to(level, found[:, 20:].shape))


def test_factors_are_those_of_scikit_learn() -> None:
    """Fitted on training and validation trials, its own transform of test trials."""
    model = FactorAnalysis(3, WIDTH_S, PENALTY).fit(TRAIN, VALIDATION)
    reference = decomposition.FactorAnalysis(3, svd_method="lapack").fit(rows(TRIALS[:30]))
    latents = model.predict(TEST).latents["x"][:, :20]
    wanted = reference.transform(rows(TEST))
    wanted *= np.sign(np.sum(wanted * latents.reshape(-1, 3), axis=0))  # signs are free
    np.testing.assert_allclose(latents.reshape(-1, 3), wanted, atol=1e-6)


def test_compressed_rows_have_the_same_mean_and_covariance() -> None:
    values = np.random.default_rng(0).normal(size=(500, 4)) @ np.diag([1, 2, 3, 4]) + 5
    few = compressed(values)
    assert few.shape == (8, 4)
    np.testing.assert_allclose(few.mean(0), values.mean(0))
    np.testing.assert_allclose(np.cov(few.T, bias=True), np.cov(values.T, bias=True))
    wide = values[:3]
    np.testing.assert_allclose(np.cov(compressed(wide).T, bias=True), np.cov(wide.T, bias=True))


def test_components_are_those_of_scikit_learn_up_to_their_shrinkage() -> None:
    """Probabilistic PCA scales component k by √(λ − σ²) / λ (Tipping & Bishop 1999, eq. 6)."""
    model = PCA(3, WIDTH_S, PENALTY).fit(TRAIN, VALIDATION)
    reference = decomposition.PCA(3, svd_solver="full").fit(rows(TRIALS[:30]))
    variance, noise = reference.explained_variance_, reference.noise_variance_
    shrunk = reference.transform(rows(TEST)) * np.sqrt(variance - noise) / variance
    latents = model.predict(TEST).latents["x"][:, :20]
    np.testing.assert_allclose(latents.reshape(-1, 3), shrunk, atol=1e-8)


def test_the_law_of_the_latents_is_that_of_one_gaussian() -> None:
    """Mean and covariance of x given y from the joint law of x and y = C x + d + noise."""
    rng = np.random.default_rng(0)
    held = Factors(rng.normal(size=(5, 2)), rng.normal(size=5), rng.gamma(2.0, 1.0, 5))
    whole = held.loadings @ held.loadings.T + np.diag(held.noise_var)
    gain = np.linalg.solve(whole, held.loadings).T
    y = rng.normal(size=5)
    np.testing.assert_allclose(held.latents(y), gain @ (y - held.offset))
    np.testing.assert_allclose(held.cov, np.eye(2) - gain @ held.loadings)


@pytest.mark.parametrize("cls", [FactorAnalysis, PCA])
def test_all_neurons_are_read_by_a_poisson_regression(cls: type[StaticFactors]) -> None:
    """From the latents of the bins it was fitted on; forward bins are mean rates."""
    model = cls(3, WIDTH_S, PENALTY).fit(TRAIN, VALIDATION)  # type: ignore[call-arg]
    everything = TRIALS[:30]
    latents = model.predict(everything).latents["x"]
    regression = LatentRegression(latents, everything).fit(PENALTY)
    found, test = model.predict(TEST), model.predict(TEST).latents["x"]
    wanted = np.exp(regression.log_counts(test[:, :20])) / TEST.bin_s
    np.testing.assert_allclose(found.rates[:, :20], wanted, rtol=1e-5)
    mean = everything.spikes[:, 20:].mean((0, 1)) / TEST.bin_s
    np.testing.assert_allclose(found.rates[3, 22], mean, rtol=1e-6)


def test_width_and_penalty_are_chosen_by_co_smoothing_of_validation_trials() -> None:
    widths, penalties, scores = (0.02, 0.2), (0.01, 1.0), {}
    usual = mean_rates(TRAIN, forward=False)
    for width in widths:
        shown, held = (smoothed_roots(each, width, usual) for each in (TRAIN, VALIDATION))
        reference = decomposition.FactorAnalysis(2, svd_method="lapack")
        reference.fit(shown[:, :20].reshape(-1, 10))
        x, y = (reference.transform(v.reshape(-1, 10)).reshape(-1, 25, 2) for v in (shown, held))
        penalty, score = choose_penalty(x, TRAIN, y, VALIDATION, penalties)
        scores[width, penalty] = score
    model = FactorAnalysis(2, widths, penalties).fit(TRAIN, VALIDATION)
    best = max(scores, key=scores.__getitem__)
    assert model.network_["width_s"][0] == best[0]
    alone = FactorAnalysis(2, *best).fit(TRAIN, VALIDATION)
    np.testing.assert_array_equal(alone.network_["weights"], model.network_["weights"])


def test_held_out_neurons_are_predicted_and_never_read() -> None:
    model = FactorAnalysis(2).fit(TRAIN, VALIDATION)
    assert model.score(TEST)["co-bps"].value > 0.1
    spikes = np.array(TEST.spikes)
    spikes[..., TEST.heldout], spikes[:, 20:] = 40, 40
    changed = model.predict(TEST.replace(spikes=spikes))
    np.testing.assert_array_equal(changed.rates, model.predict(TEST).rates)


def test_nothing_held_out_takes_the_first_of_each_list() -> None:
    everyone = TRIALS.replace(heldout=np.zeros(14, bool))
    model = PCA(2, (0.06, 0.02), (0.1, 0.01)).fit(everyone)
    assert model.network_["width_s"][0] == 0.06
    assert np.isfinite(model.predict(everyone).rates).all()


@pytest.mark.parametrize("cls", [FactorAnalysis, PCA])
def test_samples_spread_as_the_factors_do(cls: type[StaticFactors]) -> None:
    """Means and covariances within 5 standard errors of 2,000 draws; NaN past a trial's end."""
    model, n = cls(2, WIDTH_S, PENALTY).fit(TRAIN, VALIDATION), 2000  # type: ignore[call-arg]
    few = TEST[:2].replace(lengths=np.array([25, 9]))
    drawn = model.predict(few, samples=n)
    path = drawn.latent_samples["x"][:, 0, 7].astype(float)
    arrays = model.network_
    held = Factors(arrays["loadings"], arrays["offset"], arrays["noise_var"])
    std = np.sqrt(np.diag(held.cov))
    assert (np.abs(path.mean(0) - drawn.latents["x"][0, 7]) < 5 * std / n**0.5).all()
    error = 5 * np.outer(std, std) * np.sqrt(2 / n)
    assert (np.abs(np.cov(path.T) - held.cov) < error).all()
    assert drawn.rate_samples is not None
    assert np.isnan(drawn.rate_samples[:, 1, 9:]).all()
    assert np.isfinite(drawn.rate_samples[:, 1, :9]).all()
    again = model.predict(few, samples=n)
    np.testing.assert_array_equal(again.rate_samples, drawn.rate_samples)


def test_drawn_trials_are_poisson_of_standard_normal_latents() -> None:
    model = PCA(2, WIDTH_S, PENALTY).fit(TRAIN, VALIDATION)
    made = model.sample(300, 20, seed=1)
    assert made.truth is not None
    arrays = model.network_
    # E exp(w x + b) = exp(b + |w|² / 2)
    wanted = np.exp(arrays["log_rates"] + np.square(arrays["weights"]).sum(0) / 2)
    spread = made.truth.std((0, 1)) / np.sqrt(6000)
    assert (np.abs(made.truth.mean((0, 1)) - wanted) < 5 * spread).all()
    error = np.sqrt(made.truth.mean((0, 1)) * 0.02 / 6000)
    assert (np.abs((made.spikes - made.truth * 0.02).mean((0, 1))) < 5 * error).all()


def test_no_more_factors_than_there_are_neurons_or_bins() -> None:
    few = TRIALS.select(neurons=np.flatnonzero(~TRIALS.heldout)[:3])
    model = FactorAnalysis(8, WIDTH_S, PENALTY).fit(few[:24], few[24:30])
    assert model.notes_ == ["3 factors: the trials have no more held-in neurons, or bins"]
    assert model.predict(few).latents["x"].shape[2] == 3
    assert FactorAnalysis(3, WIDTH_S, PENALTY).fit(few).notes_ == []


def test_settings_and_trials_that_break_a_rule_are_refused() -> None:
    with pytest.raises(ModelError, match="latent_dim is 0"):
        PCA(0).fit(TRAIN)
    with pytest.raises(ModelError, match="penalty is 'much'"):
        FactorAnalysis(penalty="much").fit(TRAIN)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="samples is 0"):
        PCA(2, WIDTH_S, PENALTY).fit(TRAIN).predict(TEST, samples=0)
    spikes = np.array(VALIDATION.spikes)
    spikes[..., VALIDATION.heldout] = 0
    silent = VALIDATION.replace(spikes=spikes)
    with pytest.raises(ModelError, match="no held-out neuron spikes in the validation trials"):
        PCA(2).fit(TRAIN, silent)
    assert SpikeRidge().fit(TRAIN, silent).network_ is not None
