"""Which trials, neurons and conditions are shown; time axes."""

import numpy as np
import pytest

from tests.report.records import make_trials
from undertow.analysis import TimeAxis, example_conditions, example_neurons, example_trials
from undertow.analysis.examples import peak_order
from undertow.errors import UndertowError


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


def test_what_is_shown_may_be_named() -> None:
    trials = make_trials(4, 3, trial_ids=["a", "b", "c", "d"], neuron_ids=[4, 5, 6, 7, 8, 9])
    assert example_trials(trials, ["d", "a"]).tolist() == [3, 0]
    assert example_trials(trials, "b").tolist() == [1]
    assert example_neurons(trials, np.array([9, 4])).tolist() == [5, 0]
    assert example_conditions(np.array(["left", "right"]), ["right"]).tolist() == [1]
    assert example_conditions(np.arange(9), 3).tolist() == [0, 4, 8]


def test_what_is_not_there_cannot_be_shown() -> None:
    trials = make_trials(4, 3)
    with pytest.raises(UndertowError, match="no trial 9: the 4 there are start with 0, 1, 2, 3"):
        example_trials(trials, [1, 9])
    with pytest.raises(UndertowError, match="no neuron was named"):
        example_neurons(trials, [])
    with pytest.raises(UndertowError, match="conditions is 0: it must be a whole number"):
        example_conditions(np.arange(2), 0)
    with pytest.raises(UndertowError, match="no neuron has a spike"):
        example_neurons(make_trials(4, 3, spikes=np.zeros((4, 3, 6))))
