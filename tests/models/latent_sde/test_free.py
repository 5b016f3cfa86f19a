"""`training_path='free'`: the bound without paths, and paths that follow it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.models.latent_sde.test_network import doubled, equal, generator, moved
from tests.models.small_sde import N_TIME, TRIALS, fit, make_trials, with_times
from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.dynamics import (
    CoupledOscillators,
    Dynamics,
    LinearSDE,
    NeuralSDE,
)
from undertow.models import LatentSDE
from undertow.models.latent_sde.free_loss import draw_at_once, free_loss
from undertow.models.latent_sde.matching import thinned
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.starting import start_score

SIGMAS = 4.5  # tolerance in standard errors
DYNAMICS: dict[str, Callable[[], Dynamics]] = {
    "oscillators": lambda: CoupledOscillators(4),
    "noise of the input": lambda: NeuralSDE(3, 2, diffusion="input"),
    "correlated steps": lambda: LinearSDE(3),
}
KINDS = pytest.mark.parametrize("kind", DYNAMICS)
FULL = pytest.mark.parametrize("full", [False, True], ids=["variances", "covariances"])


def fit_free(trials: TrialSet = TRIALS, **settings: Any) -> LatentSDE:
    given = {"training_path": "free", "posterior__sampled_times": 4} | settings
    return fit(trials, **given)


@pytest.fixture(autouse=True)
def grad_mode() -> Iterator[None]:
    """Tests that turn gradients off leave them on."""
    yield
    torch.set_grad_enabled(True)


def off_start(kind: str, full: bool = False, **settings: Any) -> tuple[LatentSDENetwork, Batch]:
    """A network whose marginals move, and the trials, in float64."""
    model = moved(fit_free(dynamics=DYNAMICS[kind](), posterior__full_marginals=full, **settings))
    free = model.network_.free
    assert free is not None
    with torch.no_grad():  # no law as narrow as the noise of a step
        for weight in (free.out.weight, free.out.bias, free.direct.weight):
            _, log_std, _, below = weight.split(free.widths)
            log_std *= 0.2
            below *= 0.2
    return doubled(model, TRIALS)


# --- the loss ---------------------------------------------------------------------------------


@KINDS
@FULL
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_and_reach_every_weight(
    kind: str, full: bool, dtype: torch.dtype
) -> None:
    network, batch = off_start(kind, full)
    network.to(dtype)
    given = Batch.from_trials(TRIALS, dtype=dtype)
    assert given.targets.dtype == dtype
    batch = replace(given, labels=batch.labels)
    loss, terms = free_loss(network, batch, generator(), 1.0)
    assert loss.dtype == dtype
    assert all(bool(term.isfinite()) for term in terms.values())
    loss.backward()
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            assert weight.grad is not None, name
            assert bool(weight.grad.isfinite().all()), name


@pytest.mark.parametrize("times", ["regular", "irregular"])
def test_sampled_times_are_unbiased_for_all_of_them(times: str) -> None:
    """Trials of 1 to 10 bins, some missing; against every bin and interval."""
    trials = TRIALS if times == "regular" else with_times(TRIALS, 0.004)
    network, batch = doubled(moved(fit_free(trials, posterior__sampled_times=3)), trials)
    torch.set_grad_enabled(False)
    encoded, draws = network.encode(batch), 150
    names = ("negative_log_likelihood_spikes", "negative_log_likelihood_behavior", "kl_path")
    sampled, every = [], []
    for seed in range(draws):
        _, terms = free_loss(network, batch, generator(seed), 1.0)
        sampled.append(torch.stack([terms[name] for name in names]))
        drawn = draw_at_once(network, batch, encoded, generator(seed + draws))
        likelihoods = network.log_likelihoods(batch, drawn)
        spikes, behavior = (-likelihoods[name].mean() for name in ("spikes", "behavior"))
        every.append(torch.stack([spikes, behavior, drawn.kl_path.sum(1).mean()]))
    a, b = torch.stack(sampled), torch.stack(every)
    error = ((a.var(0) + b.var(0)) / draws).sqrt()
    assert ((a.mean(0) - b.mean(0)).abs() < SIGMAS * error).all()
    assert (error < 0.1 * b.mean(0).abs()).all()


@pytest.mark.parametrize("stride", [1, 3])
def test_garbage_where_nothing_was_observed_changes_neither_loss_nor_gradient(stride: int) -> None:
    trials = with_times(TRIALS)
    network, batch = doubled(moved(fit_free(trials, encoder__stride=stride)), trials)
    past = torch.arange(N_TIME) >= batch.lengths[:, None]
    assert batch.stimulus is not None
    dirty = replace(
        batch,
        given=torch.where(batch.observed[..., None], batch.inputs, 1e3),
        stimulus=torch.where(past[..., None], -1e2, batch.stimulus),
        targets=torch.where(past[..., None], 1e3, batch.targets),
    )
    found = [loss_and_gradients(network, b) for b in (batch, dirty)]
    assert found[0][0] == found[1][0]
    assert all(torch.equal(a, b) for a, b in zip(found[0][1], found[1][1], strict=True))


def loss_and_gradients(network: LatentSDENetwork, batch: Batch) -> tuple[float, list[Tensor]]:
    loss, _ = free_loss(network, batch, generator(), 1.0)
    learned = [p for p in network.parameters() if p.requires_grad]
    return float(loss.detach()), list(torch.autograd.grad(loss, learned))


@pytest.mark.parametrize("stride", [1, 3])
def test_a_longer_window_changes_no_prediction_within_a_trial(stride: int) -> None:
    short = make_trials(n_time=7).replace(lengths=np.full(20, 7))
    longer = np.full((20, N_TIME, short.n_neurons), np.nan)
    longer[:, :7] = short.spikes
    stimulus = np.zeros((20, N_TIME, 2))
    stimulus[:, :7] = short.stimulus
    wide = TrialSet(
        longer,
        short.bin_s,
        lengths=np.full(20, 7),
        stimulus=stimulus,
        region=short.region,
        neuron_ids=short.neuron_ids,
    )
    model = moved(fit_free(signals__labels=(), encoder__stride=stride))
    a, b = (model.predict(each).rates[:, :7] for each in (short, wide))
    assert np.allclose(a, b, rtol=1e-5, equal_nan=True)


def test_where_generation_starts_is_learned_by_its_law_alone() -> None:
    network, batch = off_start("oscillators")
    encoded = network.encode(batch, generating=True)
    laws = network.laws(encoded)
    assert laws is not None
    score = start_score(network, laws, batch, encoded, generator())
    score.backward()
    reached = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None}
    assert reached == {"initial", "encoder"}
    assert network.encoder.contexts[0].weight_ih_l0.grad is None
    assert all(p.requires_grad for p in network.dynamics.parameters() if p.numel() > 1)


# --- paths that follow the marginals ----------------------------------------------------------


@KINDS
@FULL
def test_paths_have_the_marginals_at_every_bin(kind: str, full: bool) -> None:
    network, batch = off_start(kind, full, solver__bins_per_step=0.5)
    torch.set_grad_enabled(False)
    copies, trial = 1500, 5
    rows = torch.full((copies,), trial)
    many, encoded = batch.take(rows), network.encode(batch).take(rows)
    laws = network.laws(encoded)
    assert laws is not None
    law, n = laws.at(), int(batch.lengths[trial])
    states = network.draw(many, encoded, generator()).states[:, :n]
    mean, std = states.mean(0), states.std(0)
    factor = law.factor[0, :n]
    wanted = factor if factor.ndim == 2 else factor.square().sum(-1).sqrt()
    assert ((mean - law.mean[0, :n]).abs() < SIGMAS * wanted / copies**0.5).all()
    assert ((std / wanted - 1).abs() < SIGMAS / (2 * copies) ** 0.5).all()


def test_on_short_steps_evidence_is_the_bound_in_continuous_time() -> None:
    network, batch = off_start("noise of the input", solver__bins_per_step=0.05)
    torch.set_grad_enabled(False)
    encoded, paths = network.encode(batch), 60
    stepped, free = (
        torch.stack([draw(seed).kl_path.sum(1).mean() for seed in range(paths)])
        for draw in (
            lambda seed: network.draw(batch, encoded, generator(seed)),
            lambda seed: draw_at_once(network, batch, encoded, generator(seed + paths)),
        )
    )
    error = float(((stepped.var() + free.var()) / paths).sqrt())
    # steps hold the input of their start, and their laws to first order
    assert float(stepped.mean()) == pytest.approx(float(free.mean()), rel=0.03, abs=SIGMAS * error)
    assert error < 0.03 * float(free.mean())


def test_weights_of_paths_average_to_one() -> None:
    """E exp(log p(x) − log q(x)) = 1 over paths of the posterior: here one near the prior."""
    network, batch = doubled(fit_free(dynamics=NeuralSDE(2)), TRIALS)
    torch.set_grad_enabled(False)
    assert network.free is not None
    for weight in network.free.parameters():
        weight.zero_()
    network.free.out.bias[2:4] = 1.0  # stds of 0.8
    rows = torch.full((4000,), 5)
    short = thinned(batch, torch.arange(3).expand(len(batch), -1)).take(rows)
    weights = network.draw(short, network.encode(short), generator()).log_ratio.exp()
    error = float(weights.std()) / len(rows) ** 0.5
    assert error < 0.1
    assert float(weights.mean()) == pytest.approx(1, abs=SIGMAS * error)


def test_evidence_bounds_are_in_order_and_predictions_repeat() -> None:
    model = fit_free()
    found = model.evidence(TRIALS, paths=20)
    assert (found["importance_weighted"] >= found["elbo"] - 1e-3).all()
    assert equal(model.predict(TRIALS, seed=3), model.predict(TRIALS, seed=3))
    assert not equal(model.predict(TRIALS, seed=3), model.predict(TRIALS, seed=4), 1e-4)
