"""Categories against torch's categorical law, per bin and per trial; the start at the data's
shares."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical

from undertow.errors import ModelError
from undertow.observations import CategoricalObservation

TRIALS, BINS, FEATURES, CATEGORIES = 5, 6, 4, 3
X = torch.randn(
    TRIALS, BINS, FEATURES, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
LENGTHS = torch.tensor([6, 4, 1, 2, 3])
VALID = torch.arange(BINS) < LENGTHS[:, None]


def make(**options: object) -> CategoricalObservation:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CategoricalObservation(FEATURES, CATEGORIES, **options).double()  # type: ignore[arg-type]
    with torch.no_grad():
        model.readout.weight *= 20
    return model


def logits(model: CategoricalObservation, features: Tensor) -> Tensor:
    return features @ model.readout.weight.t() + model.readout.bias


def categories(*shape: int) -> Tensor:
    return torch.randint(CATEGORIES, shape, generator=torch.Generator().manual_seed(1)).double()


def test_log_prob_and_mean_equal_torchs_categorical_entry_by_entry() -> None:
    model, values = make(), categories(TRIALS, BINS)
    with torch.no_grad():
        law = Categorical(logits=logits(model, X))
        assert torch.allclose(model.log_prob(X, values), law.log_prob(values), atol=1e-12)
        assert torch.allclose(model.mean(X), law.probs, atol=1e-12)


def test_per_trial_the_logits_of_valid_bins_are_averaged() -> None:
    model, values = make(per="trial"), categories(TRIALS)
    with torch.no_grad():
        pooled = model.pool(X, VALID)
        log_prob, mean = model.log_prob(pooled, values), model.mean(pooled)
        for trial, length in enumerate(LENGTHS.tolist()):
            law = Categorical(logits=logits(model, X[trial, :length]).mean(0))
            assert torch.allclose(log_prob[trial], law.log_prob(values[trial]), atol=1e-12)
            assert torch.allclose(mean[trial], law.probs, atol=1e-12)
    assert log_prob.shape == (TRIALS,)


def test_trials_without_a_label_count_nothing() -> None:
    model, values = make(per="trial"), categories(TRIALS)
    whole = model.log_prob(model.pool(X, VALID), values)
    values[2] = math.nan
    part = model.log_prob(model.pool(X, VALID), values)
    assert part[2] == 0
    assert torch.equal(part[[0, 1, 3, 4]], whole[[0, 1, 3, 4]])


@pytest.mark.parametrize("shares", [[0.7, 0.2, 0.1], torch.tensor([70.0, 20.0, 10.0])])
def test_it_starts_at_the_shares_of_the_data(shares: list[float] | Tensor) -> None:
    start = make(shares=shares).mean(torch.zeros(1, FEATURES, dtype=torch.float64))[0]
    assert torch.allclose(start, torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64))


def test_a_category_that_does_not_occur_stays_possible() -> None:
    start = make(shares=[1, 0, 1]).mean(torch.zeros(1, FEATURES, dtype=torch.float64))[0]
    assert torch.allclose(start, torch.tensor([0.5, 0.001, 0.5], dtype=torch.float64) / 1.001)


def test_extreme_features_stay_finite() -> None:
    assert torch.isfinite(make().log_prob(1e6 * X, categories(TRIALS, BINS))).all()


def test_samples_have_its_probabilities() -> None:
    model, n = make(), 20_000
    with torch.no_grad():
        where = X[:1, :2].expand(n, 2, FEATURES)
        draws = model.sample(where, torch.Generator().manual_seed(0))
        probabilities = model.mean(where[0])
        once = make(per="trial")
        one = once.sample(once.pool(X, VALID), torch.Generator().manual_seed(0))
    assert draws.shape == (n, 2)
    assert one.shape == (TRIALS,)
    for category in range(CATEGORIES):
        expected = probabilities[:, category]
        share = (draws == category).double().mean(0)
        assert ((share - expected).abs() < 5 * (expected * (1 - expected) / n).sqrt()).all()


def test_what_is_no_choice_is_refused() -> None:
    with pytest.raises(ModelError, match=r"n_categories is 1: .* at least 2"):
        CategoricalObservation(FEATURES, 1)
    for shares in ([1, 2], [-1, 1, 1], [0, 0, 0], [math.nan, 1, 1]):
        with pytest.raises(ModelError, match="give one of at least 0 for each of 3 categories"):
            CategoricalObservation(FEATURES, 3, shares=shares)
