"""Averages of training trials on data small enough to average by hand."""

import numpy as np
import pytest

from undertow.baselines.arrays.averages import (
    LEAST_SHARE,
    LEAST_SPIKES,
    Averages,
    conditions,
    in_time,
    mean_rates,
    place_of,
    plain_names,
)
from undertow.data import TrialSet
from undertow.evaluation.metrics.psth import gaussian_smooth

BIN_S = 0.1
NARROW_S = 1e-3
"""So narrow that nothing is smoothed."""


def trials(**more: object) -> TrialSet:
    """4 trials × 3 bins × 2 neurons; neuron 1 is silent but for one spike."""
    spikes = np.zeros((4, 3, 2))
    spikes[:, :, 0] = [[1, 2, 3], [3, 2, 1], [0, 0, 6], [2, 4, 0]]
    spikes[0, 0, 1] = 1
    return TrialSet(spikes, BIN_S, condition=["b", "b", "a", "b"], **more)  # type: ignore[arg-type]


def test_mean_rates_count_observed_bins_alone() -> None:
    spikes = np.array(trials().spikes, float)
    spikes[0, 2, 0] = np.nan
    gappy = trials().replace(spikes=spikes)
    np.testing.assert_allclose(mean_rates(gappy, forward=False), [21 / 1.1, 1 / 1.2])


def test_the_window_and_the_forward_bins_have_rates_of_their_own() -> None:
    forward = trials(forward_bins=1)
    np.testing.assert_allclose(mean_rates(forward, forward=False), [14 / 0.8, 1 / 0.8])
    np.testing.assert_allclose(mean_rates(forward, forward=True), [10 / 0.4, LEAST_SPIKES / 0.4])


def test_what_was_never_observed_takes_the_nearest_rate_that_is_known() -> None:
    """Without forward bins those of the window; of a neuron never seen, half a spike in a bin."""
    np.testing.assert_allclose(mean_rates(trials(), True), mean_rates(trials(), False))
    spikes = np.array(trials(forward_bins=1).spikes, float)
    spikes[:, 2], spikes[:, :, 1] = np.nan, np.nan
    unseen = trials(forward_bins=1).replace(spikes=spikes)
    wanted = [14 / 0.8, LEAST_SPIKES / BIN_S]
    np.testing.assert_allclose(mean_rates(unseen, False), wanted)
    np.testing.assert_allclose(mean_rates(unseen, True), wanted)


def test_averages_are_those_of_all_trials_and_of_each_condition() -> None:
    found = Averages(trials(), NARROW_S)
    assert found.names.tolist() == ["a", "b"]
    assert found.numbers.tolist() == [1, 3]
    np.testing.assert_allclose(found.overall[:, 0], np.array([6, 8, 10]) / 4 / BIN_S)
    np.testing.assert_allclose(found.each[0, :, 0], np.array([0, 0, 6]) / BIN_S)
    np.testing.assert_allclose(found.each[1, :, 0], np.array([6, 8, 4]) / 3 / BIN_S)
    # bins without a spike keep a share of the neuron's mean rate
    assert found.overall[1, 1] == pytest.approx(LEAST_SHARE * 1 / 1.2)


def test_averages_are_smoothed() -> None:
    found = Averages(trials(), 0.1).overall[:, 0]
    plain = np.array([6, 8, 10]) / 4
    wanted = gaussian_smooth(plain[None, :, None], 0.1, BIN_S)[0, :, 0] / BIN_S
    np.testing.assert_allclose(found, wanted)


def test_each_condition_is_drawn_to_all_as_by_so_many_trials() -> None:
    found = Averages(trials(), NARROW_S)
    drawn = found.drawn(2.0)
    for place, number in enumerate((1, 3)):
        own = (number * found.each[place, :, 0] + 2.0 * found.overall[:, 0]) / (number + 2.0)
        np.testing.assert_allclose(drawn[place, :, 0], own)
    np.testing.assert_allclose(found.drawn(1e12), np.stack([found.overall] * 2), rtol=1e-9)
    assert (found.drawn(1e-9) > 0).all()


def test_bins_that_no_trial_of_a_condition_observed_are_those_of_all() -> None:
    spikes = np.array(trials().spikes, float)
    spikes[2, 1] = np.nan
    found = Averages(trials().replace(spikes=spikes), NARROW_S)
    assert np.isnan(found.each[0, 1]).all()
    np.testing.assert_allclose(found.drawn(0.5)[0, 1], found.overall[1])
    spikes[:, 1] = np.nan
    whole = Averages(trials().replace(spikes=spikes), 0.05).overall
    assert np.isfinite(whole).all()


def test_labels_find_their_place_by_value() -> None:
    assert conditions(trials()).tolist() == ["b", "b", "a", "b"]
    assert not conditions(TrialSet(np.ones((3, 2, 1)), BIN_S)).any()
    assert plain_names(np.array([1, 2])) == [1, 2]
    assert type(plain_names(np.array([1, 2]))[0]) is int
    assert place_of(np.array(["b", "c", "a"]), ["a", "b"]).tolist() == [1, -1, 0]
    assert place_of(np.array([2.0, 3.0]), [1, 2]).tolist() == [1, -1]


def test_what_is_too_short_goes_on_as_it_ends() -> None:
    values = np.arange(6.0).reshape(3, 2)
    assert in_time(values, 2).tolist() == [[0, 1], [2, 3]]
    assert in_time(values, 5).tolist() == [[0, 1], [2, 3], [4, 5], [4, 5], [4, 5]]
