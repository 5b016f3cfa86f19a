"""A Gaussian over parameters: its divergence, its draws, and that they leave nothing behind."""

import math

import pytest
import torch
from torch import nn

from undertow.inference import ParameterLaw
from undertow.inference.parameter_law import START_STD


def module() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).double()


def test_its_divergence_is_that_of_normal_laws_shared_by_the_trials() -> None:
    net = module()
    law = ParameterLaw(net)
    n = sum(p.numel() for p in net.parameters())
    start = n * (0.5 * START_STD**2 - 0.5 - math.log(START_STD))
    assert float(law.kl(net).detach()) == pytest.approx(start)
    law.n_trials = 10
    with torch.no_grad():
        net[0].weight += 2.0
    assert float(law.kl(net).detach()) == pytest.approx((start + 6 * 0.5 * 4) / 10)


def test_draws_spread_as_the_law_says_and_the_mean_is_back_afterwards() -> None:
    """4,000 draws: a deviation is known to 1.1 %, a mean to 0.016 deviations."""
    net, generator = module(), torch.Generator().manual_seed(0)
    law, before = ParameterLaw(net), [*net.parameters()]
    drawn = []
    for _ in range(4000):
        with law.drawn(net, generator):
            drawn.append(net[0].weight.detach().clone())
    spread = torch.stack(drawn) - net[0].weight
    assert (spread.std(0) / START_STD - 1).abs().max() < 0.06
    assert spread.mean(0).abs().max() < 5 * START_STD / 4000**0.5
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))
    with pytest.raises(RuntimeError), law.drawn(net, generator):
        raise RuntimeError
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))


def test_gradients_reach_means_and_deviations() -> None:
    net = module()
    law = ParameterLaw(net)
    with law.drawn(net, torch.Generator().manual_seed(0)):
        value = net(torch.ones(1, 2).double()).sum()
    value.backward()
    assert all(p.grad is not None for p in [*net.parameters(), *law.parameters()])


def test_of_a_gaussian_mean_it_learns_the_posterior() -> None:
    """θ ~ N(0, 1) and 50 values y ~ N(θ, 1): the posterior is N(Σy/51, 1/51)."""
    torch.manual_seed(0)
    net = nn.Linear(1, 1, bias=False).double()
    nn.init.zeros_(net.weight)
    law, generator = ParameterLaw(net), torch.Generator().manual_seed(1)
    law.double().n_trials = 50
    y = 0.7 + torch.randn(50, generator=generator).double()
    optimizer = torch.optim.Adam([*net.parameters(), *law.parameters()], 0.02)
    steps = 1500
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.02 * (1 - step / steps)
        with law.drawn(net, generator):
            loss = 0.5 * (y - net.weight).square().mean()
        loss = loss + law.kl(net)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(net.weight.detach()) == pytest.approx(float(y.sum() / 51), abs=0.02)
    assert float(law.std("weight").detach()) == pytest.approx(51**-0.5, rel=0.1)
