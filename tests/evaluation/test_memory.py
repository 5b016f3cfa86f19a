"""Scoring streams over trials: what it holds beside the counts stays a small share of them."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from undertow.data import Prediction, TrialSet
from undertow.evaluation import bits_per_spike, per_neuron_scores, psth, sufficient_statistics
from undertow.evaluation.metrics.psth import psth_of_sets
from undertow.evaluation.scores import velocity
from undertow.evaluation.scores.velocity import LOG_RATES, decode_velocity, without_rates

BLOCK = 2**17
N_TEST, N_TRAIN = 60, 180


def predicted(n_trials: int, seed: int) -> Prediction:
    """A prediction near the truth, with conditions and a velocity; 80 bins × 150 neurons."""
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(n_trials, 80, 2))
    loading = np.random.default_rng(0).normal(0, 0.3, (2, 150))
    rates = (20 * np.exp(latents @ loading)).astype(np.float32)
    trials = TrialSet(
        rng.poisson(rates * 0.02),
        0.02,
        condition=rng.integers(0, 3, n_trials),
        behavior=latents,
        behavior_names=("vel_x", "vel_y"),
    ).hold_out(40)
    return Prediction(rates=rates, trials=trials)


@pytest.fixture(scope="module")
def parts() -> tuple[Prediction, Prediction]:
    return predicted(N_TEST, 1), predicted(N_TRAIN, 2)


def peak_bytes(work: Callable[[], Any]) -> int:
    """The most that NumPy held at once beyond what was there before, the result included."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undertow.memory.BLOCK_BYTES", BLOCK)


@pytest.mark.usefixtures("small_blocks")
def test_all_scores_take_less_than_the_counts_again(parts: tuple[Prediction, Prediction]) -> None:
    test, train = parts
    sufficient_statistics(test, train)  # modules are imported once
    counts = test.trials.spikes.nbytes + train.trials.spikes.nbytes
    again = Prediction(rates=train.rates, trials=train.trials)  # no decoder is known of it
    # copies of the test part alone; of all trials in double precision they were 12 times the counts
    assert peak_bytes(lambda: sufficient_statistics(test, again)) < 1.5 * counts
    assert peak_bytes(lambda: per_neuron_scores(test)) < 1.5 * test.trials.spikes.nbytes


@pytest.mark.usefixtures("small_blocks")
def test_a_likelihood_takes_a_few_blocks(parts: tuple[Prediction, Prediction]) -> None:
    test = parts[0]
    rates, spikes = test.counts, test.trials.spikes
    bits_per_spike(rates, spikes)  # modules are imported once
    assert peak_bytes(lambda: bits_per_spike(rates, spikes)) < 0.5 * spikes.nbytes


def test_blocks_change_no_score(
    parts: tuple[Prediction, Prediction], monkeypatch: pytest.MonkeyPatch
) -> None:
    test, train = parts
    whole = sufficient_statistics(test, train)
    monkeypatch.setattr("undertow.memory.BLOCK_BYTES", BLOCK)
    again = Prediction(rates=train.rates, trials=train.trials)
    for name, found in sufficient_statistics(test, again).items():
        assert found.value == pytest.approx(whole[name].value, rel=1e-10), name


def test_psth_of_several_sets_is_that_of_all_trials(parts: tuple[Prediction, Prediction]) -> None:
    sets = [(each.trials.spikes, np.asarray(each.trials.condition)) for each in parts]
    spikes, condition = (np.concatenate(each) for each in zip(*sets, strict=True))
    labels, expected = psth(spikes[..., 3:9], condition, 0.05, 0.02)
    found_labels, found = psth_of_sets(sets, 0.05, 0.02, np.arange(3, 9))
    np.testing.assert_array_equal(found_labels, labels)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_decoder_is_fitted_once_and_outlives_the_rates(
    parts: tuple[Prediction, Prediction], monkeypatch: pytest.MonkeyPatch
) -> None:
    test, train = parts
    again, fits = Prediction(rates=train.rates, trials=train.trials), []
    fit = velocity.fit_log_rate_decoder
    monkeypatch.setattr(
        velocity, "fit_log_rate_decoder", lambda *given: fits.append(1) or fit(*given)
    )
    first = decode_velocity(test, again, LOG_RATES)
    slim = without_rates(again)
    assert np.isnan(slim.rates).all()
    assert slim.rates.strides == (0, 0, 0)
    np.testing.assert_array_equal(decode_velocity(test, slim, LOG_RATES), first)
    assert fits == [1]
