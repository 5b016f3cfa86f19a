"""Coordinated dropout: nothing hidden is seen, nothing seen is scored, and both are right on
average."""

import pytest
import torch

from undertow.errors import ModelError
from undertow.inference import check_share, coordinated_dropout, mean_share
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


# --- learning from what is kept ---------------------------------------------------------------


@pytest.mark.parametrize("share", [0.25, 0.7])
@pytest.mark.parametrize("learn_from_kept", [0.1, 0.5])
def test_all_hidden_entries_and_a_share_of_the_others_are_learned_from(
    share: float, learn_from_kept: float
) -> None:
    inputs, weight = coordinated_dropout(COUNTS + 1, share, generator(), learn_from_kept)
    hidden, learned = inputs == 0, weight > 0
    assert learned[hidden].all()
    hides, picks = representable_share(share), representable_share(learn_from_kept)
    kept = int((~hidden).sum())
    assert float(learned[~hidden].double().mean()) == pytest.approx(
        picks, abs=5 * (picks * (1 - picks) / kept) ** 0.5
    )
    expected = torch.tensor(1 / (hides + (1 - hides) * picks), dtype=torch.float64)
    assert torch.allclose(weight[learned], expected)


@pytest.mark.parametrize("share", [0.25, 0.7])
def test_the_weights_are_right_on_average_also_then(share: float) -> None:
    _, weight = coordinated_dropout(COUNTS, share, generator(), 0.2)
    hides, picks = representable_share(share), representable_share(0.2)
    learned = hides + (1 - hides) * picks
    assert float(weight.mean()) == pytest.approx(
        1.0, abs=5 * ((1 - learned) / learned / COUNTS.numel()) ** 0.5
    )


def test_learning_from_the_kept_hides_the_same_entries() -> None:
    plain, _ = coordinated_dropout(COUNTS + 1, 0.3, generator())
    both, _ = coordinated_dropout(COUNTS + 1, 0.3, generator(), 0.4)
    assert torch.equal(plain, both)
    inputs, weight = coordinated_dropout(COUNTS, 0.0, generator(), 0.4)
    assert torch.equal(inputs, COUNTS)
    assert torch.equal(weight, torch.ones_like(COUNTS))


def test_of_two_shares_each_trial_draws_its_own_between_them() -> None:
    counts = torch.ones(400, 50, 40)
    inputs, weight = coordinated_dropout(counts, (0.2, 0.6), generator())
    hidden = (inputs == 0).float()
    shares = hidden.mean((1, 2))
    # 2,000 entries a trial: their share is within 0.011 of the trial's own in a standard deviation
    assert shares.min() > 0.2 - 0.05
    assert shares.max() < 0.6 + 0.05
    # uniform between them: mean 0.4, std 0.115, each known to 0.006 from 400 trials
    assert float(shares.mean()) == pytest.approx(0.4, abs=0.024)
    assert float(shares.std()) == pytest.approx(0.4 / 12**0.5, abs=0.02)
    # what is kept is scaled up by the trial's own share
    kept = inputs.amax((1, 2))
    assert torch.allclose(1 - 1 / kept, shares, atol=0.05)
    # the expected weight of an entry is 1
    assert torch.equal(weight, hidden / 0.4)
    assert float(weight.mean()) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize(
    ("share", "why"),
    [((0.5, 0.2), "lower share comes first"), ((0.1, 1.0), "is 1.0"), ((0.1,), "a lower and an")],
)
def test_shares_that_cannot_be(share: tuple[float, float], why: str) -> None:
    with pytest.raises(ModelError, match=why):
        check_share("coordinated_dropout", share)


def test_the_mean_share() -> None:
    assert mean_share(0.3) == 0.3
    assert mean_share((0.0, 0.8)) == pytest.approx(0.4)
