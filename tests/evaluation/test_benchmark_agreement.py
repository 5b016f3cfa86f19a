"""Equality with the reference implementation of the Neural Latents Benchmark, to 1e-9."""

import warnings
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from undertow.evaluation import (
    bits_per_spike,
    co_smoothing_bps,
    forward_bps,
    negative_log_likelihood,
    produced_time_correlation,
    psth_r2,
    velocity_r2,
)

TOLERANCE = {"rel": 1e-9, "abs": 1e-9}
Pair = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    return pytest.importorskip("nlb_tools.evaluation", reason="nlb-tools is not installed")


def counts(shape: tuple[int, ...], seed: int) -> Pair:
    rng = np.random.default_rng(seed)
    rates = rng.gamma(1.0, 0.3, shape)
    return rates, rng.poisson(rates).astype(float)


def plain(seed: int) -> Pair:
    return counts((12, 20, 7), seed)


def with_gaps(seed: int) -> Pair:
    rates, spikes = plain(seed)
    spikes[3, 5:], spikes[7, :4, 2] = np.nan, np.nan
    rates[3, 5:] = np.nan
    return rates, spikes


def with_zero_rates(seed: int) -> Pair:
    rates, spikes = plain(seed)
    rates[::3] = 0
    return rates, spikes


def with_silent_neurons(seed: int) -> Pair:
    rates, spikes = plain(seed)
    spikes[..., [0, 4]] = 0
    return rates, spikes


def single_trial(seed: int) -> Pair:
    return counts((1, 50, 5), seed)


def single_neuron(seed: int) -> Pair:
    return counts((9, 30, 1), seed)


def high_counts(seed: int) -> Pair:
    rng = np.random.default_rng(seed)
    rates = rng.gamma(2.0, 40.0, (4, 10, 3))
    return rates, rng.poisson(rates).astype(float)


CASES = [
    plain,
    with_gaps,
    with_zero_rates,
    with_silent_neurons,
    single_trial,
    single_neuron,
    high_counts,
]


@pytest.mark.parametrize("make", CASES)
@pytest.mark.parametrize("seed", range(4))
def test_bits_per_spike(reference: ModuleType, make: Callable[[int], Pair], seed: int) -> None:
    rates, spikes = make(seed)
    assert bits_per_spike(rates, spikes) == pytest.approx(
        reference.bits_per_spike(rates.copy(), spikes.copy()), **TOLERANCE
    )
    assert co_smoothing_bps(rates, spikes) == bits_per_spike(rates, spikes)


@pytest.mark.parametrize("make", CASES)
def test_negative_log_likelihood(reference: ModuleType, make: Callable[[int], Pair]) -> None:
    rates, spikes = make(0)
    expected = reference.neg_log_likelihood(rates.copy(), spikes.copy())
    assert negative_log_likelihood(rates, spikes) == pytest.approx(expected, **TOLERANCE)


@pytest.mark.parametrize("seed", range(4))
def test_forward_prediction(reference: ModuleType, seed: int) -> None:
    rates, spikes = with_zero_rates(seed)
    expected = reference.bits_per_spike(rates.copy(), spikes.copy())
    mine = forward_bps(rates[..., :5], spikes[..., :5], rates[..., 5:], spikes[..., 5:])
    assert mine == pytest.approx(expected, **TOLERANCE)


def psths(seed: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    rates, psth = rng.gamma(1.0, 0.3, (15, 20, 6)), rng.gamma(1.0, 0.3, (4, 20, 6))
    order = rng.permutation(15)
    return rates, psth, [order[:5], order[5:9], np.array([], int), order[9:]]


@pytest.mark.parametrize("seed", range(3))
def test_psth_r2(reference: ModuleType, seed: int) -> None:
    rates, psth, index = psths(seed)
    assert psth_r2(rates, psth, index) == pytest.approx(
        reference.eval_psth(psth, rates, index), **TOLERANCE
    )


def test_psth_r2_with_gaps_and_silent_neurons(reference: ModuleType) -> None:
    rates, psth, index = psths(0)
    psth[..., 2] = 0
    psth[1, :6], psth[3, 15:] = np.nan, np.nan
    rates[index[3], 15:] = np.nan
    assert psth_r2(rates, psth, index) == pytest.approx(
        reference.eval_psth(psth, rates, index), **TOLERANCE
    )


@pytest.mark.parametrize("seed", range(3))
def test_psth_r2_with_jitter(reference: ModuleType, seed: int) -> None:
    rates, psth, index = psths(seed)
    psth[:, :4], psth[:, 17:] = np.nan, np.nan
    jitter = np.random.default_rng(seed).integers(-3, 5, 15)
    expected = reference.eval_psth(psth, rates, index, jitter=jitter)
    assert psth_r2(rates, psth, index, jitter) == pytest.approx(expected, **TOLERANCE)


def test_psth_r2_one_neuron_one_condition(reference: ModuleType) -> None:
    rates, psth, _ = psths(0)
    rates, psth = rates[:3, :, :1], psth[:1, :, :1]
    expected = reference.eval_psth(psth, rates, [np.arange(3)])
    assert psth_r2(rates, psth, [np.arange(3)]) == pytest.approx(expected, **TOLERANCE)


def decoding(seed: int, n_channels: int = 2) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    rates = rng.gamma(1.0, 0.3, (24, 12, 8))
    velocity = rates @ rng.normal(size=(8, n_channels)) * 100 + 30 * rng.normal(
        size=(24, 12, n_channels)
    )
    velocity[2, :5] = np.nan
    velocity[20, 7:] = np.nan
    rates[2, :5] = np.nan
    return rates[:16], velocity[:16], rates[16:], velocity[16:]


@pytest.mark.parametrize("seed", range(3))
def test_velocity_r2(reference: ModuleType, seed: int) -> None:
    train_rates, train_velocity, eval_rates, eval_velocity = decoding(seed)
    everyone = np.ones((16, 1), bool), np.ones((8, 1), bool)
    expected = reference.velocity_decoding(
        train_rates, train_velocity, everyone[0], eval_rates, eval_velocity, everyone[1]
    )
    mine = velocity_r2(train_rates, train_velocity, eval_rates, eval_velocity)
    assert mine == pytest.approx(expected, **TOLERANCE)


def test_velocity_r2_with_masks_and_one_neuron(reference: ModuleType) -> None:
    train_rates, train_velocity, eval_rates, eval_velocity = decoding(5)
    train_rates, eval_rates = train_rates[..., :1], eval_rates[..., :1]
    train_mask = np.stack([np.arange(16) % 2 == 0, np.arange(16) % 2 == 1], axis=1)
    eval_mask = np.stack([np.arange(8) < 3, np.arange(8) >= 3], axis=1)
    expected = reference.velocity_decoding(
        train_rates, train_velocity, train_mask, eval_rates, eval_velocity, eval_mask
    )
    mine = velocity_r2(
        train_rates, train_velocity, eval_rates, eval_velocity, train_mask, eval_mask
    )
    assert mine == pytest.approx(expected, **TOLERANCE)


def timing(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rates = rng.gamma(1.0, 0.3, (30, 25, 6))
    spikes = rng.poisson(0.3, (30, 25, 3)).astype(float)
    for trial, start in enumerate(rng.integers(0, 20, 30)):
        spikes[trial, :start] = np.nan
    condition = np.stack([np.arange(30) % 2, np.arange(30) // 2 % 2, np.zeros(30)], axis=1)
    behavior = np.column_stack([condition, rng.uniform(500, 1000, 30), rng.uniform(500, 1200, 30)])
    behavior[7] = np.nan
    return rates, spikes, behavior


@pytest.mark.parametrize("seed", range(4))
def test_produced_time_correlation(reference: ModuleType, seed: int) -> None:
    rates, spikes, behavior = timing(seed)
    expected = reference.speed_tp_correlation(spikes, rates, behavior)
    assert produced_time_correlation(rates, spikes, behavior) == pytest.approx(
        expected, **TOLERANCE
    )


def test_a_whole_submission(reference: ModuleType) -> None:
    """Every key the reference reports for one set, from one dictionary of tensors."""
    rates, spikes = counts((24, 16, 9), 3)
    velocity = np.random.default_rng(3).normal(size=(24, 12, 2))
    psth, index = (
        np.random.default_rng(4).gamma(1.0, 0.3, (2, 12, 9)),
        [np.arange(4), np.arange(4, 8)],
    )
    window, after, fit, score = slice(0, 12), slice(12, 16), slice(0, 16), slice(16, 24)
    user = {
        "eval_rates_heldin": rates[score, window, :6],
        "eval_rates_heldout": rates[score, window, 6:],
        "train_rates_heldin": rates[fit, window, :6],
        "train_rates_heldout": rates[fit, window, 6:],
        "eval_rates_heldin_forward": rates[score, after, :6],
        "eval_rates_heldout_forward": rates[score, after, 6:],
    }
    target = {
        "eval_spikes_heldout": spikes[score, window, 6:],
        "eval_spikes_heldin_forward": spikes[score, after, :6],
        "eval_spikes_heldout_forward": spikes[score, after, 6:],
        "train_behavior": velocity[fit],
        "eval_behavior": velocity[score],
        "psth": psth,
    }
    annotated = {k: {(): v} for k, v in target.items()}
    # the reference iterates over this one entry, so it is a list of index arrays
    annotated["eval_cond_idx"] = {(): index}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (result,) = reference.evaluate(
            {"mc_maze_20": annotated}, {"mc_maze_20": {k: {(): v} for k, v in user.items()}}
        )
    scores = result["mc_maze_20_split"]
    mine = {
        "co-bps": co_smoothing_bps(user["eval_rates_heldout"], target["eval_spikes_heldout"]),
        "fp-bps": forward_bps(
            user["eval_rates_heldin_forward"],
            target["eval_spikes_heldin_forward"],
            user["eval_rates_heldout_forward"],
            target["eval_spikes_heldout_forward"],
        ),
        "vel R2": velocity_r2(
            rates[fit, window], velocity[fit], rates[score, window], velocity[score]
        ),
        "psth R2": psth_r2(rates[score, window], psth, index),
    }
    assert set(mine) == set(scores)
    for name, value in mine.items():
        assert value == pytest.approx(scores[name], **TOLERANCE), name
