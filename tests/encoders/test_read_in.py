"""The read-in: channels of the neurons' counts, and what encoders make of them."""

import pytest
import torch
from torch import Tensor

from undertow.encoders import Encoder, GRUEncoder, LinearEncoder, LSTMEncoder, ReadIn
from undertow.encoders.read_in import read_width

NEURONS, OTHERS, CHANNELS, TRIALS, BINS = 5, 2, 3, 4, 6
LENGTHS = torch.tensor([6, 6, 4, 2])
OBSERVED = torch.arange(BINS) < LENGTHS[:, None]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def read_in() -> ReadIn:
    torch.manual_seed(3)
    return ReadIn(NEURONS, CHANNELS).double()


def test_neurons_are_mapped_and_others_passed_on() -> None:
    layer, inputs = read_in(), draw(TRIALS, BINS, NEURONS + OTHERS)
    found = layer(inputs)
    neurons = inputs[..., :NEURONS] @ layer.linear.weight.T + layer.linear.bias
    assert torch.allclose(found[..., :CHANNELS], neurons, atol=1e-12)
    assert torch.equal(found[..., CHANNELS:], inputs[..., NEURONS:])
    assert torch.equal(layer(inputs[..., :NEURONS]), found[..., :CHANNELS])
    assert (layer.n_neurons, layer.channels) == (NEURONS, CHANNELS)
    assert layer.of_neurons


def test_widths() -> None:
    assert read_width(7, None) == 7
    assert read_width(NEURONS + OTHERS, read_in()) == CHANNELS + OTHERS


MAKE = {
    "gru": lambda n, layer: GRUEncoder(n, 6, read_in=layer),
    "linear": lambda n, layer: LinearEncoder(n, 6, read_in=layer),
    "lstm": lambda n, layer: LSTMEncoder(n, 6, direction="both", initial_bins=2, read_in=layer),
}


@pytest.mark.parametrize("kind", MAKE)
def test_an_encoder_with_a_read_in_is_one_of_its_channels(kind: str) -> None:
    """Given channels in place of counts, an encoder without one gives the same."""
    layer, inputs = read_in(), draw(TRIALS, BINS, NEURONS + OTHERS)

    def make(n: int, with_one: ReadIn | None) -> Encoder:
        torch.manual_seed(1)
        return MAKE[kind](n, with_one).double().eval()

    whole, plain = make(NEURONS + OTHERS, layer), make(CHANNELS + OTHERS, None)
    plain.load_state_dict(
        {k: v for k, v in whole.state_dict().items() if not k.startswith("read_in")}
    )
    for a, b in zip(
        whole(inputs, OBSERVED, LENGTHS), plain(layer(inputs), OBSERVED, LENGTHS), strict=True
    ):
        assert torch.allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("kind", MAKE)
def test_counts_of_bins_that_were_not_observed_are_not_read(kind: str) -> None:
    torch.manual_seed(1)
    encoder = MAKE[kind](NEURONS, read_in()).double().eval()
    inputs, changed = draw(TRIALS, BINS, NEURONS), draw(TRIALS, BINS, NEURONS)
    changed[~OBSERVED] = 99.0
    for a, b in zip(
        encoder(inputs, OBSERVED, LENGTHS), encoder(changed, OBSERVED, LENGTHS), strict=True
    ):
        assert torch.allclose(a, b, atol=1e-12)
