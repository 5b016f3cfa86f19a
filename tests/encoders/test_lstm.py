"""The LSTM encoder: what each network reads and in which order; windows, masks, padding,
causality."""

import pytest
import torch
from torch import Tensor

from undertow.encoders import LSTMEncoder, dropout_from
from undertow.errors import ModelError

TRIALS, BINS, NEURONS, HIDDEN = 4, 9, 5, 6
LENGTHS = torch.tensor([9, 6, 3, 1])
DIRECTIONS = ("backward", "forward", "both")
WINDOWS = (0, 1, 3, 50, None)
directions = pytest.mark.parametrize("direction", DIRECTIONS)
# the networks of context and initial state are apart: each window once, each direction once
both_options = pytest.mark.parametrize(
    ("direction", "initial_bins"),
    [*(("both", window) for window in WINDOWS), ("backward", 3), ("forward", 3)],
)
windows = pytest.mark.parametrize("initial_bins", WINDOWS)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(**options: object) -> LSTMEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LSTMEncoder(NEURONS, HIDDEN, **options).double().eval()  # type: ignore[arg-type]


def inside(lengths: Tensor = LENGTHS) -> Tensor:
    return torch.arange(BINS) < lengths[:, None]


def with_channel(inputs: Tensor, observed: Tensor) -> Tensor:
    """What the networks read: zeros where they may not look, and the mask."""
    mask = observed[..., None].double()
    return torch.cat([torch.nan_to_num(inputs) * mask, mask], -1)


@both_options
def test_widths(direction: str, initial_bins: int | None) -> None:
    encoder = make(direction=direction, initial_bins=initial_bins)
    context, initial = encoder(draw(TRIALS, BINS, NEURONS), inside(), LENGTHS)
    assert encoder.context_dim == HIDDEN * (2 if direction == "both" else 1)
    assert encoder.initial_dim == (0 if initial_bins == 0 else HIDDEN)
    assert context.shape == (TRIALS, BINS, encoder.context_dim)
    assert initial.shape == (TRIALS, encoder.initial_dim)
    assert encoder.causal == (direction == "forward")


def test_the_paper_s_sizes_are_the_default() -> None:
    encoder = LSTMEncoder(NEURONS)
    assert encoder.context_dim == encoder.initial_dim == 64
    assert encoder.initial is not None
    assert encoder.initial.num_layers == 2
    assert [network.num_layers for network in encoder.contexts] == [2]
    assert not encoder.causal


def test_the_context_reads_each_trial_backwards_within_its_length() -> None:
    encoder, inputs = make(direction="both"), draw(TRIALS, BINS, NEURONS)
    context, _ = encoder(inputs, inside(), LENGTHS)
    read = with_channel(inputs, inside())
    forwards, backwards = encoder.contexts
    for trial, length in enumerate(LENGTHS.tolist()):
        own = read[[trial], :length]
        assert torch.allclose(context[[trial], :length, :HIDDEN], forwards(own)[0], atol=1e-12)
        reverse = backwards(own.flip(1))[0].flip(1)
        assert torch.allclose(context[[trial], :length, HIDDEN:], reverse, atol=1e-12)


@pytest.mark.parametrize("direction", ["backward", "forward"])
def test_one_direction_sees_one_side(direction: str) -> None:
    encoder, full = make(direction=direction), torch.tensor([BINS])
    inputs = draw(1, BINS, NEURONS).requires_grad_()
    for t in range(BINS):
        context, _ = encoder(inputs, inside(full), full)
        (grad,) = torch.autograd.grad(context[0, t].sum(), inputs)
        touched = (grad[0].abs().sum(-1) > 0).tolist()
        assert touched == [k >= t if direction == "backward" else k <= t for k in range(BINS)]


@windows
def test_the_initial_features_are_the_last_output_of_the_window_read_in_reverse(
    initial_bins: int | None,
) -> None:
    encoder, inputs = make(initial_bins=initial_bins), draw(TRIALS, BINS, NEURONS)
    _, initial = encoder(inputs, inside(), LENGTHS)
    if encoder.initial is None:
        assert initial_bins == 0
        return
    read = with_channel(inputs, inside())
    for trial, length in enumerate(LENGTHS.tolist()):
        window = length if initial_bins is None else min(length, initial_bins)
        last = encoder.initial(read[[trial], :window].flip(1))[0][0, -1]
        assert torch.allclose(initial[trial], last, atol=1e-12)


def test_the_start_may_differ_between_trials() -> None:
    encoder, inputs = make(initial_bins=None), draw(TRIALS, BINS, NEURONS)
    assert encoder.initial is not None
    sizes = [k % (int(length) + 1) for k, length in enumerate(LENGTHS)]
    start = torch.arange(BINS) < torch.tensor(sizes)[:, None]
    context, initial = encoder(inputs, inside(), LENGTHS, start)
    assert torch.equal(context, encoder(inputs, inside(), LENGTHS)[0])
    read = with_channel(inputs, inside())
    assert sizes[0] == 0
    for trial, size in enumerate(sizes):
        window = read[[trial], :size].flip(1) if size else torch.zeros_like(read[[trial], :1])
        assert torch.allclose(initial[trial], encoder.initial(window)[0][0, -1], atol=1e-12)


@directions
@pytest.mark.parametrize(("initial_bins", "sees"), [(1, 1), (4, 4), (None, BINS)])
def test_the_initial_state_sees_its_window_and_nothing_after(
    direction: str, initial_bins: int | None, sees: int
) -> None:
    encoder, full = make(direction=direction, initial_bins=initial_bins), torch.tensor([BINS])
    inputs = draw(1, BINS, NEURONS).requires_grad_()
    _, initial = encoder(inputs, inside(full), full)
    (grad,) = torch.autograd.grad(initial.sum(), inputs)
    assert (grad[0].abs().sum(-1) > 0).tolist() == [k < sees for k in range(BINS)]
    changed = torch.cat([inputs[:, :sees], draw(1, BINS - sees, NEURONS, seed=4)], 1)
    observed = inside(full)
    observed[:, sees:] = False
    assert torch.equal(encoder(changed, observed, full)[1], initial)


@both_options
def test_garbage_it_may_not_see_changes_nothing(direction: str, initial_bins: int | None) -> None:
    encoder = make(direction=direction, initial_bins=initial_bins)
    inputs = draw(TRIALS, BINS, NEURONS)
    observed = inside() & (draw(TRIALS, BINS, seed=2) > -0.5)
    clean = encoder(inputs, observed, LENGTHS)
    for garbage in (1e6, float("nan"), float("inf")):
        dirty = encoder(torch.where(observed[..., None], inputs, garbage), observed, LENGTHS)
        assert all(map(torch.equal, clean, dirty)), garbage


@both_options
def test_padding_past_the_end_changes_nothing(direction: str, initial_bins: int | None) -> None:
    """A trial padded to a longer window is encoded as it is alone."""
    encoder, inputs = (
        make(direction=direction, initial_bins=initial_bins),
        draw(TRIALS, BINS, NEURONS),
    )
    context, initial = encoder(inputs, inside(), LENGTHS)
    for trial, length in enumerate(LENGTHS.tolist()):
        alone = encoder(
            inputs[[trial], :length], torch.ones(1, length, dtype=torch.bool), LENGTHS[[trial]]
        )
        assert torch.allclose(context[[trial], :length], alone[0], atol=1e-12)
        assert torch.allclose(initial[[trial]], alone[1], atol=1e-12)


def test_a_bin_of_zeros_is_not_a_bin_unseen() -> None:
    encoder, nothing = make(), torch.zeros(1, BINS, NEURONS, dtype=torch.float64)
    full, seen = torch.tensor([BINS]), torch.ones(1, BINS, dtype=torch.bool)
    for a, b in zip(encoder(nothing, seen, full), encoder(nothing, ~seen, full), strict=True):
        assert not torch.allclose(a, b, atol=1e-3)


def test_dropout_is_on_in_training_alone() -> None:
    encoder, inputs = make(dropout=0.5), draw(TRIALS, BINS, NEURONS)
    plain = encoder(inputs, inside(), LENGTHS)
    with dropout_from(encoder.train(), torch.Generator().manual_seed(0)):
        dropping = encoder(inputs, inside(), LENGTHS)
    for a, b in zip(plain, dropping, strict=True):
        kept = b != 0
        assert torch.allclose(b[kept], 2 * a[kept])
        assert 0 < int(kept.sum()) < kept.numel()


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ModelError, match=r"direction is 'up': .* 'backward', 'forward', 'both'"):
        LSTMEncoder(NEURONS, direction="up")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"initial_bins is -1: .* at least 0"):
        LSTMEncoder(NEURONS, initial_bins=-1)
