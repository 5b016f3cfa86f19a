"""Generator and controller in one recurrence, against a plain loop, values and gradients, in
float64."""

import pytest
import torch
from torch import Tensor

from undertow.models.lfads.recurrence import (
    LEAST_LOGVAR,
    MOST_LOGVAR,
    ControlledGenerator,
    Weights,
)

BINS, TRIALS, UNITS, CONTROLLER, INPUTS, FACTORS = 4, 2, 4, 3, 2, 3


def arguments(missing: bool, scale: float = 0.4) -> list[Tensor | None]:
    """Random arguments; with `missing`, inputs of about half of the bins follow a chain."""
    source = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        drawn = torch.randn(shape, generator=source, dtype=torch.float64)
        return (scale * drawn).requires_grad_()

    gates = [draw(BINS, TRIALS, 3 * CONTROLLER), draw(BINS, TRIALS, 3 * UNITS)]
    noise = draw(BINS, TRIALS, INPUTS).detach()
    start = [draw(TRIALS, UNITS), draw(TRIALS, CONTROLLER)]
    chain: list[Tensor | None] = [None, None, None]
    if missing:
        inferred = (torch.rand(BINS, TRIALS, 1, generator=source) < 0.5).double()
        kept = (1 - inferred) * draw(BINS, TRIALS, INPUTS).detach()
        added = (1 - inferred) * draw(BINS, TRIALS, INPUTS).detach()
        chain = [inferred, kept.requires_grad_(), added.requires_grad_()]
    weights = Weights(
        draw(3 * UNITS + FACTORS, UNITS),
        draw(3 * UNITS),
        draw(3 * UNITS, INPUTS),
        draw(3 * CONTROLLER, FACTORS),
        draw(3 * CONTROLLER, CONTROLLER),
        draw(3 * CONTROLLER),
        draw(2 * INPUTS, CONTROLLER),
        draw(2 * INPUTS),
    )
    return [*gates, noise, *start, *chain, *weights]


def gru(gates: Tensor, recurrent: Tensor, state: Tensor) -> Tensor:
    (a_r, a_u, a_n), (b_r, b_u, b_n) = gates.chunk(3, 1), recurrent.chunk(3, 1)
    reset, update = torch.sigmoid(a_r + b_r), torch.sigmoid(a_u + b_u)
    return update * state + (1 - update) * torch.tanh(a_n + reset * b_n)


def plain_loop(
    shown: Tensor,
    driven: Tensor,
    noise: Tensor,
    state: Tensor,
    controller: Tensor,
    inferred: Tensor | None,
    kept: Tensor | None,
    added: Tensor | None,
    *weights: Tensor,
) -> tuple[Tensor, ...]:
    """The module's equations, recorded by autograd."""
    own, found, before = Weights(*weights), [], torch.zeros_like(noise[0])
    for t in range(len(noise)):
        both = state @ own.generator.t()
        seen = shown[t] + both[:, 3 * UNITS :] @ own.feedback.t()
        controller = gru(seen, controller @ own.controller.t() + own.controller_bias, controller)
        mean, logvar = (controller @ own.head.t() + own.head_bias).chunk(2, 1)
        logvar = logvar.clamp(LEAST_LOGVAR, MOST_LOGVAR)
        drawn = mean + (0.5 * logvar).exp() * noise[t]
        if inferred is not None and kept is not None and added is not None:
            drawn = inferred[t] * drawn + kept[t] * before + added[t]
        recurrent = both[:, : 3 * UNITS] + own.generator_bias
        state, before = gru(driven[t] + drawn @ own.inputs.t(), recurrent, state), drawn
        found.append((state, drawn, mean, logvar))
    return tuple(torch.stack(each) for each in zip(*found, strict=True))


@pytest.mark.parametrize("missing", [False, True])
# at scale 8 some log-variances leave their bounds
@pytest.mark.parametrize("scale", [0.4, 8.0])
def test_equals_a_plain_loop_with_all_gradients(missing: bool, scale: float) -> None:
    results = []
    for run in (ControlledGenerator.apply, plain_loop):
        given = arguments(missing, scale)
        outputs = run(*given)
        source = torch.Generator().manual_seed(1)
        loss = sum(
            (torch.randn(each.shape, generator=source, dtype=each.dtype) * each).sum()
            for each in outputs
        )
        learned = [each for each in given if each is not None and each.requires_grad]
        results.append([*outputs, *torch.autograd.grad(loss, learned)])
    if scale > 1:
        assert (results[0][3] == MOST_LOGVAR).any()
    for mine, theirs in zip(*results, strict=True):
        assert mine.shape == theirs.shape
        assert (mine - theirs).abs().max() < 1e-12 * max(1.0, float(theirs.detach().abs().max()))


@pytest.mark.parametrize("missing", [False, True])
def test_adjoint_equals_numerical_derivatives(missing: bool) -> None:
    assert torch.autograd.gradcheck(ControlledGenerator.apply, arguments(missing))


def test_without_inputs_into_it_the_generator_is_torch_s_gru() -> None:
    given = arguments(missing=False)
    own = Weights(*given[8:])  # type: ignore[arg-type]
    with torch.no_grad():
        own.inputs.zero_()
    states = ControlledGenerator.apply(*given)[0]
    cell = torch.nn.GRUCell(1, UNITS, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_hh.copy_(own.generator[: 3 * UNITS])
        cell.bias_hh.copy_(own.generator_bias)
        cell.weight_ih.zero_()
        state = given[3]
        for t in range(BINS):
            assert given[1] is not None
            for trial in range(TRIALS):
                cell.bias_ih.copy_(given[1][t, trial])
                assert state is not None
                moved = cell(torch.zeros(1, 1, dtype=torch.float64), state[[trial]])
                assert torch.allclose(moved[0], states[t, trial], atol=1e-14)
            state = states[t]
