"""Expectations over uncertain paths by Monte Carlo, and the drift's law by brute force."""

import pytest
import torch

from tests.inference.markov_models import dense_moments, moments_of, normal, random_chain
from undertow.dynamics import SwitchingGP
from undertow.inference import (
    DriftStatistics,
    Moments,
    Steps,
    collapsed_bound,
    expected_log_steps,
    infer_drift,
)
from undertow.inference.drift_inference import noise_variance, steps_of

H = 0.1


def make(dim: int, inducing: int | None = None, inputs: int = 0) -> SwitchingGP:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = SwitchingGP(dim, 2, inputs, inducing, temperature=2.0).double()
        made.requires_grad_(False)
    made.var.copy_(0.1 * normal(*made.var.shape, seed=4).square() + 0.01)
    return made


def moments(dim: int, trials: int = 2, bins: int = 4) -> Moments:
    return moments_of(*dense_moments(random_chain(trials, bins, dim)))


@pytest.mark.parametrize("dim", [1, 2, 4, 6])
def test_expectations_are_those_of_many_draws(dim: int) -> None:
    """E log N(x'; x + h f, h σ²) over path and drift; within 5 standard errors and the error of
    the rule, which a narrow law keeps below 1 %."""
    made, n = make(dim, inputs=1), 100_000
    chain = random_chain(1, 2, dim)
    mean, cov = dense_moments(chain)
    mean = 0.3 * mean
    inputs = normal(1, 2, 1, seed=9)
    law = moments_of(mean, cov)
    found = expected_log_steps(made, Steps.of(law.mean, law.cov, law.lag, inputs), H)[0, 0]
    root = torch.linalg.cholesky(cov.reshape(2 * dim, 2 * dim))
    draws = mean.flatten() + normal(n, 2 * dim, seed=8) @ root.t()
    x, after = draws[:, :dim], draws[:, dim:]
    u = inputs[0, :1].expand(n, -1)
    drift = made.drift(0.0, x, u) + made.drift_std(0.0, x, u) * normal(n, dim, seed=10)
    std = made.diffusion(0.0, x) * H**0.5
    each = torch.distributions.Normal(x + H * drift, std).log_prob(after).sum(1)
    error = float(each.std() / n**0.5)
    allowed = 5 * error + 0.01 * abs(float(found))
    assert float(found) == pytest.approx(float(each.mean()), abs=allowed)


def test_a_known_path_gives_plain_regression() -> None:
    """Where the law has no spread, E a aᵀ and E a Δᵀ are sums over the path itself."""
    made, path = make(2), normal(3, 6, 2, seed=1)
    tiny = 1e-12 * torch.eye(2, dtype=torch.float64).expand(3, 6, 2, 2)
    steps = Steps.of(path, tiny, torch.zeros(3, 5, 2, 2, dtype=torch.float64))
    found = DriftStatistics.of(made, steps.chosen(torch.ones(3, 5, dtype=torch.bool)))
    a, change = made.weighted(path[:, :-1].flatten(0, 1))[0], path.diff(dim=1).flatten(0, 1)
    assert torch.allclose(found.square, a.t() @ a, atol=1e-5)
    assert torch.allclose(found.product, a.t() @ change, atol=1e-5)
    assert torch.allclose(found.move_square, change.square().sum(0), atol=1e-9)
    assert found.count == 15


@pytest.mark.parametrize("inducing", [None, 40])
def test_the_drift_is_that_of_a_gaussian_process_given_all_points(inducing: int | None) -> None:
    """Posterior mean, std and evidence of regression on Δ/h with noise σ²/h, all points used, by
    the dense algebra of Gaussian processes; whether by features or inducing states."""
    made = make(2, inducing)
    path = normal(1, 40, 2, seed=1)
    if made.locations is not None:
        made.locations.copy_(path[0])
    tiny = 1e-14 * torch.eye(2, dtype=torch.float64).expand(1, 40, 2, 2)
    steps = Steps.of(path, tiny, torch.zeros(1, 39, 2, 2, dtype=torch.float64))
    steps = steps.chosen(torch.ones(1, 39, dtype=torch.bool))
    statistics = DriftStatistics.of(made, steps)
    infer_drift(made, statistics, H)
    x, change, var = path[0, :-1], path[0].diff(dim=0), noise_variance(made)
    prior, eye = made.kernel(x, x), torch.eye(39, dtype=torch.float64)
    probe, evidence = normal(7, 2, seed=5), torch.zeros((), dtype=torch.float64)
    for d in range(2):
        noisy = prior + var[d] / H * eye
        cross = made.kernel(probe, x)
        mean = cross @ torch.linalg.solve(noisy, change[:, d] / H)
        spread = made.kernel(probe, probe) - cross @ torch.linalg.solve(noisy, cross.t())
        assert torch.allclose(made.drift(0.0, probe)[:, d], mean, atol=1e-4)
        std = spread.diagonal().sqrt()
        assert torch.allclose(made.drift_std(0.0, probe)[:, d], std, atol=1e-4)
        whole = H**2 * prior + H * var[d] * eye
        law = torch.distributions.MultivariateNormal(torch.zeros_like(change[:, d]), whole)
        evidence = evidence + law.log_prob(change[:, d])
    bound = collapsed_bound(statistics, var, H)
    assert float(bound) == pytest.approx(float(evidence), rel=1e-4)


@pytest.mark.parametrize("inducing", [None, 5])
def test_the_collapsed_bound_is_the_bound_at_the_best_law(inducing: int | None) -> None:
    """Expected log density of the steps minus KL(q(w)), and less for any other law."""
    made, law = make(2, inducing), moments(2)
    inside = torch.ones(2, 4, dtype=torch.bool)
    inside[1, 3] = False
    steps = steps_of(law, inside)
    statistics = DriftStatistics.of(made, steps)
    infer_drift(made, statistics, H)

    def bound() -> float:
        return float((expected_log_steps(made, steps, H).sum() - made.weights_kl()).detach())

    best = bound()
    collapsed = float(collapsed_bound(statistics, noise_variance(made), H))
    assert best == pytest.approx(collapsed, abs=1e-8)
    mean, var = made.mean.clone(), made.var.clone()
    for seed in range(5):
        moved = mean + 0.05 * normal(*mean.shape, seed=seed)
        made.set_weights(moved, made.basis, var * (0.1 * normal(*var.shape, seed=seed)).exp())
        assert bound() < best


def test_statistics_add_up_and_scale() -> None:
    made, law = make(3), moments(3)
    steps = steps_of(law, torch.ones(2, 4, dtype=torch.bool))
    whole = DriftStatistics.of(made, steps)
    first, second = (
        DriftStatistics.of(made, steps.chosen(mask))
        for mask in (torch.arange(6) < 2, torch.arange(6) >= 2)
    )
    for other in (first + second, whole.times(0.5) + whole.times(0.5)):
        assert torch.allclose(other.square, whole.square)
        assert torch.allclose(other.product, whole.product)
        assert torch.allclose(other.move_square, whole.move_square)
        assert other.count == whole.count == 6
