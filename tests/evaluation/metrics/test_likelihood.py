"""Poisson scores against their definitions."""

import math

import numpy as np
import pytest

from undertow.errors import DataError
from undertow.evaluation import (
    bits_per_spike,
    co_smoothing_bps,
    forward_bps,
    negative_log_likelihood,
)


def test_negative_log_likelihood_entry_by_entry() -> None:
    rates, spikes = np.array([[0.5, 2.0], [1.0, 0.1]]), np.array([[0, 3], [1, np.nan]])
    expected = 0.5 + (2.0 - 3 * math.log(2.0) + math.log(6)) + 1.0
    assert negative_log_likelihood(rates, spikes) == pytest.approx(expected, abs=1e-12)


def test_bits_per_spike_is_zero_for_the_mean_and_positive_for_the_truth() -> None:
    rng = np.random.default_rng(0)
    truth = rng.gamma(1.0, 0.5, (50, 20, 4))
    spikes = rng.poisson(truth).astype(float)
    mean = np.broadcast_to(spikes.mean(axis=(0, 1)), spikes.shape)
    assert bits_per_spike(mean, spikes) == pytest.approx(0, abs=1e-12)
    assert bits_per_spike(truth, spikes) > 0.2


def test_bits_per_spike_by_hand() -> None:
    # one neuron, two bins, 0 and 2 spikes: null 1 per bin; rates (0.5, 1.5)
    gain = (2 - 2 * math.log(1)) - (0.5 + 1.5 - 2 * math.log(1.5))
    assert bits_per_spike([[0.5], [1.5]], [[0], [2]]) == pytest.approx(
        gain / 2 / math.log(2), abs=1e-12
    )


def test_missing_entries_count_nowhere() -> None:
    rng = np.random.default_rng(1)
    rates, spikes = rng.gamma(1.0, 1.0, (6, 5, 3)), rng.poisson(1.0, (6, 5, 3)).astype(float)
    spikes[2, 3:] = np.nan
    garbage = np.where(np.isnan(spikes), np.nan, rates)
    assert bits_per_spike(garbage, spikes) == bits_per_spike(rates, spikes)


def test_inputs_are_never_edited() -> None:
    rates, spikes = np.zeros((2, 3, 1)), np.ones((2, 3, 1))
    rates.flags.writeable = spikes.flags.writeable = False
    assert bits_per_spike(rates, spikes) < -20
    assert not rates.any()


def test_forward_joins_held_in_and_held_out() -> None:
    rng = np.random.default_rng(2)
    rates, spikes = rng.gamma(1.0, 1.0, (6, 5, 3)), rng.poisson(1.0, (6, 5, 3))
    joined = forward_bps(rates[..., :2], spikes[..., :2], rates[..., 2:], spikes[..., 2:])
    assert joined == bits_per_spike(rates, spikes)


@pytest.mark.parametrize(
    ("rates", "spikes", "message"),
    [
        (np.ones((2, 3)), np.ones((3, 2)), r"rates \(2, 3\), spikes \(3, 2\)"),
        (np.array([[1.0], [np.nan]]), np.ones((2, 1)), r"1 NaN value\(s\), the first at \(1, 0\)"),
        (np.array([[1.0], [-1.0]]), np.ones((2, 1)), "1 negative"),
        (np.array([[1.0], [np.inf]]), np.ones((2, 1)), "1 infinite"),
        (np.ones((2, 1)), np.zeros((2, 1)), "no spike"),
        (np.array([["a"]]), np.ones((1, 1)), "numeric"),
    ],
)
def test_bad_input_is_named(rates: np.ndarray, spikes: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        bits_per_spike(rates, spikes)


def test_co_smoothing_wants_three_dimensions() -> None:
    with pytest.raises(DataError, match=r"rates_heldout has shape \(2, 1\): it must have 3"):
        co_smoothing_bps(np.ones((2, 1)), np.ones((2, 1)))
    with pytest.raises(DataError, match="first 2 size"):
        forward_bps(np.ones((2, 3, 1)), np.ones((2, 3, 1)), np.ones((2, 4, 1)), np.ones((2, 4, 1)))
