"""The contract of `Encoder` over every exported encoder; and turning padded trials around."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import undertow.encoders
from tests.families import exported
from undertow.encoders import Encoder, GRUEncoder, LSTMEncoder
from undertow.encoders.base import reversal, take

TRIALS, BINS, NEURONS = 3, 5, 4
LENGTHS = torch.tensor([5, 3, 1])
INSIDE = torch.arange(BINS) < LENGTHS[:, None]
VARIANTS: dict[str, Callable[[], Encoder]] = {
    cls.__name__: lambda cls=cls: cls(NEURONS) for cls in exported(undertow.encoders, Encoder)
}
VARIANTS["bidirectional GRUEncoder"] = lambda: GRUEncoder(NEURONS, bidirectional=True)
VARIANTS["forward LSTMEncoder"] = lambda: LSTMEncoder(NEURONS, direction="forward")


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS.keys())
def encoder(request: pytest.FixtureRequest) -> Encoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made: Encoder = request.param().eval()
    return made


def test_shapes_and_gradients(encoder: Encoder) -> None:
    context, initial = encoder(draw(TRIALS, BINS, NEURONS), INSIDE, LENGTHS)
    assert context.shape == (TRIALS, BINS, encoder.context_dim)
    assert initial.shape == (TRIALS, encoder.initial_dim)
    (context.sum() + initial.sum()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in encoder.parameters())


def test_garbage_it_may_not_see_changes_nothing(encoder: Encoder) -> None:
    inputs, observed = draw(TRIALS, BINS, NEURONS), INSIDE & (draw(TRIALS, BINS, seed=2) > -0.5)
    clean = encoder(inputs, observed, LENGTHS)
    for garbage in (1e6, float("nan"), float("inf")):
        dirty = encoder(torch.where(observed[..., None], inputs, garbage), observed, LENGTHS)
        assert all(map(torch.equal, clean, dirty)), garbage


def test_causal_encoders_and_no_others_see_no_later_bin(encoder: Encoder) -> None:
    inputs = draw(1, BINS, NEURONS).requires_grad_()
    context, _ = encoder(inputs, INSIDE[:1], LENGTHS[:1])
    later = []
    for t in range(BINS - 1):
        (grad,) = torch.autograd.grad(context[0, t].sum(), inputs, retain_graph=True)
        later.append(bool((grad[0, t + 1 :] != 0).any()))
    assert any(later) != encoder.causal


def test_each_trial_is_turned_around_within_its_own_length() -> None:
    assert reversal(LENGTHS, 5).tolist() == [[4, 3, 2, 1, 0], [2, 1, 0, 3, 4], [0, 1, 2, 3, 4]]


def test_twice_is_not_at_all() -> None:
    x = torch.arange(30.0).view(3, 5, 2)
    order = reversal(LENGTHS, 5)
    assert take(x, order)[1, 0].tolist() == x[1, 2].tolist()
    assert torch.equal(take(take(x, order), order), x)
