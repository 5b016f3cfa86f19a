"""The Transformer written out piece by piece, in both places of its normalisation, and its scaled
start."""

import math

import pytest
import torch
from torch import Tensor

from undertow.decoders import TransformerDecoder
from undertow.decoders.transformer import sinusoids
from undertow.encoders import dropout_from
from undertow.errors import ModelError

TRIALS, BINS, INPUTS, WIDTH, HEADS = 2, 6, 5, 12, 3
TIME_S = (torch.arange(BINS) + 0.5) * 0.02


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(**options: object) -> TransformerDecoder:
    """In float64, every parameter off its start."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder = TransformerDecoder(INPUTS, WIDTH, HEADS, feedforward=7, **options).double().eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for k, parameter in enumerate(decoder.parameters()):
            parameter += 0.1 * draw(*parameter.shape, seed=10 + k)
    return decoder


def start(initial_scale: float) -> dict[str, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return dict(
            TransformerDecoder(INPUTS, WIDTH, HEADS, initial_scale=initial_scale).named_parameters()
        )


def normalised(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def linear(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    return x @ weights[f"{name}.weight"].t() + weights[f"{name}.bias"]


def attention(x: Tensor, weights: dict[str, Tensor], valid: Tensor) -> Tensor:
    """One query, one head and one trial at a time."""
    joint, depth = linear(x, weights, "query_key_value"), WIDTH // HEADS
    out = torch.zeros_like(x)
    for trial in range(len(x)):
        for head in range(HEADS):
            query, key, value = (
                joint[trial, :, part * WIDTH + head * depth : part * WIDTH + (head + 1) * depth]
                for part in range(3)
            )
            for t in range(x.shape[1]):
                looks = [s for s in range(x.shape[1]) if s == t or bool(valid[trial, s])]
                share = (query[t] @ key[looks].t() / math.sqrt(depth)).exp()
                out[trial, t, head * depth : (head + 1) * depth] = (
                    share @ value[looks] / share.sum()
                )
    return linear(out, weights, "attention_out")


def feedforward(x: Tensor, weights: dict[str, Tensor]) -> Tensor:
    inner = linear(x, weights, "feedforward.0")
    return linear(inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2))), weights, "feedforward.3")


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("missing", [False, True])
def test_it_is_what_is_written_out(norm: str, missing: bool) -> None:
    decoder, inputs = make(norm=norm), draw(TRIALS, BINS, INPUTS)
    valid = torch.ones(TRIALS, BINS, dtype=torch.bool)
    if missing:
        valid[0, 2], valid[1, 4:] = False, False
    w = dict(decoder.named_parameters())
    x = linear(inputs, w, "project") + sinusoids(TIME_S, WIDTH, torch.float64)
    if norm == "post":
        x = normalised(x + attention(x, w, valid), w, "norm_attention")
        x = normalised(x + feedforward(x, w), w, "norm_feedforward")
    else:
        x = x + attention(normalised(x, w, "norm_attention"), w, valid)
        x = x + feedforward(normalised(x, w, "norm_feedforward"), w)
        x = normalised(x, w, "norm_out")
    assert torch.allclose(decoder(inputs, valid, TIME_S), x, atol=1e-12)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_gradients_reach_every_parameter(norm: str) -> None:
    decoder = make(norm=norm)
    valid = torch.ones(TRIALS, BINS, dtype=torch.bool)
    with dropout_from(decoder, torch.Generator().manual_seed(0)):
        (
            decoder(draw(TRIALS, BINS, INPUTS), valid, TIME_S) * draw(TRIALS, BINS, WIDTH, seed=1)
        ).sum().backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_the_scaled_start_scales_what_each_part_adds_and_nothing_else() -> None:
    plain, scaled = start(1.0), start(0.67)
    changed = {name for name in plain if not torch.equal(plain[name], scaled[name])}
    assert changed == {"attention_out.weight", "feedforward.0.weight", "feedforward.3.weight"}
    for name in changed:
        assert torch.allclose(scaled[name], 0.67 * plain[name])


def test_an_unknown_norm_is_refused() -> None:
    with pytest.raises(ModelError, match=r"norm is 'rms': .* 'pre', 'post'"):
        TransformerDecoder(INPUTS, WIDTH, HEADS, norm="rms")
