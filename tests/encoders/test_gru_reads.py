"""What the GRU reads at each bin, against torch's GRU on inputs shifted here by hand; dropout
inside the recurrence."""

import pytest
import torch
from torch import Tensor, nn

from undertow.encoders import Dropout, GRUEncoder, dropout_from
from undertow.encoders.gru_recurrence import gru_states
from undertow.errors import ModelError

TRIALS, BINS, NEURONS, HIDDEN, FORWARD = 3, 8, 5, 6, 2
LENGTHS = torch.tensor([8, 8, 8])


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(**options: object) -> GRUEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = GRUEncoder(NEURONS, HIDDEN, **options).double()  # type: ignore[arg-type]
    with torch.no_grad():
        encoder.no_input += draw(NEURONS, seed=1)
    return encoder


def window() -> Tensor:
    """All but the forward bins, and one bin missing."""
    observed = torch.ones(TRIALS, BINS, dtype=torch.bool)
    observed[:, -FORWARD:] = False
    observed[1, 3] = False
    return observed


# --- what it reads ----------------------------------------------------------------------------


def test_previous_reads_the_bin_before_and_nothing_at_the_first() -> None:
    encoder, inputs, observed = make(reads="previous"), draw(TRIALS, BINS, NEURONS), window()
    shifted = inputs.clone()
    for trial in range(TRIALS):
        for t in range(BINS):
            seen = t > 0 and bool(observed[trial, t - 1])
            shifted[trial, t] = inputs[trial, t - 1] if seen else encoder.no_input.detach()
    context, initial = encoder(inputs, observed, LENGTHS)
    expected = encoder.forwards(shifted)[0]
    assert torch.allclose(context, expected, atol=1e-12)
    assert torch.allclose(initial, expected[:, 0], atol=1e-12)


def test_held_reads_the_first_bin_twice_and_repeats_the_last_it_saw() -> None:
    encoder, inputs, observed = make(reads="held"), draw(TRIALS, BINS, NEURONS), window()
    held = inputs.clone()
    for trial in range(TRIALS):
        last = inputs[trial, 0]
        held[trial, 0] = last
        for t in range(1, BINS):
            last = inputs[trial, t - 1] if observed[trial, t - 1] else last
            held[trial, t] = last
    assert torch.equal(held[0, 0], held[0, 1])
    assert torch.equal(held[0, BINS - FORWARD], held[0, BINS - 1])
    assert torch.equal(held[0, BINS - 1], inputs[0, BINS - FORWARD - 1])
    context, initial = encoder(inputs, observed, LENGTHS)
    expected = encoder.forwards(held)[0]
    assert torch.allclose(context, expected, atol=1e-12)
    assert torch.allclose(initial, expected[:, 0], atol=1e-12)


@pytest.mark.parametrize("reads", ["previous", "held"])
def test_garbage_it_may_not_see_changes_nothing_even_in_the_first_bin(reads: str) -> None:
    encoder, inputs = make(reads=reads, bidirectional=True), draw(TRIALS, BINS, NEURONS)
    observed = window()
    observed[2, 0] = False
    clean = encoder(inputs, observed, LENGTHS)
    for garbage in (1e6, float("nan")):
        dirty = encoder(torch.where(observed[..., None], inputs, garbage), observed, LENGTHS)
        assert all(map(torch.equal, clean, dirty)), garbage


@pytest.mark.parametrize("reads", ["current", "previous", "held"])
def test_no_reading_looks_ahead(reads: str) -> None:
    encoder, inputs = make(reads=reads), draw(1, BINS, NEURONS).requires_grad_()
    context, _ = encoder(inputs, torch.ones(1, BINS, dtype=torch.bool), LENGTHS[:1])
    (grad,) = torch.autograd.grad(context[0, 4].sum(), inputs)
    touched = grad[0].abs().sum(-1) > 0
    sees = 5 if reads == "current" else 4
    assert touched.tolist() == [True] * sees + [False] * (BINS - sees)


def test_an_unknown_reading_is_refused() -> None:
    with pytest.raises(ModelError, match=r"reads is 'next': .* 'current', 'previous', 'held'"):
        GRUEncoder(NEURONS, reads="next")  # type: ignore[arg-type]


# --- dropout inside the recurrence ------------------------------------------------------------


def by_cells(inputs: Tensor, gru: nn.GRU, mask: Tensor) -> Tensor:
    """Torch's cell, bin by bin; the mask multiplies the state that is given out and handed on."""
    cell = nn.GRUCell(inputs.shape[2], gru.hidden_size).double()
    weights = {k.removesuffix("_l0"): v for k, v in gru.named_parameters()}
    h, states = inputs.new_zeros(len(inputs), gru.hidden_size), []
    for t in range(inputs.shape[1]):
        h = torch.func.functional_call(cell, weights, (inputs[:, t], h)) * mask[:, t]
        states.append(h)
    return torch.stack(states, 1)


def test_a_mask_in_the_recurrence_equals_a_loop_of_cells_with_all_gradients() -> None:
    gru = make().forwards
    mask = (draw(TRIALS, BINS, HIDDEN, seed=2) > -0.5).double() / 0.7
    weight, results = draw(TRIALS, BINS, HIDDEN, seed=3), []
    for run in (gru_states, by_cells):
        inputs = (2 * draw(TRIALS, BINS, NEURONS)).requires_grad_()
        states = run(inputs, gru, mask)
        grads = torch.autograd.grad((weight * states).sum(), [inputs, *gru.parameters()])
        results.append([states, *grads])
    for mine, theirs in zip(*results, strict=True):
        assert (mine - theirs).abs().max() < 1e-12 * max(1.0, float(theirs.detach().abs().max()))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_encoder_draws_its_mask_from_the_generator(bidirectional: bool) -> None:
    """Forwards first, then backwards; scaled so that the state keeps its mean."""
    encoder = make(recurrent_dropout=0.3, bidirectional=bidirectional).train()
    inputs, observed = draw(TRIALS, BINS, NEURONS), torch.ones(TRIALS, BINS, dtype=torch.bool)
    with dropout_from(encoder, torch.Generator().manual_seed(5)):
        context, _ = encoder(inputs, observed, LENGTHS)
    layer = Dropout(0.3)
    with dropout_from(layer, torch.Generator().manual_seed(5)):
        ones = torch.ones(TRIALS, BINS, HIDDEN, dtype=torch.float64)
        masks = [layer(ones) for _ in range(1 + bidirectional)]
    assert torch.allclose(
        context[..., :HIDDEN], by_cells(inputs, encoder.forwards, masks[0]), atol=1e-12
    )
    if encoder.backwards is not None:
        reverse = by_cells(inputs.flip(1), encoder.backwards, masks[1]).flip(1)
        assert torch.allclose(context[..., HIDDEN:], reverse, atol=1e-12)


def test_nothing_is_dropped_in_evaluation() -> None:
    inputs, observed = draw(TRIALS, BINS, NEURONS), window()
    plain, dropping = make().eval(), make(recurrent_dropout=0.5).eval()
    assert torch.equal(plain(inputs, observed, LENGTHS)[0], dropping(inputs, observed, LENGTHS)[0])
