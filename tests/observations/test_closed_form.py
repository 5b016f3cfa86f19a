"""Readouts in closed form, against scikit-learn and against what was planted."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor

from undertow.observations import (
    CategoricalChannels,
    CategoricalObservation,
    GaussianObservation,
    closed_form,
)
from undertow.observations.closed_form import log_variance, ridge, softmax_regression

TRIALS, BINS, DIM = 40, 25, 3


def features(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    scale, middle = torch.tensor([1.0, 30.0, 0.01]), torch.tensor([0.0, 5.0, -2.0])
    return middle + scale * torch.randn(TRIALS, BINS, DIM, generator=generator)


def scaled(x: Tensor) -> np.ndarray:
    rows = x.flatten(0, 1).double()
    return ((rows - rows.mean(0)) / rows.std(0, correction=0)).numpy()


def with_penalty(monkeypatch: pytest.MonkeyPatch, penalty: float) -> None:
    for name in ("PENALTIES", "FEW_PENALTIES"):
        monkeypatch.setattr(closed_form, name, (penalty,))


@pytest.mark.parametrize("penalty", [1e-4, 0.1, 3.0])
def test_ridge_is_that_of_scikit_learn(monkeypatch: pytest.MonkeyPatch, penalty: float) -> None:
    with_penalty(monkeypatch, penalty)
    x = features()
    y = x @ torch.tensor([[1.0, -0.1, 50.0]]).T + torch.randn(TRIALS, BINS, 1)
    weight, bias = ridge(x, y)
    known = Ridge(penalty * TRIALS * BINS).fit(scaled(x), y.flatten().numpy())
    expected = known.predict(scaled(x))
    found = (x.double() @ weight.double().T + bias.double()).flatten()
    assert found.numpy() == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_missing_entries_do_not_count() -> None:
    x = features()
    y = torch.stack([x[..., 0], 2 * x[..., 1]], -1)
    missing = y.clone()
    missing[3, :, 0], missing[:, 7, 1] = torch.nan, torch.nan
    garbage = x.clone()
    garbage[3, :, 0] += 0  # the features of other channels' rows stay
    for one, two in zip(ridge(x, y), ridge(garbage, missing), strict=True):
        assert one.numpy() == pytest.approx(two.numpy(), rel=1e-2, abs=1e-2)


def test_the_penalty_is_chosen_by_whole_trials() -> None:
    """Features that are constant in a trial, as is a target that has nothing to do with them."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(TRIALS, 1, TRIALS - 10, generator=generator).expand(-1, BINS, -1)
    y = torch.randn(TRIALS, 1, 1, generator=generator).expand(-1, BINS, 1)
    weight, _ = ridge(x, y)
    explained = 1 - (y - y.mean() - x @ weight.T).var() / y.var()
    assert explained < 0.4  # left-out bins alone would have let it learn each trial by heart


def test_log_variance_finds_what_was_planted() -> None:
    x, planted = features(), torch.tensor([0.8, -0.02, 0.0])
    logvar = x @ planted + 0.5
    noise = torch.randn(x.shape[:2], generator=torch.Generator().manual_seed(2))
    weight, bias = log_variance(x, (noise.square() * logvar.exp())[..., None], 1e-9)
    found = (x @ weight[0] + bias).flatten()
    # the log of a squared normal number varies by π²/2, so that 1,000 rows know a weight to 0.045
    error = (found - logvar.flatten()).std()
    assert error < 4 * (2 * DIM / (TRIALS * BINS)) ** 0.5
    assert abs(float((found - logvar.flatten()).mean())) < 4 * (2 / (TRIALS * BINS)) ** 0.5


@pytest.mark.parametrize("n_categories", [2, 4])
def test_softmax_regression_is_that_of_scikit_learn(
    monkeypatch: pytest.MonkeyPatch, n_categories: int
) -> None:
    penalty = 0.05
    with_penalty(monkeypatch, penalty)
    x, rng = features(), np.random.default_rng(0)
    logits = scaled(x) @ rng.normal(size=(DIM, n_categories))
    codes = (logits + rng.gumbel(size=logits.shape)).argmax(1)
    found = softmax_regression(x, torch.as_tensor(codes).view(TRIALS, BINS).float(), n_categories)
    assert found is not None
    known = LogisticRegression(C=1 / (penalty * TRIALS * BINS), tol=1e-8).fit(scaled(x), codes)
    mine = torch.softmax(x.double() @ found[0].double().T + found[1].double(), -1).flatten(0, 1)
    # two categories: one vector of weights there, two opposite ones here, penalised together
    tolerance = 5e-3 if n_categories > 2 else 5e-2
    assert mine.numpy() == pytest.approx(known.predict_proba(scaled(x)), abs=tolerance)


def test_nothing_observed_leaves_the_readout_alone() -> None:
    observation = CategoricalObservation(DIM, 2, "trial")
    before = observation.readout.weight.clone()
    observation.solve(features(), torch.full((TRIALS, BINS), torch.nan))
    assert torch.equal(before, observation.readout.weight)


def test_gaussian_behaviour_is_solved_in_its_own_units() -> None:
    x = features()
    noise = torch.randn(TRIALS, BINS, 1, generator=torch.Generator().manual_seed(3))
    y = 1000 + 50 * x[..., :1] + 5 * noise
    observation = GaussianObservation(DIM, 1, y.mean((0, 1)), y.std((0, 1)))
    before = observation.log_prob(x, y).sum()
    observation.solve(x, y)
    error = (observation.mean(x) - (1000 + 50 * x[..., :1])).std()
    assert error < 5 * 4 * (DIM / (TRIALS * BINS)) ** 0.5
    std = (0.5 * observation.logvar(x)).exp()
    assert std.mean().item() == pytest.approx(5, rel=0.1)
    assert observation.log_prob(x, y).sum() > before
    best = observation.log_prob(x, y).sum()
    for parameter in observation.parameters():
        for sign in (-1, 1):
            moved = parameter.detach().clone()
            with torch.no_grad():
                parameter += sign * 0.02 * moved.abs().clamp(min=1e-3)
            assert observation.log_prob(x, y).sum() < best + 0.5
            with torch.no_grad():
                parameter.copy_(moved)


def test_channels_of_categories_are_solved_one_by_one() -> None:
    x = features()
    known: dict[str, Any] = {"stage": [0.0, 3.0, 7.0], "lick": [0.0, 1.0]}
    observation = CategoricalChannels(DIM, known)
    stage = torch.tensor([0.0, 3.0, 7.0])[(scaled_sign(x[..., 0]) + 1).long()]
    lick = (x[..., 1] > 5).float()
    observed = torch.stack([stage, lick], -1)
    observed[0, :3, 0] = 99.0  # names no category
    observation.solve(x, observed)
    right = (observation.predicted(x) == observed).float().mean((0, 1))
    assert right[0] > 0.85
    assert right[1] > 0.95


def scaled_sign(values: Tensor) -> Tensor:
    return (values > 0.7).float() - (values < -0.7).float()
