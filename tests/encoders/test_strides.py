"""Strides: sums of several bins, and values of theirs read at every bin."""

import pytest
import torch

from undertow.encoders import LSTMEncoder, Strides

LENGTHS = torch.tensor([7, 3, 1])


def test_sums_run_over_strides_from_the_first_bin() -> None:
    values = torch.arange(14.0).view(1, 7, 2)
    summed = Strides(torch.tensor([7]), 7, 3).summed(values)
    assert torch.equal(summed[0], torch.tensor([[6.0, 9.0], [24.0, 27.0], [12.0, 13.0]]))


def test_values_stand_at_the_middle_of_strides_and_are_held_outside() -> None:
    strides = Strides(LENGTHS, 7, 3)
    assert strides.lengths.tolist() == [3, 1, 1]
    values = torch.tensor([[10.0, 40.0, 70.0]]).expand(3, -1)[..., None]
    read = strides.spread(values)[..., 0]
    assert torch.allclose(read[0], torch.tensor([10.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]))
    # past its only stride a trial reads nothing of what stands there
    assert torch.allclose(read[1:], torch.full((2, 7), 10.0))
    bins = torch.tensor([[4], [0], [6]])
    assert torch.allclose(strides.at(values, bins)[:, 0, 0], torch.tensor([40.0, 10.0, 10.0]))


def test_a_stride_of_one_changes_nothing() -> None:
    values = torch.randn(3, 7, 2, generator=torch.Generator().manual_seed(0))
    strides = Strides(LENGTHS, 7, 1)
    assert torch.equal(strides.summed(values), values)
    assert torch.equal(strides.spread(values), values)
    bins = torch.tensor([[4], [0], [6]])
    assert torch.equal(strides.at(values, bins)[:, 0], values[torch.arange(3), bins[:, 0]])


@pytest.mark.parametrize("direction", ["backward", "forward", "both"])
def test_the_context_of_strides_is_read_at_every_bin(direction: str) -> None:
    torch.manual_seed(0)
    encoder = LSTMEncoder(2, 4, direction=direction, stride=3).eval()  # type: ignore[arg-type]
    inputs, observed = torch.randn(3, 7, 2), torch.arange(7) < LENGTHS[:, None]
    context, initial = encoder(inputs, observed, LENGTHS)
    assert context.shape == (3, 7, encoder.context_dim)
    coarse, same = encoder(inputs, observed, LENGTHS, spread=False)
    assert coarse.shape == (3, 3, encoder.context_dim)
    assert torch.equal(initial, same)
    assert torch.allclose(Strides(LENGTHS, 7, 3).spread(coarse), context)
    assert not encoder.causal
    dirty = torch.where(observed[..., None], inputs, 1e3)
    assert torch.equal(encoder(dirty, observed, LENGTHS)[0], context)
