"""Laplace's approximation of readouts: Fisher information, posterior, and what is not read."""

import math

import numpy as np
import pytest
import torch

from undertow.observations import (
    NegativeBinomialObservation,
    PoissonObservation,
    ReadoutLaw,
    count_dispersion,
)
from undertow.observations.readout_law import information_of

NAN = float("nan")


def poisson(features: int = 1, neurons: int = 2, **options) -> PoissonObservation:
    torch.manual_seed(0)
    made = PoissonObservation(features, torch.full((neurons,), 20.0), 0.02, **options).double()
    return made


@pytest.mark.parametrize("link", ["exp", "softplus"])
@pytest.mark.parametrize("floor_hz", [0.0, 2.0])
def test_information_is_the_slope_squared_over_the_variance(link: str, floor_hz: float) -> None:
    observation = poisson(link=link, floor_hz=floor_hz)
    features, step = torch.linspace(-2, 2, 5).double()[:, None], 1e-5
    values = observation.readout(features).detach()
    slope = (observation.mean_of(values + step) - observation.mean_of(values - step)) / (2 * step)
    mean = observation.mean_of(values).detach()
    counts = torch.ones(5, 2).double()
    counts[0, 0] = NAN
    expected = slope.square() / mean
    expected[0, 0] = 0.0
    found = information_of(observation, features, counts)
    assert found.flatten().tolist() == pytest.approx(expected.detach().flatten().tolist(), rel=1e-6)


def test_dispersion_takes_from_what_a_count_tells() -> None:
    torch.manual_seed(0)
    given = {"feature_dim": 1, "mean_rates": torch.tensor([50.0]), "bin_s": 0.1}
    observation = NegativeBinomialObservation(**given, dispersion=0.5)
    features, counts = torch.zeros(1, 1), torch.ones(1, 1)
    mean = float(observation.mean(features).detach())
    alpha = float(count_dispersion(observation)[0])
    assert float(information_of(observation, features, counts)) == pytest.approx(
        mean / (1 + alpha * mean), rel=1e-4
    )


def test_a_neurons_offset_is_known_as_well_as_its_spikes_tell() -> None:
    """Of features that are zero the offset's information is the number of spikes expected: 400."""
    observation, law = poisson(), ReadoutLaw(2, 1).double()
    features, counts = torch.zeros(1000, 1).double(), torch.zeros(1000, 2).double()
    law.fit(observation, [(features, counts)], 1.0)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.stack([law.deviation(features[:1], generator)[0] for _ in range(4000)])
    expected = float(observation.mean(features).detach()[:, 0].sum())
    assert expected == pytest.approx(400, rel=0.3)
    assert drawn.std(0).tolist() == pytest.approx([1 / math.sqrt(expected + 1)] * 2, rel=0.06)
    assert drawn.mean(0).abs().max() < 5 / math.sqrt(4000 * expected)


def test_it_covers_the_readouts_that_other_data_would_have_given() -> None:
    """The covariance is the inverse of Σ μ f fᵀ + 1/prior, by numpy, of parts that count half."""
    observation, law = poisson(3), ReadoutLaw(2, 3).double()
    features = torch.randn(200, 3, generator=torch.Generator().manual_seed(1)).double()
    counts = torch.ones(200, 2).double()
    law.fit(observation, [(features[:120], counts[:120]), (features[120:], counts[120:])], 0.5)
    rows = np.concatenate([features.numpy(), np.ones((200, 1))], 1)
    mean = observation.mean(features).detach().numpy()[:, 0]
    weights = observation.readout.weight.detach().numpy()
    prior = np.diag([1 / max(np.mean(weights**2), 1e-4)] * 3 + [1.0])
    exact = np.linalg.inv(0.5 * rows.T @ (mean[:, None] * rows) + prior)
    found = (law.root[0] @ law.root[0].T).numpy()
    assert found == pytest.approx(exact, rel=1e-5, abs=1e-9)


def test_weights_of_features_a_neuron_does_not_read_stay_zero() -> None:
    observation = poisson(4, region=[0, 1])
    law = ReadoutLaw(2, 4).double()
    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(1)).double()
    law.fit(observation, [(features, torch.ones(50, 2).double())], 1.0)
    var = torch.einsum("nij,nij->ni", law.root, law.root)
    assert var[0, 2:4].max() < 1e-10
    assert var[1, :2].max() < 1e-10
    assert min(var[0, :2].min(), var[1, 2:4].min()) > 1e-5
