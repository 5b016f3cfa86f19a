"""Turning padded trials around."""

import torch

from undertow.encoders.base import reversal, take

LENGTHS = torch.tensor([5, 3, 1])


def test_each_trial_is_turned_around_within_its_own_length() -> None:
    assert reversal(LENGTHS, 5).tolist() == [[4, 3, 2, 1, 0], [2, 1, 0, 3, 4], [0, 1, 2, 3, 4]]


def test_twice_is_not_at_all() -> None:
    x = torch.arange(30.0).view(3, 5, 2)
    order = reversal(LENGTHS, 5)
    assert take(x, order)[1, 0].tolist() == x[1, 2].tolist()
    assert torch.equal(take(take(x, order), order), x)
