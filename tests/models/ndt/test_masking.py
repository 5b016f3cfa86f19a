"""What is masked: shares within binomial bounds, spans, what stands in place, and the weights."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from undertow.errors import ModelError
from undertow.models import Masking
from undertow.models.ndt.masking import draw_mask, mask_counts

SHAPE = (200, 30, 12)
COUNTS = torch.poisson(torch.full(SHAPE, 2.0), generator=torch.Generator().manual_seed(0)) + 1
"""At least 1 everywhere: a zero was put there."""


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def within(found: Tensor, share: float, clusters: int = 1) -> None:
    """A share of independent draws, `clusters` entries each, within 5 standard errors."""
    std = math.sqrt(share * (1 - share) * clusters / found.numel())
    assert abs(float(found.double().mean()) - share) < 5 * std


def test_masked_bins_are_zero_and_alone_learned_from() -> None:
    inputs, weight = mask_counts(COUNTS, Masking(0.25, zeroed=1.0), 0.0, generator(), 0.0)
    hidden = inputs == 0
    assert torch.equal(hidden, hidden[:, :, :1].expand(SHAPE))
    assert torch.equal(inputs[~hidden], COUNTS[~hidden])
    assert torch.equal(weight, hidden / 0.25)
    within(hidden[:, :, 0], 0.25)


def test_masked_entries_are_drawn_one_by_one() -> None:
    inputs, weight = mask_counts(COUNTS, Masking(0.5, "entries", zeroed=1.0), 0.0, generator(), 0.0)
    hidden = inputs == 0
    within(hidden, 0.5)
    within(hidden[:, :, 1:] & hidden[:, :, :-1], 0.25)  # neighbours are independent
    assert torch.equal(weight, hidden / 0.5)


@pytest.mark.parametrize("span", [1, 2, 5])
def test_every_bin_is_masked_alike_whatever_the_span(span: int) -> None:
    mask = draw_mask((40_000, 12, 1), 0.25, span, generator())[..., 0]
    for t in range(12):
        within(mask[:, t], 0.25)
    start = 1 - 0.75 ** (1 / span)
    within(~mask[:, 3] & ~mask[:, 4], 0.75 * (1 - start))


def test_spans_are_at_least_as_long_as_drawn() -> None:
    mask = draw_mask((500, 40, 1), 0.2, 4, generator())[..., 0].numpy()
    edges = np.diff(np.pad(mask.astype(int), ((0, 0), (1, 1))), axis=1)
    starts, stops = np.nonzero(edges == 1), np.nonzero(edges == -1)
    inside = (starts[1] > 0) & (stops[1] < 40)
    assert inside.sum() > 100
    assert (stops[1] - starts[1])[inside].min() == 4


def test_spans_come_with_a_rising_probability() -> None:
    masking = Masking(0.2, zeroed=1.0, longest_span=3, span_ramp=(0.2, 0.6))
    assert [masking.expanding(p) for p in (0.0, 0.2, 0.3, 0.5, 0.6, 1.0)] == pytest.approx(
        [0.0, 0.0, 0.25, 0.75, 1.0, 1.0]
    )
    assert Masking(longest_span=3, span_ramp=(0.0, 0.0)).expanding(0.0) == 1.0
    assert Masking(longest_span=1, span_ramp=(0.0, 0.0)).expanding(1.0) == 0.0
    few = torch.ones(1, 300, 1)
    for progress, least in ((0.1, 1), (0.9, 0)):
        alone = 0
        for seed in range(300):
            hidden = mask_counts(few, masking, 0.0, generator(seed), progress)[0][0, :, 0] == 0
            runs = np.diff(np.flatnonzero(np.diff(np.pad(hidden.int(), 1))))[::2]
            alone += int(runs.min() == 1)
        # before the ramp no batch has spans; after it a third has spans of one bin alone
        assert alone == 300 if least else abs(alone / 300 - 1 / 3) < 5 * math.sqrt(2 / 9 / 300)


def test_some_of_the_masked_are_zeroed_some_replaced_and_some_left() -> None:
    options = Masking(share=0.5, unit="entries", zeroed=0.5, replaced=0.5)
    inputs, weight = mask_counts(COUNTS, options, 0.0, generator(), 0.0)
    hidden = weight > 0
    assert torch.equal(inputs[~hidden], COUNTS[~hidden])
    most = int(COUNTS.max())
    assert int(inputs.max()) == most
    # replaced counts are uniform from 0 to the highest: some are 0 too, some as they were
    zero, same = inputs[hidden] == 0, inputs[hidden] == COUNTS[hidden]
    within(zero, 0.5 + 0.25 / (most + 1))
    within(same, 0.25 + 0.25 / (most + 1))


def test_bins_are_masked_as_a_whole_also_where_they_are_replaced_or_left() -> None:
    options = Masking(share=0.5, zeroed=0.4, replaced=0.5)
    inputs, weight = mask_counts(COUNTS, options, 0.0, generator(), 0.0)
    hidden = weight > 0
    zeroed, left = (inputs == 0).all(2), hidden.all(2) & (inputs == COUNTS).all(2)
    within(zeroed, 0.5 * 102 / 256)  # shares are multiples of 1/256
    within(left, 0.5 * (1 - 102 / 256) * 0.5)


@pytest.mark.parametrize("share", [0.5, (0.25, 0.75)])
def test_both_maskings_together_weigh_all_entries_once_on_average(share: Any) -> None:
    inputs, weight = mask_counts(COUNTS, Masking(0.25, zeroed=1.0), share, generator(), 0.0)
    hidden = inputs == 0
    assert torch.equal(weight > 0, hidden)
    assert torch.allclose(weight[hidden], torch.tensor(1 / (1 - 0.75 * 0.5)))
    # bins and trials are masked together: the mean of each trial counts once
    each = weight.mean((1, 2)).double()
    assert abs(float(each.mean()) - 1) < 5 * float(each.std()) / math.sqrt(len(each))


def test_nothing_masked_is_everything_learned_from() -> None:
    inputs, weight = mask_counts(COUNTS, Masking(share=0.0), 0.0, generator(), 0.0)
    assert torch.equal(inputs, COUNTS)
    assert torch.equal(weight, torch.ones(SHAPE))


@pytest.mark.parametrize(
    ("ramp", "rule"),
    [
        ((0.5, 0.2), "earlier share comes first"),
        ((0.5,), "two shares"),
        ((0.2, 2.0), "from 0 to 1"),
    ],
)
def test_a_ramp_that_is_none_is_refused(ramp: Any, rule: str) -> None:
    with pytest.raises(ModelError, match=rf"masking\.span_ramp is .*{rule}"):
        Masking(span_ramp=ramp)
