"""The learned map of an external input."""

import torch
from undertow.dynamics.inputs import InputMap

from tests.dynamics.variants import normal


def test_it_is_linear_and_zero_without_an_input() -> None:
    made = InputMap(2, 3).double()
    u = normal(4, 5, 2)
    assert torch.allclose(made(u), torch.einsum("dm,tbm->tbd", made.weight, u))
    assert made(None) == 0.0
    assert InputMap(0, 3)(u) == 0.0
    assert not list(InputMap(0, 3).parameters())
