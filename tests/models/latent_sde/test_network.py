"""What `LatentSDE` may see, what it is scored on, and its times and steps."""

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from tests.models.small_sde import BIN_S, N_TIME, TRIALS, fit, with_times
from undertow.data import Prediction, TrialSet
from undertow.data.batches import Batch
from undertow.dynamics import LinearSDE, NeuralSDE
from undertow.models import LatentSDE
from undertow.models.latent_sde.network import LatentSDENetwork

MODES = pytest.mark.parametrize("mode", ["smooth", "generate"])
STEPS = pytest.mark.parametrize("bins_per_step", [1, 2, 0.5])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def doubled(model: LatentSDE, trials: TrialSet) -> tuple[LatentSDENetwork, Batch]:
    """A copy of the network and trials, in float64."""
    batch = Batch.from_trials(
        trials, dtype=torch.float64, label_categories=model.population_.categories
    )
    return copy.deepcopy(model.network_).double(), batch


def moved(model: LatentSDE) -> LatentSDE:
    """Off the start, where the control is zero."""
    noise = generator(1)
    with torch.no_grad():
        for parameter in model.network_.parameters():
            parameter += 0.2 * torch.empty_like(parameter).normal_(generator=noise)
    return model


def equal(a: Prediction, b: Prediction, rtol: float = 0.0) -> bool:
    pairs = [
        (a.rates, b.rates),
        (a.behavior, b.behavior),
        *((a.latents[k], b.latents[k]) for k in a.latents),
    ]
    pairs += [(a.label_probabilities[k], b.label_probabilities[k]) for k in a.label_probabilities]
    return all(np.allclose(x, y, rtol=rtol, atol=rtol, equal_nan=True) for x, y in pairs)


# --- times and steps --------------------------------------------------------------------------


@STEPS
def test_a_regular_grid_is_the_same_times_given_as_irregular(bins_per_step: float) -> None:
    model = moved(fit(with_times(TRIALS, 0.004), solver__bins_per_step=bins_per_step))
    given = with_times(TRIALS)
    for mode in ("smooth", "generate"):
        assert equal(model.predict(TRIALS, mode=mode), model.predict(given, mode=mode), 2e-6)
    network, batch = doubled(model, TRIALS)
    irregular = doubled(model, given)[1]
    assert irregular.irregular_times_s is not None
    losses = [float(network.loss(b, generator(), 1.0)[0].detach()) for b in (batch, irregular)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)


def test_times_that_differ_change_the_path() -> None:
    model = moved(fit(with_times(TRIALS, 0.004)))
    assert not equal(
        model.predict(with_times(TRIALS)), model.predict(with_times(TRIALS, 0.004)), 1e-4
    )


def states_at(model: LatentSDE, bins_per_step: float, generate: bool = True) -> Any:
    """A path of each trial in float64 with steps of another length."""
    network, batch = doubled(model, TRIALS.replace(lengths=np.full(len(TRIALS), N_TIME)))
    network.bins_per_step = bins_per_step
    with torch.no_grad():
        return network.draw(batch, network.encode(batch), generator(), generate)


def test_shorter_steps_of_a_noise_free_path_converge() -> None:
    model = moved(fit(dynamics=NeuralSDE(4, noise=False)))
    exact = states_at(model, 1 / 64).states[:, ::3]  # bins that are nodes of three bins a step too
    errors = [
        float((states_at(model, b).states[:, ::3] - exact).abs().mean())
        for b in (3, 1, 1 / 2, 1 / 4)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[1] / errors[3] == pytest.approx(4, rel=0.2)


def test_the_price_of_a_control_does_not_depend_on_the_steps() -> None:
    model = moved(fit())
    with torch.no_grad():
        model.network_.steering.network.state.weight.zero_()  # from context alone: a number
    prices = [
        states_at(model, b, generate=False).kl_path.sum(1) for b in (3, 1, 1 / 2, 1 / 4, 1 / 64)
    ]
    errors = [float((price - prices[-1]).abs().mean() / prices[-1].mean()) for price in prices]
    assert errors[:4] == sorted(errors[:4], reverse=True)
    assert errors[3] < 0.05


@pytest.mark.parametrize("bins_per_step", [3, 1, 0.5])
def test_the_law_of_a_path_does_not_depend_on_the_steps(bins_per_step: float) -> None:
    """Mean and variance of a process with exact steps, at bins that are nodes of every grid."""
    network, batch = doubled(
        fit(dynamics=LinearSDE(2), signals__stimulus=False, posterior__initial_s=0.0), TRIALS
    )
    many = batch.take(torch.zeros(4000, dtype=torch.long))
    network.bins_per_step, dynamics = bins_per_step, network.dynamics
    with torch.no_grad():
        states = network.draw(many, network.encode(many), generator(), generate=True).states[:, ::3]
        assert isinstance(dynamics, LinearSDE)
        decay, integral, noise_var = dynamics.transition(3 * BIN_S / dynamics.timescale_s)
    mean, cov = torch.zeros(2).double(), torch.eye(2).double()
    for k in range(states.shape[1]):
        error = (cov.diagonal() / len(states)).sqrt()
        assert ((states[:, k].mean(0) - mean).abs() < 4.5 * error).all()
        assert torch.allclose(states[:, k].T.cov(), cov, rtol=0.12, atol=0.05)
        mean, cov = decay @ mean + integral @ dynamics.offset, decay @ cov @ decay.T + noise_var


# --- evidence ---------------------------------------------------------------------------------


def linear_gaussian(times: bool) -> tuple[LatentSDENetwork, Batch]:
    """A linear process seen through Gaussian behaviour of constant variance, and no spikes at
    all."""
    trials = with_times(TRIALS, 0.004) if times else TRIALS
    network, batch = doubled(
        moved(
            fit(
                trials, dynamics=LinearSDE(2), signals__stimulus=False, posterior__full_initial=True
            )
        ),
        trials,
    )
    with torch.no_grad():
        network.behavior.readout_logvar.weight.zero_()
    return network, replace(batch, targets=torch.full_like(batch.targets, torch.nan), labels={})


def evidence(network: LatentSDENetwork, batch: Batch, trial: int) -> float:
    """log p(behaviour) of one trial as one Gaussian."""
    dynamics, behavior, length = network.dynamics, network.behavior, int(batch.lengths[trial])
    assert isinstance(dynamics, LinearSDE)
    times_s = batch.times_s.expand(len(batch), -1)[trial]
    mean, rows = [torch.zeros(2).double()], [torch.eye(2).double()]
    for h in (times_s.diff() / dynamics.timescale_s)[: length - 1]:
        decay, integral, noise_var = dynamics.transition(h)
        mean.append(decay @ mean[-1] + integral @ dynamics.offset)
        rows.append(torch.cat([decay @ rows[-1], torch.linalg.cholesky(noise_var)], 1))
    weight = torch.cat([torch.nn.functional.pad(r, (0, 2 * length - r.shape[1])) for r in rows])
    readout = torch.block_diag(*[behavior.scale[:, None] * behavior.readout_mean.weight] * length)
    observed_var = behavior.logvar(torch.zeros(length, 2).double()).exp().flatten()
    cov = readout @ weight @ weight.T @ readout.T + torch.diag(observed_var)
    center = behavior.mean(torch.stack(mean)).flatten()
    there = batch.behavior[trial, :length].flatten().isfinite()
    law = MultivariateNormal(center[there], cov[there][:, there])
    return float(law.log_prob(batch.behavior[trial, :length].flatten()[there]))


@pytest.mark.parametrize("times", [False, True], ids=["regular", "irregular"])
def test_weights_of_paths_average_to_the_evidence_of_each_trial(times: bool) -> None:
    """From the encoder to the likelihood: unequal lengths, missing behaviour, an untrained
    posterior."""
    network, batch = linear_gaussian(times)
    paths, trials = 4000, [0, 2, 3, 4]
    with torch.no_grad():
        encoded = network.encode(batch)
        for trial in trials:
            index = torch.full((paths,), trial)
            drawn = network.draw(batch.take(index), encoded.take(index), generator(trial))
            likelihood = sum(network.log_likelihoods(batch.take(index), drawn).values())
            exact = evidence(network, batch, trial)
            ratio = (likelihood + drawn.log_ratio - exact).exp()
            elbo = likelihood - drawn.kl_initial.sum(1) - drawn.kl_path.sum(1)
            assert float(ratio.std()) / math.sqrt(paths) < 0.2
            assert float(ratio.mean()) == pytest.approx(
                1, abs=5 * float(ratio.std()) / math.sqrt(paths)
            )
            assert float(elbo.mean()) < exact
            assert (drawn.kl_path.sum(1) > 1e-4).all() or batch.lengths[trial] == 1


# --- the objective ----------------------------------------------------------------------------


def test_the_loss_is_the_negative_bound_with_its_parts_weighted() -> None:
    model = fit(signals__behavior_weight=0.3, signals__label_weight=0.0)
    network, batch = doubled(model, TRIALS)
    with torch.no_grad():
        loss, terms = network.loss(batch, generator(), 0.5)
    cost = {k.removeprefix("negative_log_likelihood_"): float(v) for k, v in terms.items()}
    assert set(cost) == {"spikes", "behavior", "choice", "kl_initial", "kl_path"}
    expected = (
        cost["spikes"] + 0.3 * cost["behavior"] + 0.5 * (cost["kl_initial"] + cost["kl_path"])
    )
    assert float(loss) == pytest.approx(expected, rel=1e-12)


def test_checkpoints_change_no_number() -> None:
    plain, checkpointed = fit(epochs=2), fit(epochs=2, solver__checkpointed=True)
    theirs = dict(checkpointed.network_.named_parameters())
    assert all(torch.equal(p, theirs[name]) for name, p in plain.network_.named_parameters())


def test_a_drift_posterior_trains_too() -> None:
    model = fit(epochs=2, posterior="drift")
    assert np.isfinite(model.history_[-1]["loss"])
    assert model.history_[-1]["kl_path"] > 0
    assert np.isfinite(model.predict(TRIALS).rates[TRIALS.valid]).all()


def test_an_autonomous_path_costs_nothing_but_its_start() -> None:
    row = fit(posterior="autonomous").history_[-1]
    assert row["kl_path"] == 0
    assert row["kl_initial"] > 0


def test_a_context_and_stimulus_may_be_held_between_bins() -> None:
    paths = [
        states_at(moved(fit(solver__interpolation=kind)), 0.5).states
        for kind in ("linear", "previous")
    ]
    assert not torch.allclose(*paths, atol=1e-3)
