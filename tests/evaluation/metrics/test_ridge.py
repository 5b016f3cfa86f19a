"""Ridge regression from sums: the solutions and the choices of scikit-learn, block by block."""

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV

from undertow.evaluation.metrics.ridge import ridge_by_folds, ridge_left_one_out

ALPHAS = np.logspace(-4, 4, 9)
Arrays = tuple[np.ndarray, np.ndarray]


def example(n: int, n_features: int, seed: int) -> Arrays:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_features)) * np.linspace(0.01, 3, n_features) + 5.0
    y = x @ rng.normal(size=(n_features, 2)) + 4 * rng.normal(size=(n, 2)) - 30.0
    return x, y


def in_blocks(x: np.ndarray, y: np.ndarray, step: int) -> Iterator[Arrays]:
    for first in range(0, len(x), step):
        yield x[first : first + step], y[first : first + step]


@pytest.mark.parametrize(("n", "n_features"), [(203, 12), (60, 30), (24, 40)])
@pytest.mark.parametrize("step", [7, 1000])
def test_by_folds_is_grid_search(n: int, n_features: int, step: int) -> None:
    x, y = example(n, n_features, n)
    found = ridge_by_folds(lambda: in_blocks(x, y, step), n, ALPHAS)
    search = GridSearchCV(SklearnRidge(), {"alpha": ALPHAS}).fit(x, y)
    assert found.alpha == search.best_params_["alpha"]
    np.testing.assert_allclose(found.weights, search.best_estimator_.coef_.T, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.offset, search.best_estimator_.intercept_, rtol=1e-6)


@pytest.mark.parametrize(("n", "n_features"), [(203, 12), (60, 30), (24, 40)])
@pytest.mark.parametrize("step", [7, 1000])
def test_left_one_out_is_ridge_cv(n: int, n_features: int, step: int) -> None:
    x, y = example(n, n_features, n)
    found = ridge_left_one_out(lambda: in_blocks(x, y, step), ALPHAS)
    search = RidgeCV(ALPHAS).fit(x, y)
    assert found.alpha == search.alpha_
    np.testing.assert_allclose(found.weights, search.coef_.T, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.offset, search.intercept_, rtol=1e-6)


def test_the_fewest_rows_are_fitted_without_a_choice() -> None:
    x, y = example(5, 3, 0)
    assert ridge_by_folds(lambda: in_blocks(x, y, 2), 5, ALPHAS).alpha == ALPHAS[0]
