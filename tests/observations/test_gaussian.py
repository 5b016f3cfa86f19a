"""Gaussian behaviour against torch's normal law; its start at the data's mean and spread; the
floor."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from undertow.errors import ModelError
from undertow.observations import GaussianObservation

MEANS = torch.tensor([0.0, -300.0, 0.02])
STDS = torch.tensor([1.0, 120.0, 0.001])
FEATURES = torch.randn(5, 6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def make(**options: object) -> GaussianObservation:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GaussianObservation(4, 3, MEANS, STDS, **options).double()  # type: ignore[arg-type]


def moved(**options: object) -> GaussianObservation:
    model = make(**options)
    with torch.no_grad():
        for k, parameter in enumerate(model.parameters()):
            noise = torch.randn(
                parameter.shape, generator=torch.Generator().manual_seed(k), dtype=torch.float64
            )
            parameter += 0.5 * noise
    return model


def law(model: GaussianObservation, features: Tensor) -> Normal:
    """Eq. 11 written out."""
    mean = model.center + model.scale * (
        features @ model.readout_mean.weight.t() + model.readout_mean.bias
    )
    raw_logvar = features @ model.readout_logvar.weight.t() + model.readout_logvar.bias
    return Normal(mean, model.scale * (raw_logvar.exp() + model.floor).sqrt())


def test_log_prob_equals_torchs_normal_entry_by_entry() -> None:
    model = moved()
    with torch.no_grad():
        normal = law(model, FEATURES)
        values = normal.mean + normal.stddev * torch.randn(
            5, 6, 3, generator=torch.Generator().manual_seed(9), dtype=torch.float64
        )
        assert torch.allclose(model.log_prob(FEATURES, values), normal.log_prob(values), atol=1e-9)
        assert torch.allclose(model.mean(FEATURES), normal.mean, rtol=1e-12)
        assert torch.allclose((0.5 * model.logvar(FEATURES)).exp(), normal.stddev, rtol=1e-12)


def test_only_the_channels_that_are_missing_count_nothing() -> None:
    model = moved()
    values = MEANS.double().expand(5, 6, 3).clone()
    whole = model.log_prob(FEATURES, values)
    values[..., 1] = math.nan
    assert torch.equal(model.log_prob(FEATURES, values)[..., [0, 2]], whole[..., [0, 2]])


def test_it_starts_at_the_data_whatever_their_units() -> None:
    model, nothing = make(floor=1e-6), torch.zeros(1, 4, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(model.mean(nothing)[0], MEANS.double())
        assert torch.allclose((0.5 * model.logvar(nothing)[0]).exp(), STDS.double(), rtol=1e-6)


def test_the_variance_stays_above_the_floor_and_finite() -> None:
    model = moved(floor=0.01)
    with torch.no_grad():
        extremes = torch.tensor([[-1e9] * 4, [1e9] * 4], dtype=torch.float64)
        share = (model.logvar(extremes).exp() / model.scale**2).flatten()
    assert torch.isfinite(share).all()
    assert float(share.min()) == pytest.approx(0.01)
    assert float(share.max()) < 1e5


def test_a_channel_that_does_not_vary_keeps_its_mean() -> None:
    model = GaussianObservation(4, 2, torch.tensor([1.0, 2.0]), torch.tensor([0.0, 3.0]))
    assert model.scale.tolist() == [1.0, 3.0]
    assert torch.isfinite(model.log_prob(FEATURES.float(), torch.ones(5, 6, 2))).all()


def test_samples_have_its_mean_and_variance() -> None:
    model, n = moved(), 20_000
    with torch.no_grad():
        where = FEATURES[:1, :1].expand(n, 1, 4)
        draws = model.sample(where, torch.Generator().manual_seed(0))[:, 0]
        normal = law(model, where[0, 0])
    assert ((draws.mean(0) - normal.mean).abs() < 5 * normal.stddev / n**0.5).all()
    assert ((draws.var(0) - normal.variance).abs() < 5 * normal.variance * (2 / n) ** 0.5).all()


def test_one_observation_a_trial() -> None:
    model, valid = moved(per="trial"), torch.arange(6) < torch.tensor([6, 4, 1, 2, 3])[:, None]
    values = MEANS.double().expand(5, 3)
    log_prob = model.log_prob(model.pool(FEATURES, valid), values)
    for trial in range(5):
        alone = law(model, FEATURES[trial, valid[trial]].mean(0)).log_prob(values[trial])
        assert torch.allclose(log_prob[trial], alone, atol=1e-9)


def test_what_cannot_start_is_refused() -> None:
    with pytest.raises(
        ModelError, match=r"stds has shape \(3,\): it must have one entry for each of 2 channels"
    ):
        GaussianObservation(4, 2, stds=STDS)
    with pytest.raises(
        ModelError, match="means of channel 1 is nan: leave out channels never observed"
    ):
        GaussianObservation(4, 2, means=torch.tensor([0.0, math.nan]))
    with pytest.raises(ModelError, match="stds of channel 0 is -1"):
        GaussianObservation(4, 2, stds=torch.tensor([-1.0, 1.0]))
    with pytest.raises(ModelError, match=r"floor is 0: .* above 0"):
        GaussianObservation(4, 2, floor=0)
