"""How strongly noise enters: by hand, at the start, and always above zero."""

import math

import pytest
import torch

from tests.dynamics.variants import normal
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
