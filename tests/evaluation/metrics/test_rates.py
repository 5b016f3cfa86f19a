"""R² of rates against truth."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from undertow.errors import DataError
from undertow.evaluation import rate_r2


def example(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.gamma(2.0, 5.0, (8, 10, 4)) * np.array([0.1, 1, 2, 10])
    return truth + rng.normal(size=truth.shape) * np.array([0.1, 5, 1, 10]), truth


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_scikit_learn(seed: int) -> None:
    rates, truth = example(seed)
    flat_truth, flat_rates = truth.reshape(-1, 4), rates.reshape(-1, 4)
    each = r2_score(flat_truth, flat_rates, multioutput="raw_values")
    weighted = r2_score(flat_truth, flat_rates, multioutput="variance_weighted")
    assert rate_r2(rates, truth) == pytest.approx(each.mean(), abs=1e-12)
    assert rate_r2(rates, truth, "variance-weighted") == pytest.approx(weighted, abs=1e-12)
    assert rate_r2(rates, truth, "median") == pytest.approx(np.median(each), abs=1e-12)


def test_constant_truth_scores_zero_or_one() -> None:
    constant = np.full((2, 3, 1), 4.0)
    assert rate_r2(constant, constant) == 1
    assert rate_r2(constant + 1, constant) == 0


def test_missing_bins_are_left_out_per_neuron() -> None:
    rates, truth = example()
    truth = truth.copy()
    truth[0, :5, 1] = np.nan
    keep = np.isfinite(truth[..., 1])
    first = r2_score(truth[..., 1][keep], rates[..., 1][keep])
    assert rate_r2(rates[..., [1]], truth[..., [1]]) == pytest.approx(first, abs=1e-12)


def test_errors() -> None:
    rates, truth = example()
    with pytest.raises(DataError, match=r"'mean': .* 'uniform', 'variance-weighted', 'median'"):
        rate_r2(rates, truth, "mean")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="shapes differ"):
        rate_r2(rates[:3], truth)
    with pytest.raises(DataError, match="neuron 2 has no bin"):
        rate_r2(np.where(np.arange(4) == 2, np.nan, rates), truth)
