"""Channels of categories: each a categorical law of its own, gaps, strangers, what an encoder
reads."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical

from undertow.errors import ModelError
from undertow.observations import CategoricalChannels

TRIALS, BINS, FEATURES = 4, 5, 3
CATEGORIES = {"lick": [0.0, 1.0], "stage": [-2.0, 3.5, 7.0, 8.0]}
X = torch.randn(
    TRIALS, BINS, FEATURES, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)


def make(**options: object) -> CategoricalChannels:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CategoricalChannels(FEATURES, CATEGORIES, **options).double()  # type: ignore[arg-type]
    with torch.no_grad():
        for channel in model.channels:
            channel.readout.weight *= 20
    return model


def law(model: CategoricalChannels, channel: int) -> Categorical:
    readout = model.channels[channel].readout
    return Categorical(logits=X @ readout.weight.t() + readout.bias)


def codes() -> Tensor:
    drawn = torch.randint(4, (TRIALS, BINS, 2), generator=torch.Generator().manual_seed(1))
    return torch.stack([drawn[..., 0] % 2, drawn[..., 1]], -1)


def numbers() -> Tensor:
    """The numbers that name `codes`."""
    named = [
        torch.tensor(known).double()[codes()[..., k]] for k, known in enumerate(CATEGORIES.values())
    ]
    return torch.stack(named, -1)


def test_every_channel_is_a_categorical_law_of_its_own() -> None:
    model = make()
    with torch.no_grad():
        mean, log_prob = model.mean_and_log_prob(X, numbers())
        by_channel = model.of_channels(mean)
        for k, name in enumerate(CATEGORIES):
            own = law(model, k)
            assert torch.allclose(log_prob[..., k], own.log_prob(codes()[..., k]), atol=1e-12)
            assert torch.allclose(by_channel[name], own.probs, atol=1e-12)
            best = torch.tensor(CATEGORIES[name]).double()[own.probs.argmax(-1)]
            assert torch.equal(model.predicted(X)[..., k], best)
    assert mean.shape == (TRIALS, BINS, 2, 4)
    assert (mean[:, :, 0, 2:] == 0).all()


@pytest.mark.parametrize("number", [math.nan, 5.0])
def test_what_is_missing_or_unknown_has_no_likelihood(number: float) -> None:
    model, values = make(), numbers()
    whole = model.log_prob(X, values)
    values[0, 1, 1], values[2, :, 0] = number, number
    part = model.log_prob(X, values)
    left_out = torch.isnan(values) | (values == 5.0)
    assert (part[left_out] == 0).all()
    assert torch.equal(part[~left_out], whole[~left_out])


def test_it_starts_at_the_shares_of_the_data() -> None:
    shares = {"lick": [0.9, 0.1], "stage": [0.4, 0.3, 0.2, 0.1]}
    start = make(shares=shares).mean(torch.zeros(1, FEATURES, dtype=torch.float64))
    for name, found in make().of_channels(start).items():
        assert torch.allclose(found[0], torch.tensor(shares[name], dtype=torch.float64))


def test_samples_are_numbers_with_its_probabilities() -> None:
    model, n = make(), 20_000
    with torch.no_grad():
        draws = model.sample(X[:1, 0].expand(n, FEATURES), torch.Generator().manual_seed(0))
        for k, known in enumerate(CATEGORIES.values()):
            for place, number in enumerate(known):
                expected = float(law(model, k).probs[0, 0, place])
                error = math.sqrt(expected * (1 - expected) / n)
                assert abs(float((draws[:, k] == number).double().mean()) - expected) < 5 * error


def test_an_encoder_reads_one_hot_categories_and_what_is_known() -> None:
    values = numbers()[0, :3]
    values[0], values[1], values[2] = torch.tensor(
        [[1.0, 3.5], [math.nan, 8.0], [0.0, 5.0]]
    ).double()
    assert make().encoded(values).tolist() == [
        [0, 1, 0, 1, 0, 0, 1, 1],
        [0, 0, 0, 0, 0, 1, 0, 1],
        [1, 0, 0, 0, 0, 0, 1, 0],
    ]


@pytest.mark.parametrize("known", [[1.0], [1.0, 2.0, 1.0]])
def test_what_is_no_choice_is_refused(known: list[float]) -> None:
    with pytest.raises(
        ModelError, match=r"behaviour 'lick' has the categories .*at least 2, each once"
    ):
        CategoricalChannels(FEATURES, {"lick": known})
