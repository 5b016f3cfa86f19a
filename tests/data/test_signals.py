"""Signals in bins: averages of fast ones, interpolation of slow ones, closed forms for both."""

import numpy as np
import pytest

from undertow.data.signals import sample_signal

BIN_S = 0.02
CENTRES = (np.arange(50) + 0.5) * BIN_S


def sampled(times: np.ndarray, values: np.ndarray, centres: np.ndarray = CENTRES) -> np.ndarray:
    values = values if values.ndim == 2 else values[:, None]
    return sample_signal(times, values, centres, BIN_S)[..., 0]


def test_a_ripple_faster_than_the_bins_averages_out_and_the_sine_stays() -> None:
    """The mean of sin ωt over a bin of width b is sin(ωt) · sin(ωb/2)/(ωb/2); the 1 kHz samples add
    (ω/1000)²/12."""
    times = np.arange(-100, 1200) / 1000
    omega = 2 * np.pi * 3
    slow = np.sin(omega * times)
    ripple = np.sin(
        2 * np.pi * 100 * times + 0.3
    )  # two periods a bin; at the centres alone it is a constant
    kept = np.sin(omega * CENTRES) * np.sin(omega * BIN_S / 2) / (omega * BIN_S / 2)
    np.testing.assert_allclose(sampled(times, slow + ripple), kept, atol=(omega / 1000) ** 2)
    aliased = np.interp(CENTRES, times, slow + ripple) - np.sin(omega * CENTRES)
    assert np.abs(aliased).min() > 0.29


def test_a_ripple_between_samples_averages_out_at_any_phase() -> None:
    times = np.arange(-20, 1021) / 1000
    alternating = np.where(np.arange(times.size) % 2, 1.0, -1.0)
    assert np.abs(sampled(times, alternating, CENTRES + 0.00037)).max() < 1e-9


@pytest.mark.parametrize("interval_s", [0.001, 0.0043, 0.0199, 0.02, 0.033, 0.05])
def test_straight_lines_are_exact_at_bin_centres(interval_s: float) -> None:
    times = np.arange(0, 1.1, interval_s)
    ramp = 3 - 40 * times
    np.testing.assert_allclose(sampled(times, ramp), 3 - 40 * CENTRES, atol=1e-9)


def test_irregular_samples_are_weighted_by_the_time_they_stand_for() -> None:
    rng = np.random.default_rng(0)
    times = np.sort(np.append(rng.uniform(-0.02, 1.02, 1000), [-0.02, 1.02]))
    np.testing.assert_allclose(sampled(times, 5 * times), 5 * CENTRES, atol=1e-9)
    crowded = np.sort(np.concatenate([np.arange(0, 1.001, 0.01), np.linspace(0.0101, 0.0109, 50)]))
    step = np.where(
        crowded < 0.0095, 0.0, 1.0
    )  # half of the first bin is high, though most samples are
    rises = (crowded[1] - crowded[0]) / 2  # the line rises from 0 to 1 in [0, 0.01]
    assert sampled(crowded, step)[0] == pytest.approx((BIN_S - rises) / BIN_S)


def test_the_mean_is_that_of_the_line_through_the_samples() -> None:
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.001, 0.009, 400))
    values = rng.normal(size=400) + 1e4
    centres = np.array([0.1, 0.5137, 0.9])
    fine = (np.arange(20_000) + 0.5) / 20_000 * BIN_S - BIN_S / 2
    direct = np.interp(centres[:, None] + fine, times, values).mean(axis=1)
    np.testing.assert_allclose(sampled(times, values, centres), direct, atol=1e-4)


def test_a_signal_as_slow_as_the_bins_or_slower_is_interpolated() -> None:
    values = np.random.default_rng(2).normal(size=50)
    np.testing.assert_allclose(sampled(CENTRES, values), values)
    slow = np.arange(0, 1.1, 0.05)
    waves = np.cos(9 * slow)
    np.testing.assert_allclose(sampled(slow, waves), np.interp(CENTRES, slow, waves))


def test_missing_samples_and_gaps_leave_the_rest_exact() -> None:
    times = np.arange(0, 1.0005, 0.001)
    ramp = 7 * times + 1
    ramp[(times > 0.1045) & (times < 0.1315)] = np.nan  # a dropout of 27 ms
    keep = (times < 0.4045) | (times > 0.4605)  # a gap of 56 ms
    found = sampled(times[keep], ramp[keep])
    exact = 7 * CENTRES + 1
    missing = [5, 6, 20, 21, 22]  # centres 0.11, 0.13; 0.41, 0.43, 0.45
    assert np.flatnonzero(np.isnan(found)).tolist() == missing
    left = np.setdiff1d(np.arange(50), missing)
    np.testing.assert_allclose(found[left], exact[left], atol=1e-9)
    nothing = sampled(times, np.full(times.size, np.nan))
    assert np.isnan(nothing).all()


def test_a_short_gap_is_bridged() -> None:
    times = np.arange(0, 1.0005, 0.001)
    keep = (times < 0.4045) | (times > 0.4255)
    assert np.isfinite(sampled(times[keep], times[keep])).all()


def test_before_the_first_and_after_the_last_sample_nothing_is_known() -> None:
    times = np.arange(0.105, 0.8, 0.001)
    found = sampled(times, 2 * times)
    known = (CENTRES > 0.105) & (CENTRES < 0.8)
    assert (np.isfinite(found) == known).all()
    np.testing.assert_allclose(found[known], 2 * CENTRES[known], atol=1e-9)
    lone = sampled(np.array([CENTRES[3]]), np.array([4.0]))
    assert np.flatnonzero(np.isfinite(lone)).tolist() == [3]


def test_channels_and_shapes_are_kept_and_a_gap_in_one_channel_is_its_own() -> None:
    times = np.arange(0, 1, 0.001)
    values = np.stack([times, -times], axis=1)
    values[500:520, 1] = np.nan
    found = sample_signal(times, values, CENTRES[:48].reshape(6, 8), BIN_S)
    assert found.shape == (6, 8, 2)
    np.testing.assert_allclose(found[..., 0].ravel(), CENTRES[:48], atol=1e-9)
    assert np.isnan(found[..., 1]).sum() == 1
