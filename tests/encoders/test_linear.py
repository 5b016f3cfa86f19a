"""The linear encoder: one product a bin, and no bin knows of another."""

import pytest
import torch
from torch import Tensor

from undertow.encoders import LinearEncoder, dropout_from

TRIALS, BINS, NEURONS = 3, 7, 5
LENGTHS = torch.tensor([7, 4, 1])
OBSERVED = torch.arange(BINS) < LENGTHS[:, None]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(**options: object) -> LinearEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = LinearEncoder(NEURONS, 6, **options).double().eval()  # type: ignore[arg-type]
    with torch.no_grad():
        encoder.no_input += draw(NEURONS, seed=1)
    return encoder


def test_each_bin_is_one_product() -> None:
    encoder, inputs = make(), draw(TRIALS, BINS, NEURONS)
    context, _ = encoder(inputs, OBSERVED, LENGTHS)
    weight, bias = encoder.linear.weight, encoder.linear.bias
    for trial in range(TRIALS):
        for t in range(BINS):
            seen = inputs[trial, t] if OBSERVED[trial, t] else encoder.no_input
            assert torch.allclose(context[trial, t], weight @ seen + bias, atol=1e-12)


def test_no_bin_knows_of_another() -> None:
    encoder, inputs = make(), draw(1, BINS, NEURONS).requires_grad_()
    full = torch.tensor([BINS])
    for t in range(BINS):
        context, _ = encoder(inputs, torch.ones(1, BINS, dtype=torch.bool), full)
        (grad,) = torch.autograd.grad(context[0, t].sum(), inputs)
        assert (grad[0].abs().sum(-1) > 0).tolist() == [k == t for k in range(BINS)]
    assert encoder.causal


@pytest.mark.parametrize("initial_bins", [1, 3, 50, None])
def test_the_initial_state_is_inferred_from_the_mean_over_its_window(
    initial_bins: int | None,
) -> None:
    encoder, inputs = make(initial_bins=initial_bins), draw(TRIALS, BINS, NEURONS)
    context, initial = encoder(inputs, OBSERVED, LENGTHS)
    for trial, length in enumerate(LENGTHS.tolist()):
        window = length if initial_bins is None else min(length, initial_bins)
        assert torch.allclose(initial[trial], context[trial, :window].mean(0), atol=1e-12)


def test_dropout_is_on_in_training_alone() -> None:
    encoder, inputs = make(dropout=0.5), draw(TRIALS, BINS, NEURONS)
    context, _ = encoder(inputs, OBSERVED, LENGTHS)
    assert (context != 0).all()
    with dropout_from(encoder.train(), torch.Generator().manual_seed(0)):
        dropped, _ = encoder(inputs, OBSERVED, LENGTHS)
    kept = dropped != 0
    assert torch.allclose(dropped[kept], 2 * context[kept])
    assert 0 < int(kept.sum()) < kept.numel()
