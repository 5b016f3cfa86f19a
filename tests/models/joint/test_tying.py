"""Networks that share all but what reads, or predicts, single neurons."""

import pytest
import torch
from torch import nn

from undertow.encoders import ReadIn
from undertow.errors import ModelError
from undertow.models.joint.tying import check_tied, frozen, shared_parameters, tie


class Reader(nn.Module):
    def __init__(self, neurons: int, width: int = 3) -> None:
        super().__init__()
        self.read_in = ReadIn(neurons, 2)
        self.inner = nn.Linear(2, width)
        self.register_buffer("kept", torch.rand(2))


class Network(nn.Module):
    def __init__(self, neurons: int, width: int = 3) -> None:
        super().__init__()
        self.encoder, self.decoder = Reader(neurons, width), nn.Linear(width, 2)
        self.scale = nn.Parameter(torch.rand(1))


def test_modules_parameters_and_buffers_become_the_same() -> None:
    first, second = Network(4), Network(7)
    tie(second, first)
    assert second.decoder is first.decoder
    assert second.encoder is not first.encoder
    assert second.encoder.inner is first.encoder.inner
    assert second.encoder.kept is first.encoder.kept
    assert second.scale is first.scale
    assert second.encoder.read_in.n_neurons == 7
    assert first.encoder.read_in.n_neurons == 4
    assert len(list(shared_parameters(second))) == 5
    check_tied(second, first, "file")


def test_what_differs_is_named() -> None:
    with pytest.raises(ModelError, match="share their inner: it is wider"):
        tie(Network(4, 5), Network(4, 3))
    lacking = Network(4)
    del lacking.decoder
    with pytest.raises(ModelError, match="share their decoder: one has none"):
        tie(Network(4), lacking)
    with pytest.raises(ModelError, match="file does not share"):
        check_tied(Network(4), Network(4), "file")


def test_frozen_weights_are_learned_again_afterwards() -> None:
    network = Network(4)
    network.scale.requires_grad_(False)  # of its own accord: it stays so
    with frozen(network):
        learned = {name for name, p in network.named_parameters() if p.requires_grad}
        assert learned == {"encoder.read_in.linear.weight", "encoder.read_in.linear.bias"}
    left = {name for name, p in network.named_parameters() if not p.requires_grad}
    assert left == {"scale"}
