"""The contract of `Decoder` over every exported decoder; masks, causality and time of the
Transformer."""

import pytest
import torch
from torch import Tensor

import undertow.decoders
from tests.families import exported
from undertow.decoders import Decoder, TransformerDecoder
from undertow.decoders.transformer import sinusoids
from undertow.encoders import dropout_from
from undertow.errors import ModelError

TRIALS, BINS, INPUTS = 3, 8, 6
TIME_S = (torch.arange(BINS) + 0.5) * 0.02
ALL = torch.ones(TRIALS, BINS, dtype=torch.bool)
FAMILY = exported(undertow.decoders, Decoder)
VARIANTS = {cls.__name__: lambda cls=cls: cls(INPUTS) for cls in FAMILY}
VARIANTS["causal TransformerDecoder"] = lambda: TransformerDecoder(INPUTS, causal=True)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS.keys())
def decoder(request: pytest.FixtureRequest) -> Decoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made: Decoder = request.param().eval()
    return made


def missing() -> Tensor:
    valid = ALL.clone()
    valid[0, 3], valid[1, 5:], valid[2, 0] = False, False, False
    return valid


def test_shapes_and_gradients(decoder: Decoder) -> None:
    inputs = draw(TRIALS, BINS, INPUTS).requires_grad_()
    features = decoder(inputs, ALL, TIME_S)
    assert features.shape == (TRIALS, BINS, decoder.feature_dim)
    assert isinstance(decoder.causal, bool)
    features.square().sum().backward()
    assert inputs.grad is not None
    assert torch.isfinite(inputs.grad).all()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in decoder.parameters())


def test_dtype_is_kept(decoder: Decoder) -> None:
    for dtype in (torch.float32, torch.float64):
        inputs = draw(TRIALS, BINS, INPUTS).to(dtype)
        assert decoder.to(dtype)(inputs, missing(), TIME_S).dtype == dtype


def test_an_invalid_bin_changes_no_other_bin(decoder: Decoder) -> None:
    inputs, valid = draw(TRIALS, BINS, INPUTS), missing()
    dirty = torch.where(valid[..., None], inputs, 1e6 * draw(TRIALS, BINS, INPUTS, seed=1))
    clean, other = decoder(inputs, valid, TIME_S), decoder(dirty, valid, TIME_S)
    assert torch.equal(clean[valid], other[valid])


def test_causal_decoders_and_no_others_do_not_look_ahead(decoder: Decoder) -> None:
    inputs, valid = draw(TRIALS, BINS, INPUTS), missing()
    whole = decoder(inputs, valid, TIME_S)
    same = [
        torch.allclose(decoder(inputs[:, :t], valid[:, :t], TIME_S[:t]), whole[:, :t], atol=1e-5)
        for t in range(1, BINS + 1)
    ]
    assert all(same[:-1]) == decoder.causal
    assert same[-1]


def test_the_transformer_looks_everywhere_unless_causal() -> None:
    for causal in (False, True):
        inputs = draw(1, BINS, INPUTS).requires_grad_()
        TransformerDecoder(INPUTS, causal=causal).eval()(inputs, ALL[:1], TIME_S)[
            0, 3, 0
        ].backward()
        assert inputs.grad is not None
        touched = inputs.grad[0].abs().sum(-1) > 0
        assert touched.tolist() == [True] * 4 + [not causal] * 4


def test_all_valid_is_as_no_mask() -> None:
    """The short cut without a mask gives what a mask of all True gives."""
    decoder = TransformerDecoder(INPUTS).eval()
    inputs = draw(TRIALS, BINS, INPUTS)
    one_missing = torch.cat([ALL, torch.zeros(1, BINS, dtype=torch.bool)])
    masked = decoder(torch.cat([inputs, inputs[:1]]), one_missing, TIME_S)[:TRIALS]
    assert torch.allclose(decoder(inputs, ALL, TIME_S), masked, atol=1e-5)


def test_a_trial_without_any_valid_bin_stays_finite() -> None:
    features = TransformerDecoder(INPUTS).eval()(draw(1, BINS, INPUTS), ~ALL[:1], TIME_S)
    assert torch.isfinite(features).all()


def test_time_is_in_seconds_not_in_bins() -> None:
    """Every other bin of 20 ms has the code of a bin of 40 ms with the same centre."""
    fine = sinusoids(torch.tensor([0.02, 0.04, 0.06, 0.08]), 16, torch.float64)
    coarse = sinusoids(torch.tensor([0.04, 0.08]), 16, torch.float64)
    assert torch.equal(fine[1::2], coarse)
    assert fine.shape == (4, 16)
    assert fine.abs().max() <= 1


def test_without_time_the_transformer_is_blind_to_order() -> None:
    decoder = TransformerDecoder(INPUTS).eval()
    inputs, now = draw(1, BINS, INPUTS), torch.zeros(BINS)
    flipped = decoder(inputs.flip(1), ALL[:1], now).flip(1)
    assert torch.allclose(decoder(inputs, ALL[:1], now), flipped, atol=1e-5)
    assert not torch.allclose(
        decoder(inputs, ALL[:1], TIME_S),
        decoder(inputs.flip(1), ALL[:1], TIME_S).flip(1),
        atol=1e-3,
    )


def test_dropout_is_off_in_evaluation_and_on_in_training() -> None:
    for cls in FAMILY:
        decoder, inputs = cls(INPUTS, dropout=0.5), draw(TRIALS, BINS, INPUTS)
        with dropout_from(decoder, torch.Generator().manual_seed(0)):
            assert not torch.equal(decoder(inputs, ALL, TIME_S), decoder(inputs, ALL, TIME_S))
        decoder.eval()
        assert torch.equal(decoder(inputs, ALL, TIME_S), decoder(inputs, ALL, TIME_S))


def test_a_width_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(ModelError, match="decoder width 30 is not a multiple of 4 heads"):
        TransformerDecoder(INPUTS, width=30)
