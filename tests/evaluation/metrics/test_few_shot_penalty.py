"""The penalty of few-shot readouts: the cross-validation over trials, step by step."""

import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor

from undertow.errors import DataError
from undertow.evaluation.metrics.few_shot import PENALTIES, choose_penalty


def example(trials: int, features: int, slope: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Features of 30 bins a trial, the first of which drives the counts of three neurons."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(trials, 30, features))
    return x, rng.poisson(np.exp(slope * x[..., :1] - [1.0, 0.5, 0.0])).astype(float)


def left_out_loss(x: np.ndarray, n: np.ndarray, penalty: float) -> float:
    """Σ μ − n ln μ of each trial under scikit-learn's regressions on the trials of other folds."""
    loss = 0.0
    for fold in range(min(4, len(x))):
        out = np.arange(len(x)) % 4 == fold
        for neuron in range(n.shape[2]):
            model = PoissonRegressor(
                alpha=penalty, tol=1e-10, max_iter=1000, solver="newton-cholesky"
            )
            model.fit(x[~out].reshape(-1, x.shape[2]), n[~out][..., neuron].ravel())
            rates = model.predict(x[out].reshape(-1, x.shape[2]))
            loss += float(np.sum(rates - n[out][..., neuron].ravel() * np.log(rates)))
    return loss


@pytest.mark.parametrize(("trials", "features"), [(2, 1), (3, 10), (7, 4), (7, 20)])
def test_it_is_the_first_minimum_of_the_left_out_loss(trials: int, features: int) -> None:
    x, n = example(trials, features)
    losses = [left_out_loss(x, n, penalty) for penalty in PENALTIES]
    rises = [k for k in range(1, len(losses)) if losses[k] > losses[k - 1]]
    assert choose_penalty(x, n) == PENALTIES[rises[0] - 1 if rises else -1]


def test_features_that_drive_get_a_weak_penalty_and_noise_a_strong_one() -> None:
    assert choose_penalty(*example(8, 1, slope=1.0)) <= 0.01
    assert choose_penalty(*example(8, 20, slope=0.0)) == PENALTIES[0]


def test_silent_neurons_leave_the_strongest() -> None:
    x, n = example(4, 3)
    assert choose_penalty(x, 0 * n) == PENALTIES[0]


def test_bins_without_features_or_counts_count_nowhere() -> None:
    x, n = example(6, 10)
    expected = choose_penalty(x[:, :20], n[:, :20])
    x[:, 20:], n[:, 20:] = np.nan, np.nan
    gap = np.full((1, 30, 10), np.nan), np.full((1, 30, 3), np.nan)
    assert choose_penalty(np.concatenate([x, gap[0]]), np.concatenate([n, gap[1]])) == expected


def test_one_trial_with_features_is_too_few() -> None:
    x, n = example(3, 2)
    x[1:] = np.nan
    with pytest.raises(
        DataError, match=r"1 of the 3 trials drawn have latents.*take a larger k, or give a"
    ):
        choose_penalty(x, n)
