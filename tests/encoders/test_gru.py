"""The GRU encoder: what it may not see changes nothing; both directions; causality; the initial
state's window."""

import pytest
import torch
from torch import Tensor

from undertow.encoders import GRUEncoder
from undertow.errors import ModelError

TRIALS, BINS, NEURONS = 4, 9, 5
LENGTHS = torch.tensor([9, 6, 3, 1])


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make(**options: object) -> GRUEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = GRUEncoder(NEURONS, 6, **options).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        encoder.no_input += draw(NEURONS, seed=1)
    return encoder


def inside(lengths: Tensor = LENGTHS) -> Tensor:
    return torch.arange(BINS) < lengths[:, None]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("initial_bins", [1, 3, 50, None])
def test_garbage_it_may_not_see_changes_nothing(
    bidirectional: bool, initial_bins: int | None
) -> None:
    encoder = make(bidirectional=bidirectional, initial_bins=initial_bins)
    observed = inside() & (draw(TRIALS, BINS, seed=2) > -0.5)
    inputs = draw(TRIALS, BINS, NEURONS)
    clean = encoder(inputs, observed, LENGTHS)
    for garbage in (1e6, float("nan"), float("inf")):
        dirty = encoder(torch.where(observed[..., None], inputs, garbage), observed, LENGTHS)
        assert all(map(torch.equal, clean, dirty)), garbage


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("initial_bins", [1, 3, None])
def test_padding_past_the_end_changes_nothing(
    bidirectional: bool, initial_bins: int | None
) -> None:
    """A trial padded to a longer window is encoded as it is alone."""
    encoder = make(bidirectional=bidirectional, initial_bins=initial_bins)
    inputs = draw(TRIALS, BINS, NEURONS)
    context, initial = encoder(inputs, inside(), LENGTHS)
    for trial, length in enumerate(LENGTHS.tolist()):
        alone = encoder(
            inputs[[trial], :length], torch.ones(1, length, dtype=torch.bool), LENGTHS[[trial]]
        )
        assert torch.allclose(context[[trial], :length], alone[0], atol=1e-6)
        assert torch.allclose(initial[[trial]], alone[1], atol=1e-6)


def test_backwards_is_the_reversed_trial_within_its_length() -> None:
    encoder = make(bidirectional=True, initial_bins=None)
    inputs = draw(TRIALS, BINS, NEURONS)
    context, initial = encoder(inputs, inside(), LENGTHS)
    assert encoder.backwards is not None
    for trial, length in enumerate(LENGTHS.tolist()):
        reverse = encoder.backwards(inputs[[trial], :length].flip(1))[0].flip(1)
        assert torch.allclose(context[trial, :length, 6:], reverse[0], atol=1e-6)
        assert torch.allclose(initial[trial, 6:], reverse[0, 0], atol=1e-6)
        assert torch.allclose(initial[trial, :6], context[trial, length - 1, :6], atol=1e-6)


def test_forwards_alone_is_causal() -> None:
    encoder = make()
    assert encoder.causal
    assert not make(bidirectional=True).causal
    inputs, full = draw(TRIALS, BINS, NEURONS), torch.full((TRIALS,), BINS)
    context, _ = encoder(inputs, inside(full), full)
    for t in range(BINS):
        later = torch.cat([inputs[:, : t + 1], draw(TRIALS, BINS - t - 1, NEURONS, seed=3)], 1)
        assert torch.equal(encoder(later, inside(full), full)[0][:, : t + 1], context[:, : t + 1])


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("initial_bins", "sees"), [(1, 1), (4, 4), (None, BINS)])
def test_the_initial_state_sees_its_window_and_all_of_it(
    bidirectional: bool, initial_bins: int | None, sees: int
) -> None:
    encoder = make(bidirectional=bidirectional, initial_bins=initial_bins)
    inputs = draw(1, BINS, NEURONS).requires_grad_()
    full = torch.tensor([BINS])
    encoder(inputs, inside(full), full)[1].sum().backward()
    assert inputs.grad is not None
    touched = inputs.grad[0].abs().sum(-1) > 0
    assert touched[:sees].all()
    assert not touched[sees:].any()


def test_the_initial_state_sees_no_later_than_the_end() -> None:
    encoder = make(initial_bins=None)
    inputs = draw(1, BINS, NEURONS).requires_grad_()
    encoder(inputs, inside(torch.tensor([5])), torch.tensor([5]))[1].sum().backward()
    assert inputs.grad is not None
    assert (inputs.grad[0].abs().sum(-1) > 0).tolist() == [True] * 5 + [False] * 4


def test_bins_without_input_use_the_learned_vector() -> None:
    encoder = make()
    nothing = torch.zeros(1, BINS, dtype=torch.bool)
    context, _ = encoder(draw(1, BINS, NEURONS), nothing, torch.tensor([BINS]))
    expected = encoder.forwards(encoder.no_input.expand(1, BINS, -1))[0]
    assert torch.allclose(context, expected, atol=1e-6)


def test_a_window_of_no_bins_is_refused() -> None:
    with pytest.raises(ModelError, match=r"initial_bins is 0: .* at least 1"):
        GRUEncoder(NEURONS, initial_bins=0)
