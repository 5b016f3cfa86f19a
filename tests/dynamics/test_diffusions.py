"""How strongly noise enters: by hand, at the start, and always above zero."""

import math

import pytest
import torch

from tests.dynamics.variants import normal
from undertow.dynamics import NeuralSDE
from undertow.dynamics.diffusions import DIFFUSIONS, FLOOR, START
from undertow.errors import ModelError


@pytest.mark.parametrize("kind", DIFFUSIONS)
def test_it_starts_near_the_same_value_and_stays_above_the_floor(kind: str) -> None:
    diffusion = DIFFUSIONS[kind](4, 2).double()
    x, u = normal(50, 4), normal(50, 2, seed=1)
    assert float(diffusion(x, u).detach().mean()) == pytest.approx(START, rel=0.1)
    with torch.no_grad():
        for parameter in diffusion.parameters():
            parameter.fill_(-50.0)
    assert (diffusion(x.abs(), u.abs()) >= FLOOR).all()


def test_by_hand() -> None:
    x, u = normal(3, 2), normal(3, 1, seed=1)
    for kind, given in (("state", x), ("input", u)):
        diffusion = DIFFUSIONS[kind](2, 1).double()
        inner = given @ diffusion.linear.weight.t() + diffusion.linear.bias
        assert torch.allclose(diffusion(x, u), torch.log1p(inner.exp()) + FLOOR)
    constant = DIFFUSIONS["constant"](2, 1).double()
    assert float(constant(x, u)[0].detach()) == pytest.approx(
        math.log1p(math.exp(constant.raw[0].item())) + FLOOR
    )


def test_a_missing_input_is_zero_and_none_to_read_is_refused() -> None:
    diffusion = DIFFUSIONS["input"](2, 1)
    assert torch.equal(
        diffusion(torch.zeros(1, 2)), diffusion(torch.zeros(1, 2), torch.zeros(1))
    ), "zero input"
    with pytest.raises(ModelError, match="diffusion='input' needs an input"):
        DIFFUSIONS["input"](2, 0)


def test_a_network_reads_state_and_input() -> None:
    diffusion = DIFFUSIONS["network"](2, 1).double()
    x, u = normal(3, 2), normal(3, 1, seed=1)
    hidden = torch.tanh(torch.cat([x, u], 1) @ diffusion.hidden.weight.t() + diffusion.hidden.bias)
    inner = hidden @ diffusion.linear.weight.t() + diffusion.linear.bias
    assert torch.allclose(diffusion(x, u), torch.log1p(inner.exp()) + FLOOR)
    assert torch.equal(diffusion(x), diffusion(x, torch.zeros(3, 1)))
    assert DIFFUSIONS["network"](2, 0)(x.float()).shape == (3, 2)
    with pytest.raises(ModelError, match="integrator='heun' needs noise that does not depend"):
        NeuralSDE(2, diffusion="network", integrator="heun")


def test_a_full_matrix_correlates_the_noise_of_a_step() -> None:
    dynamics = NeuralSDE(3, diffusion="full", timescale_s=1.0).double()
    with torch.no_grad():
        dynamics.diffusivity.below.copy_(torch.tensor([0.2, -0.1, 0.4]))
        x, h = normal(5, 3), torch.tensor(0.25).double()
        std = dynamics.step(0.0, x, h)[1]
        factor, noise = dynamics.diffusivity.factor, normal(4000, 3, seed=2)
        drawn = dynamics.spread(std, noise)
    assert dynamics.correlated
    assert (factor.triu(1) == 0).all()
    assert torch.allclose(std, 0.5 * factor)
    assert torch.allclose(drawn, 0.5 * noise @ factor.T)
    roots = (factor @ factor.T).diagonal().sqrt()
    assert torch.allclose(dynamics.diffusion(0.0, x), roots.expand(5, 3))
    rows = dynamics.step(0.0, x, torch.full((5, 1), 0.25).double())[1]
    assert torch.allclose(rows, std.expand(5, 3, 3))
