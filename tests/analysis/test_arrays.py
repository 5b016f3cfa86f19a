"""Waves, condition averages, histories, examples, time axes and populations, entry by entry."""

import numpy as np
import pytest

from tests.report.records import make_prediction, make_trials
from undertow.analysis import (
    TimeAxis,
    condition_averages,
    example_neurons,
    example_trials,
    history_columns,
    population_rates,
    wave_groups,
)
from undertow.analysis.examples import peak_order
from undertow.errors import UndertowError


def test_wave_groups_are_consecutive_dimensions() -> None:
    latent = np.arange(2 * 3 * 8).reshape(2, 3, 8)
    waves = wave_groups(latent, 4)
    assert waves.shape == (4, 2, 2, 3)
    for group in range(4):
        np.testing.assert_array_equal(waves[group, 1], latent[1, :, 2 * group : 2 * group + 2].T)


@pytest.mark.parametrize("n_groups", [3, 0])
def test_groups_that_do_not_divide_are_refused(n_groups: int) -> None:
    with pytest.raises(UndertowError, match=f"8 dimensions does not divide into {n_groups}"):
        wave_groups(np.zeros((1, 2, 8)), n_groups)


def test_condition_averages_are_means_of_what_is_finite() -> None:
    values = np.random.default_rng(0).normal(size=(5, 3, 2))
    values[0, 1, 1] = np.nan
    values[[1, 3], 2, 0] = np.nan
    found = condition_averages(values, np.array(["b", "a", "b", "a", "b"]))
    assert found.labels.tolist() == ["a", "b"]
    assert found.n_trials.tolist() == [2, 3]
    assert np.isnan(found.mean[0, 2, 0])
    np.testing.assert_allclose(found.mean[1, 1, 1], values[[2, 4], 1, 1].mean())
    np.testing.assert_allclose(found.mean[1, 0], values[[0, 2, 4], 0].mean(axis=0))


def test_condition_averages_need_a_label_per_trial() -> None:
    with pytest.raises(UndertowError, match="no condition labels"):
        condition_averages(np.zeros((2, 3, 1)), None)
    with pytest.raises(UndertowError, match="3 condition labels for 2 trials"):
        condition_averages(np.zeros((2, 3, 1)), np.zeros(3))


def test_history_columns_keep_every_number() -> None:
    rows = [{"epoch": 2, "loss": 3.0, "note": "x"}, {"epoch": 4, "loss": None, "score": "0.5"}]
    columns = history_columns(rows)
    assert list(columns) == ["epoch", "loss", "score"]
    assert columns["epoch"].tolist() == [2, 4]
    np.testing.assert_array_equal(columns["loss"], [3.0, np.nan])
    np.testing.assert_array_equal(columns["score"], [np.nan, 0.5])
    assert history_columns([{"loss": 1.0}, {"loss": 0.5}])["epoch"].tolist() == [0, 1]
    with pytest.raises(UndertowError, match="no training history"):
        history_columns([])


def test_example_trials_take_turns_over_conditions() -> None:
    trials = make_trials(9, condition=[0, 0, 0, 0, 1, 1, 2, 2, 2])
    assert trials.condition[example_trials(trials, 2)].tolist() == [0, 2]
    assert trials.condition[example_trials(trials, 5)].tolist() == [0, 1, 2, 0, 1]
    assert sorted(example_trials(trials, 99)) == list(range(9))


def test_example_trials_are_the_longest() -> None:
    trials = make_trials(4, condition=None, truth=None, lengths=np.array([9, 15, 8, 15]))
    assert example_trials(trials, 2).tolist() == [1, 3]


def test_example_neurons_are_busy_half_held_out_and_never_silent() -> None:
    spikes = np.zeros((2, 3, 6))
    spikes[0, 0] = [1, 5, 0, 3, 9, 2]
    heldout = np.array([False, False, False, False, True, True])
    chosen = example_neurons(make_trials(2, 3, spikes=spikes, heldout=heldout), 4)
    assert chosen.tolist() == [1, 3, 4, 5]
    assert example_neurons(make_trials(2, 3, spikes=spikes, heldout=None), 6).tolist() == [
        4,
        1,
        3,
        5,
        0,
    ]


def test_peak_order_sorts_by_peak_held_in_first() -> None:
    rates = np.zeros((1, 4, 4))
    for neuron, peak in enumerate([3, 1, 0, 2]):
        rates[0, peak, neuron] = 1.0
    assert peak_order(rates, np.array([False, False, True, False])).tolist() == [1, 3, 0, 2]


def test_time_axis_of_trials() -> None:
    axis = TimeAxis.of(make_trials(forward_bins=4))
    np.testing.assert_allclose(axis.time_s, make_trials().time_s)
    np.testing.assert_allclose(axis.edges_s[[0, -1]], [-0.1, 0.2])
    assert axis.forward_start_s == pytest.approx(0.12)
    assert axis.label() == "time from go cue (s)"
    assert axis.event_inside
    assert not TimeAxis(0.0, 0.02, 5, "window start").event_inside
    assert TimeAxis(0.0, 0.02, 5, "window start").forward_start_s is None


def test_population_rates_are_sums_over_neurons_where_spikes_were_observed() -> None:
    spikes = make_trials().spikes.copy()
    spikes[0, 3] = np.nan
    prediction = make_prediction(make_trials(spikes=spikes))
    found = population_rates(prediction, prediction)
    assert found.names == ("4 held-in neurons", "2 held-out neurons")
    np.testing.assert_allclose(
        found.observed[0, 3], spikes[1:, 3, :4].mean(axis=0).sum() / 0.02, rtol=1e-6
    )
    np.testing.assert_allclose(found.inferred[1, 3], prediction.rates[1:, 3, 4:].mean(axis=0).sum())
    np.testing.assert_allclose(found.inferred[1, 2], prediction.rates[:, 2, 4:].mean(axis=0).sum())
    assert found.baseline is not None
    np.testing.assert_array_equal(found.baseline, found.inferred)
