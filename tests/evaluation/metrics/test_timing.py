"""Neural speed and produced time."""

import numpy as np
import pytest

from undertow.errors import DataError
from undertow.evaluation import produced_time_correlation
from undertow.evaluation.metrics.timing import neural_speed


def ramps(n_trials: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates that move along one axis at 1/tp per bin: speed is exactly 1/tp."""
    tp = np.linspace(2.0, 4.0, n_trials)
    rates = np.zeros((n_trials, 10, 2))
    rates[..., 0] = np.arange(10) / tp[:, None]
    condition = np.stack([np.arange(n_trials) % 2, np.zeros(n_trials), np.zeros(n_trials)], axis=1)
    return rates, np.ones((n_trials, 10, 1)), np.column_stack([condition, tp])


def test_speed_of_a_ramp() -> None:
    rates, spikes, behavior = ramps()
    np.testing.assert_allclose(neural_speed(rates, spikes), 1 / behavior[:, -1])


def test_correlation_is_pearsons_within_conditions() -> None:
    rates, spikes, behavior = ramps()
    tp = behavior[:, -1]
    expected = np.mean([np.corrcoef(1 / tp[k::2], tp[k::2])[0, 1] for k in (0, 1)])
    assert produced_time_correlation(rates, spikes, behavior) == pytest.approx(expected, abs=1e-12)


def test_trials_of_nan_are_left_out() -> None:
    rates, spikes, behavior = ramps()
    behavior[0], rates[0] = np.nan, np.nan
    kept = produced_time_correlation(rates[1:], spikes[1:], behavior[1:])
    assert produced_time_correlation(rates, spikes, behavior) == kept


def test_errors() -> None:
    rates, spikes, behavior = ramps()
    with pytest.raises(DataError, match="fewer than two trials"):
        produced_time_correlation(rates[:3], spikes[:3], behavior[:3])
    with pytest.raises(DataError, match="lacks a produced time"):
        produced_time_correlation(
            rates, np.where(np.arange(10)[:, None] < 9, np.nan, spikes), behavior
        )
    behavior[0, 1] = np.nan
    with pytest.raises(DataError, match="only some of"):
        produced_time_correlation(rates, spikes, behavior)
