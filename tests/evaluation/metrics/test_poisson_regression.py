"""The vectorised solver against scikit-learn and against its own optimality conditions."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor

from undertow.evaluation.metrics.poisson_regression import PoissonDesign


def example(
    n_rows: int = 400, n_features: int = 12, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Correlated, badly scaled features and counts of four neurons, one of them rare."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_features, n_features)) * rng.gamma(1.0, 1.0, n_features)
    features = rng.normal(size=(n_rows, n_features)) @ mixing - 3.0
    weights = 0.05 * rng.normal(size=(n_features, 4))
    return features, rng.poisson(np.exp(features @ weights + np.log([0.02, 0.2, 1.0, 5.0]))).astype(
        float
    )


@pytest.mark.parametrize("penalty", [1e-3, 0.1, 10.0])
def test_equal_to_scikit_learn(penalty: float) -> None:
    features, counts = example()
    fitted = PoissonDesign(features, counts).fit(penalty)
    for k in range(4):
        theirs = PoissonRegressor(alpha=penalty, tol=1e-9, max_iter=5000, solver="newton-cholesky")
        theirs.fit(features, counts[:, k])
        np.testing.assert_allclose(fitted.weights[:, k], theirs.coef_, atol=1e-4, rtol=1e-4)
        assert fitted.offset[k] == pytest.approx(theirs.intercept_, abs=1e-4)


def test_gradient_is_zero() -> None:
    features, counts = example()
    fitted = PoissonDesign(features, counts).fit(0.01)
    error = np.exp(fitted.log_counts(features)) - counts
    np.testing.assert_allclose(
        features.T @ error / len(features) + 0.01 * fitted.weights, 0, atol=1e-6
    )
    np.testing.assert_allclose(error.mean(axis=0), 0, atol=1e-8)


def test_missing_rows_are_left_out_per_neuron() -> None:
    features, counts = example()
    gone = np.zeros(counts.shape, bool)
    gone[:150, 1], gone[200:, 3] = True, True
    fitted = PoissonDesign(features, np.where(gone, np.nan, counts)).fit(0.1)
    for k in range(4):
        alone = PoissonDesign(features[~gone[:, k]], counts[~gone[:, k]][:, [k]]).fit(0.1)
        np.testing.assert_allclose(fitted.weights[:, [k]], alone.weights, atol=1e-7)
        assert fitted.offset[k] == pytest.approx(alone.offset[0], abs=1e-6)


def test_start_changes_the_way_not_the_end() -> None:
    design = PoissonDesign(*example())
    near, far = design.fit(0.01, start=design.fit(0.1)), design.fit(0.01)
    np.testing.assert_allclose(near.weights, far.weights, atol=1e-6)


def test_a_silent_neuron_gets_half_a_spike() -> None:
    features, counts = example()
    counts[:, 2] = 0
    fitted = PoissonDesign(features, counts).fit(0.1)
    assert not fitted.weights[:, 2].any()
    assert np.exp(fitted.offset[2]) * len(features) == pytest.approx(0.5)


def test_wild_features_still_converge() -> None:
    """Near-separable counts, where a full Newton step from the start overshoots."""
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(size=(50, 1)) * 30, rng.normal(size=(50, 1))], axis=1)
    counts = np.where(features[:, :1] > 40, 50.0, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = PoissonDesign(features, counts).fit(1e-3)
    error = np.exp(fitted.log_counts(features)) - counts
    np.testing.assert_allclose(features.T @ error / 50 + 1e-3 * fitted.weights, 0, atol=1e-5)
