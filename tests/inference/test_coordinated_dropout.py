"""Coordinated dropout: nothing hidden is seen, nothing seen is scored, and both are right on average."""

import pytest
import torch

from undertow.inference import coordinated_dropout
from undertow.randomness import representable_share

COUNTS = torch.poisson(
    torch.full((200, 30, 10), 2.0, dtype=torch.float64), generator=torch.Generator().manual_seed(0)
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.7])
def test_entries_are_either_seen_or_scored(share: float) -> None:
    inputs, weight = coordinated_dropout(COUNTS + 1, share, generator())
    share = representable_share(share)
    hidden = weight > 0
    assert torch.equal(inputs == 0, hidden)
    assert torch.allclose(inputs[~hidden], (COUNTS + 1)[~hidden] / (1 - share))
    assert torch.allclose(weight[hidden], torch.tensor(1 / share, dtype=torch.float64))


@pytest.mark.parametrize("share", [0.1, 0.25, 0.7])
def test_inputs_and_weights_are_right_on_average(share: float) -> None:
    inputs, weight = coordinated_dropout(COUNTS, share, generator())
    share = representable_share(share)
    n = COUNTS.numel()
    weight_std = ((1 - share) / share) ** 0.5  # of a single entry: 1 / share with probability share
    assert float(weight.mean()) == pytest.approx(1.0, abs=5 * weight_std / n**0.5)
    second_moment = float(COUNTS.square().mean())
    input_std = (second_moment * share / (1 - share)) ** 0.5
    assert float(inputs.mean()) == pytest.approx(float(COUNTS.mean()), abs=5 * input_std / n**0.5)


def test_no_share_hides_nothing_and_scores_everything() -> None:
    inputs, weight = coordinated_dropout(COUNTS, 0.0, generator())
    assert torch.equal(inputs, COUNTS)
    assert torch.equal(weight, torch.ones_like(COUNTS))


def test_the_generator_decides() -> None:
    first, again = (coordinated_dropout(COUNTS, 0.3, generator(1))[1] for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, coordinated_dropout(COUNTS, 0.3, generator(2))[1])
