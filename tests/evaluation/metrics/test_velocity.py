"""Velocity decoders: what they recover, their lag, their masks and messages."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score

from undertow.errors import DataError
from undertow.evaluation import (
    fit_log_rate_decoder,
    fit_velocity_decoder,
    log_rate_velocity_r2,
    velocity_r2,
)


def lagged(lag: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rates whose logarithms give the velocity `lag` bins later, up to noise."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(2.0, 0.2, (30, 20, 6))
    velocity = 50 * rng.normal(size=(30, 20, 2))
    velocity[:, lag:] += (100 * np.log(rates) @ rng.normal(size=(6, 2)))[:, : 20 - lag]
    return rates, velocity


def test_log_rate_decoder_is_the_ridge_of_the_protocol() -> None:
    rates, velocity = lagged(3)
    score = log_rate_velocity_r2(rates[:20], velocity[:20], rates[20:], velocity[20:], lag_bins=3)
    x, y = np.log(rates[:, :-3]), velocity[:, 3:]
    ridge = RidgeCV(np.logspace(-4, 4, 9)).fit(x[:20].reshape(-1, 6), y[:20].reshape(-1, 2))
    expected = r2_score(y[20:].reshape(-1, 2), ridge.predict(x[20:].reshape(-1, 6)))
    assert score == pytest.approx(expected, abs=1e-10)
    assert score > 0.8
    assert (
        log_rate_velocity_r2(rates[:20], velocity[:20], rates[20:], velocity[20:], lag_bins=0) < 0.1
    )


def test_predictions_have_the_place_of_the_velocity_they_mean() -> None:
    rates, velocity = lagged(3)
    decoded = fit_log_rate_decoder(rates[:20], velocity[:20], lag_bins=3).predict(rates[20:])
    assert decoded.shape == velocity[20:].shape
    assert np.isnan(decoded[:, :3]).all()
    assert np.isfinite(decoded[:, 3:]).all()
    each = r2_score(velocity[20:, 3:].reshape(-1, 2), decoded[:, 3:].reshape(-1, 2))
    scored = log_rate_velocity_r2(rates[:20], velocity[:20], rates[20:], velocity[20:], 3)
    assert each == pytest.approx(scored, abs=1e-10)


def test_benchmark_decoder_recovers_a_linear_map() -> None:
    rng = np.random.default_rng(0)
    rates, weights = rng.gamma(2.0, 0.2, (20, 15, 4)), rng.normal(size=(4, 2))
    decoder = fit_velocity_decoder(rates, rates @ weights + [1.0, -2.0])
    np.testing.assert_allclose(decoder.weights, weights, atol=1e-4)
    np.testing.assert_allclose(decoder.offset, [1.0, -2.0], atol=1e-4)
    assert decoder.alpha == 1e-4


def test_one_channel_is_decoded_as_it_is_beside_another() -> None:
    rates, velocity = lagged(3)
    single = velocity[..., :1]
    for fit, options in ((fit_velocity_decoder, {}), (fit_log_rate_decoder, {"lag_bins": 3})):
        decoder = fit(rates[:20], single[:20], **options)  # type: ignore[operator]
        assert decoder.weights.shape == (6, 1)
        twice = fit(rates[:20], np.concatenate([single, single], -1)[:20], **options)  # type: ignore[operator]
        np.testing.assert_allclose(
            decoder.predict(rates[20:]), twice.predict(rates[20:])[..., :1], rtol=1e-9
        )
    x, y = np.log(rates[:, :-3]).reshape(30, 17, 6), single[:, 3:]
    ridge = RidgeCV(np.logspace(-4, 4, 9)).fit(x[:20].reshape(-1, 6), y[:20].ravel())
    expected = r2_score(y[20:].ravel(), ridge.predict(x[20:].reshape(-1, 6)))
    scored = log_rate_velocity_r2(rates[:20], single[:20], rates[20:], single[20:], lag_bins=3)
    assert scored == pytest.approx(expected, abs=1e-10)


def test_rows_without_velocity_need_no_rate() -> None:
    rates, velocity = lagged(0)
    velocity[:, 15:] = np.nan
    clean = velocity_r2(rates[:20], velocity[:20], rates[20:], velocity[20:])
    rates[:, 15:] = np.nan
    assert velocity_r2(rates[:20], velocity[:20], rates[20:], velocity[20:]) == clean


def test_floor_raises_small_rates() -> None:
    rates, velocity = lagged(0)
    raised = log_rate_velocity_r2(
        rates[:20], velocity[:20], rates[20:], velocity[20:], 0, floor=0.3
    )
    by_hand = np.maximum(rates, 0.3)
    assert raised == log_rate_velocity_r2(
        by_hand[:20], velocity[:20], by_hand[20:], velocity[20:], 0
    )


def test_errors() -> None:
    rates, velocity = lagged(0)
    halves = rates[:20], velocity[:20], rates[20:], velocity[20:]
    with pytest.raises(DataError, match="only one of train_mask and eval_mask"):
        velocity_r2(*halves, train_mask=np.ones((20, 1), bool))
    with pytest.raises(DataError, match="a trial in every mask"):
        velocity_r2(*halves, np.ones((20, 2), bool), np.zeros((10, 2), bool))
    with pytest.raises(DataError, match="2 masks and eval_mask 1"):
        velocity_r2(*halves, np.ones((20, 2), bool), np.ones((10, 1), bool))
    with pytest.raises(DataError, match=r"lag_bins is 20: .* from 0 to 19"):
        log_rate_velocity_r2(*halves, lag_bins=20)
    with pytest.raises(DataError, match="negative values"):
        fit_log_rate_decoder(-rates, velocity, 1)
    with pytest.raises(DataError, match=r"floor is 0.0: .* above 0"):
        fit_log_rate_decoder(rates, velocity, 1, floor=0.0)
    with pytest.raises(DataError, match="velocity is known in 0 bins"):
        fit_velocity_decoder(rates, np.full_like(velocity, np.nan))
    with pytest.raises(DataError, match="rates holds NaN"):
        fit_velocity_decoder(np.full_like(rates, np.nan), velocity)
    with pytest.raises(DataError, match="fitted on 6"):
        fit_velocity_decoder(rates, velocity).predict(rates[..., :4])
    with pytest.raises(DataError, match=r"velocity has 1 channel\(s\) .* fitted on 2"):
        velocity_r2(*halves[:3], velocity[20:, :, :1])
    for huge in (np.repeat(rates[..., :1], 6, axis=2) * 1e20, rates * 1e200):
        with np.errstate(all="ignore"), pytest.raises(DataError, match="rates are far too high"):
            fit_velocity_decoder(huge, velocity)
