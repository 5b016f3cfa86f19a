"""Sleep: what the encoder learns from trials that the prior makes."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal

from tests.models.small_sde import TRIALS, fit
from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.inference import InitialLaw
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.sleep import dreamed, sleep_loss
from undertow.observations import GaussianObservation


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def read(model, trials: TrialSet = TRIALS) -> Batch:
    return Batch.from_trials(trials, label_categories=model.population_.categories)


def moved(network: LatentSDENetwork) -> LatentSDENetwork:
    noise = generator(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.2 * torch.empty_like(parameter).normal_(generator=noise)
    return network


def test_its_gradient_reaches_the_inference_network_alone() -> None:
    model = fit(posterior__full_initial=True)
    network = moved(model.network_).train()
    network.zero_grad()
    sleep_loss(network, read(model), generator()).mean().backward()
    learned = {
        name.partition(".")[0] for name, p in network.named_parameters() if p.grad is not None
    }
    assert learned == {"encoder", "initial", "steering"}
    assert all(p.grad is not None for p in network.steering.parameters())
    assert network.training


def test_made_trials_are_missing_where_the_real_ones_are_and_differ_elsewhere() -> None:
    model = fit(signals__encode_behavior=True)
    batch = read(model)
    dream = dreamed(model.network_, batch, generator())
    assert torch.equal(dream.batch.targets.isnan(), batch.targets.isnan())
    assert torch.equal(dream.batch.behavior.isnan(), batch.behavior.isnan())
    assert not torch.equal(dream.batch.inputs.nan_to_num(), batch.inputs.nan_to_num())
    assert dream.starts.shape == (*dream.noise.shape[:2], 4)
    again = dreamed(model.network_, batch, generator())
    assert torch.equal(again.batch.targets.nan_to_num(), dream.batch.targets.nan_to_num())


@pytest.mark.parametrize("bins_per_step", [1, 2, 0.5])
@pytest.mark.parametrize("dynamics", ["coupled-oscillators", "linear-sde"])
def test_a_law_that_reads_no_spikes_has_a_density_over_the_prior_of_mean_one(
    bins_per_step: float, dynamics: str
) -> None:
    """E_p[q/p] = 1 for any q: 4,000 paths, tolerance of five standard errors."""
    model = fit(solver__bins_per_step=bins_per_step, dynamics=dynamics)
    network = moved(model.network_).eval()
    with torch.no_grad():
        blind = network.steering.network
        blind.given.weight.zero_()
        blind.out.weight.mul_(0.2)
        blind.out.bias.mul_(0.2)
        network.initial.gaussian.linear.weight.zero_()
    # few bins: along a whole trial a few paths would carry all of the mean
    batch = read(model, TRIALS[:, :3].replace(lengths=np.full(len(TRIALS), 3)))
    rows = torch.arange(4000) % len(batch)
    many = batch.take(rows)
    with torch.no_grad():
        weights = (-sleep_loss(network, many, generator())).exp()
    error = float(weights.std() / len(weights) ** 0.5)
    assert error < 0.2
    assert abs(float(weights.mean()) - 1) < 5 * error


@pytest.mark.parametrize("kind", ["controlled", "drift"])
@pytest.mark.parametrize("dynamics", ["coupled-oscillators", "linear-sde"])
def test_it_is_the_difference_of_the_two_laws_log_densities(kind: str, dynamics: str) -> None:
    """Trials of one step: two Gaussian laws of the state after it, and two of the state before."""
    trials = TRIALS[:, :3].replace(lengths=np.full(len(TRIALS), 2))
    network = moved(fit(posterior__kind=kind, dynamics=dynamics).network_).double().eval()
    batch = Batch.from_trials(trials, dtype=torch.float64)
    with torch.no_grad():
        loss = sleep_loss(network, batch, generator())
        dream = dreamed(network, batch, generator())
        encoded = network.encode(dream.batch)
        context = network.at_steps(encoded.context, batch.times_s, dream.grid)
        h = dream.grid.steps_s[0, 0] / network.dynamics.timescale_s
        x0, x1 = dream.starts[:, 0], dream.starts[:, 1]
        u = dream.inputs[:, 0]
        mean, std = network.dynamics.step(torch.zeros(len(x0), 1).double(), x0, h, u)
        factor = std if network.dynamics.correlated else torch.diag_embed(std.expand_as(x0))
        prepared = network.steering.prepare(context, dream.inputs)[:, 0]
        control = network.steering(x0, prepared, mean, std, h)
        pushed = mean + h.sqrt() * (factor @ control[..., None])[..., 0]
        law = network.initial_law(encoded)
        after = [MultivariateNormal(m, scale_tril=factor).log_prob(x1) for m in (mean, pushed)]
        before = [Normal(0.0, 1.0).log_prob(x0), Normal(law.mean, law.factor).log_prob(x0)]
    expected = after[0] - after[1] + (before[0] - before[1]).sum(1)
    assert loss.tolist() == pytest.approx(expected.tolist(), rel=1e-6, abs=1e-6)


class Identity(nn.Module):
    """Features are the state's coordinates."""

    def forward(self, units: Tensor, valid: Tensor, time_s: Tensor) -> Tensor:
        return units


def linear_gaussian(full: bool) -> tuple[LatentSDENetwork, Batch, float]:
    """x₀ ~ N(0, I₂) kept for ever, and y = x₁ + x₂ + noise of deviation s seen in ten bins."""
    trials = TrialSet(np.random.default_rng(0).poisson(1.0, (256, 10, 1)) + 0.0, 0.02)
    model = fit(
        trials,
        dynamics="linear-sde",
        dynamics__noise=False,
        latent_dim=2,
        posterior__full_initial=full,
        posterior__initial_s=0.2,
        encoder__hidden_dim=16,
    )
    network, s = copy.deepcopy(model.network_), 0.5
    with torch.no_grad():
        network.dynamics.matrix.zero_()
        network.dynamics.offset.zero_()
        observed = GaussianObservation(2, 1, floor=s**2)
        observed.readout_mean.weight.fill_(1.0)
        observed.readout_logvar.weight.zero_()
        observed.readout_logvar.bias.fill_(-30.0)
    network.decoder, network.observation = Identity(), observed
    return network, read(model, trials), s


def trained(network: LatentSDENetwork, batch: Batch, sleep: float, steps: int = 250) -> None:
    """Train the inference network alone, on fresh trials of the prior in every step."""
    inference = [*network.encoder.parameters(), *network.initial.parameters()]
    optimizer, noise = torch.optim.Adam(inference, 1e-2), generator(3)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / steps)
        made = dreamed(network, batch, noise).batch
        loss = network.loss(made, noise, 1.0)[0] * (1 - sleep)
        if sleep:
            loss = loss + sleep * sleep_loss(network, batch, noise).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def law_of(network: LatentSDENetwork, batch: Batch) -> InitialLaw:
    """The initial state inferred from fresh trials of the prior."""
    return network.initial_law(network.encode(dreamed(network, batch, generator(9)).batch))


@pytest.mark.slow
def test_sleep_finds_the_variance_that_the_evidence_bound_makes_too_narrow() -> None:
    """The posterior of (x₁, x₂) given their sum is a narrow ridge: correlation near −1.

    A diagonal q that maximises the bound has the variances given the other coordinate,
    1/(1 + 10/s²); the exact marginal variances are 1 − 1/(2 + s²/10). Sleep finds those.
    """
    exact = 1 - 1 / (2 + 0.5**2 / 10)
    narrow = 1 / (1 + 10 / 0.5**2)
    found = {}
    for sleep in (0.0, 1.0):
        network, batch, _ = linear_gaussian(full=False)
        trained(network, batch, sleep)
        law = law_of(network, batch)
        found[sleep] = float(law.factor.square().mean())
    assert found[0.0] == pytest.approx(narrow, rel=0.25)
    assert found[1.0] == pytest.approx(exact, rel=0.1)
    # with its covariances q is exact: then both agree
    network, batch, _ = linear_gaussian(full=True)
    trained(network, batch, 1.0)
    law = law_of(network, batch)
    covariance = (law.factor @ law.factor.mT).mean(0)
    assert covariance.diagonal().tolist() == pytest.approx([exact] * 2, rel=0.1)
    assert float(covariance[0, 1]) == pytest.approx(exact - 1, rel=0.1)
