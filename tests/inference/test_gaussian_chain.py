"""Cyclic reduction against dense linear algebra."""

import math

import pytest
import torch

from tests.inference.markov_models import (
    dense_moments,
    dense_precision,
    moments_of,
    normal,
    random_chain,
)
from undertow.inference import Elimination, GaussianChain

TRIALS, DIM = 3, 2
lengths = pytest.mark.parametrize("bins", [1, 2, 3, 4, 5, 7, 8, 12, 17])


@lengths
def test_moments_and_entropy_are_those_of_the_whole_precision(bins: int) -> None:
    chain = random_chain(TRIALS, bins, DIM)
    found, wanted = (
        Elimination(chain).moments(),
        moments_of(*dense_moments(chain)) if bins > 1 else None,
    )
    mean, cov = dense_moments(chain)
    assert torch.allclose(found.mean, mean, atol=1e-12)
    assert torch.allclose(found.cov[:, -1], cov[:, -1, :, -1], atol=1e-12)
    if wanted is not None:
        assert torch.allclose(found.cov, wanted.cov, atol=1e-12)
        assert torch.allclose(found.lag, wanted.lag, atol=1e-12)
    log_det = torch.linalg.slogdet(dense_precision(chain)).logabsdet
    entropy = (bins * DIM * (1 + math.log(2 * math.pi)) - log_det) / 2
    assert torch.allclose(found.entropy, entropy, atol=1e-12)
    assert found.proper.all()


@lengths
def test_samples_have_the_covariance_of_the_law(bins: int) -> None:
    """Sampling is linear in its noise: the map times its transpose is the covariance."""
    chain = random_chain(1, bins, DIM)
    size = bins * DIM
    many = GaussianChain(*(part.expand(size, *part.shape[1:]).clone() for part in chain.parts()))
    reduced = Elimination(many)
    centre = reduced.sample(torch.zeros(size, bins, DIM, dtype=torch.float64))
    each = torch.eye(size, dtype=torch.float64).reshape(size, bins, DIM)
    columns = (reduced.sample(each) - centre).flatten(1)
    mean, cov = dense_moments(chain)
    assert torch.allclose(centre[0], mean[0], atol=1e-12)
    assert torch.allclose(columns.t() @ columns, cov.reshape(size, size), atol=1e-12)


def test_what_is_no_law_is_said_for_its_trial_alone() -> None:
    chain = random_chain(TRIALS, 6, DIM)
    chain.precision[1, 3] = -torch.eye(DIM, dtype=torch.float64)
    found = Elimination(chain).moments()
    assert found.proper.tolist() == [True, False, True]
    alone = Elimination(chain.take(slice(2, 3))).moments()
    assert torch.allclose(found.cov[2], alone.cov[0], atol=1e-12)


def test_independent_bins_have_the_mean_and_variance_given() -> None:
    mean = normal(TRIALS, 5, DIM)
    found = Elimination(GaussianChain.independent(mean, 0.3)).moments()
    assert torch.allclose(found.mean, mean, atol=1e-12)
    assert torch.allclose(found.cov, 0.3 * torch.eye(DIM, dtype=torch.float64).expand_as(found.cov))
    assert not found.lag.any()


def test_mixing_and_choosing_go_trial_by_trial() -> None:
    a, b = random_chain(TRIALS, 4, DIM), random_chain(TRIALS, 4, DIM, seed=9)
    half = a.towards(b, torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    chosen = a.where(torch.tensor([False, False, True]), b)
    for mixed, one, two in zip(half.parts(), a.parts(), b.parts(), strict=True):
        assert torch.allclose(mixed[0], one[0])
        assert torch.allclose(mixed[1], (one[1] + two[1]) / 2)
        assert torch.allclose(mixed[2], two[2])
    assert torch.equal(chosen.linear[2], b.linear[2])
    assert torch.equal(chosen.link[1], a.link[1])
