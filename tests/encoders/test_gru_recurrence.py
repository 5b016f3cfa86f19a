"""The hand-written GRU against torch's own, values and gradients, in float64."""

import pytest
import torch
from torch import Tensor, nn

from undertow.encoders.gru_recurrence import GRURecurrence, gru_states


def made(n_inputs: int, hidden: int) -> nn.GRU:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.GRU(n_inputs, hidden, batch_first=True).double()


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(
    ("trials", "bins", "n_inputs", "hidden"), [(1, 1, 1, 1), (3, 7, 4, 5), (2, 40, 3, 16)]
)
def test_equals_torch_with_all_gradients(
    trials: int, bins: int, n_inputs: int, hidden: int
) -> None:
    gru, weight = made(n_inputs, hidden), draw(trials, bins, hidden)
    results = []
    for run in (lambda x: gru_states(x, gru), lambda x: gru(x)[0]):
        inputs = (2 * draw(trials, bins, n_inputs)).requires_grad_()
        states = run(inputs)
        grads = torch.autograd.grad((weight * states).sum(), [inputs, *gru.parameters()])
        results.append([states, *grads])
    for mine, theirs in zip(*results, strict=True):
        assert mine.shape == theirs.shape
        assert (mine - theirs).abs().max() < 1e-12 * max(1.0, float(theirs.detach().abs().max()))


def test_adjoint_equals_numerical_derivatives() -> None:
    values = [draw(4, 2, 9), draw(9, 3), draw(9)]
    assert torch.autograd.gradcheck(GRURecurrence.apply, [v.requires_grad_() for v in values])


def test_second_derivatives_are_refused_rather_than_wrong() -> None:
    gates = draw(4, 2, 9).requires_grad_()
    states = GRURecurrence.apply(gates, draw(9, 3), draw(9))
    (grad,) = torch.autograd.grad(states.square().sum(), gates, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()
