"""Recordings: alignment, windows, unit and trial filters, what is not observed, signals."""

from typing import Any

import numpy as np
import pytest

from undertow.data import Recording, bin_spike_times
from undertow.errors import DataError, DataWarning


def make_recording(**fields: Any) -> Recording:
    """Three units over three trials of 0.5, 0.7 and 0.3 s; the go cue is missing in the last."""
    trials = {
        "start_time": [0.0, 1.0, 2.0],
        "stop_time": [0.5, 1.7, 2.3],
        "go_time": [0.2, 1.2, np.nan],
        "side": ["left", "right", "left"],
        "level": [1, 2, 3],
        "split": ["train", "train", "test"],
    }
    defaults = {
        "spike_times": [
            np.array([0.05, 0.25, 1.25, 2.05]),
            np.array([1.35, 0.15, 1.6]),
            np.array([2.2]),
        ],
        "unit_ids": [11, 12, 20],
        "units": {"region": ["M1", "M1", "PMd"], "heldout": [False, True, False]},
        "trials": trials,
    }
    return Recording(**{**defaults, **fields})


def test_aligned_counts_entry_by_entry() -> None:
    with pytest.warns(DataWarning) as caught:
        trials = make_recording().bin("go_time", (-0.1, 0.2), 0.1, condition=("side", "level"))
    messages = " ".join(str(w.message) for w in caught)
    assert "1 of 3 trials have no time in 'go_time' and are dropped" in messages
    assert "never spike" in messages
    assert trials.spikes[:, :, 0].tolist() == [[0, 1, 0], [0, 1, 0]]
    assert trials.spikes[:, :, 1].tolist() == [[1, 0, 0], [0, 0, 1]]
    assert (trials.start_s, trials.event) == (-0.1, "go_time")
    assert trials.condition.tolist() == ["left/1", "right/2"]
    assert trials.neuron_ids.tolist() == [11, 12, 20]
    assert trials.region.tolist() == ["M1", "M1", "PMd"]
    assert trials.heldout.tolist() == [False, True, False]
    assert trials.split.tolist() == ["train", "train"]


def test_events_of_few_digits_are_added_to_windows_in_full() -> None:
    """8192.25 s is exact in float32; 0.1 s after it is 0.4 ms off there."""
    event = 8192.25
    recording = Recording(
        spike_times=[np.array([0.0, event + 0.0998, event + 0.15])],
        unit_ids=["a"],
        trials={"go": np.array([event], dtype=np.float32)},
    )
    assert recording.bin("go", (0.1, 0.2), 0.1).spikes.tolist() == [[[1.0]]]


def test_without_a_window_trials_run_from_start_to_stop() -> None:
    trials = make_recording().bin(bin_s=0.1)
    assert trials.event == "start_time"
    assert trials.lengths.tolist() == [5, 7, 3]
    assert np.isnan(trials.spikes[0, 5:]).all()
    assert np.isfinite(trials.spikes[0, :5]).all()
    assert np.nansum(trials.spikes) == 8


def test_trials_shorter_than_a_bin_are_dropped() -> None:
    with pytest.warns(DataWarning, match="shorter than one bin"):
        trials = make_recording().bin(bin_s=0.4, units=[11, 12])
    assert trials.trial_ids.tolist() == [0, 1]


def test_units_and_trials_are_chosen_by_rule_mask_or_id() -> None:
    recording = make_recording()
    by_rule = recording.bin(bin_s=0.1, units="region==M1 and heldout==false", trials="side==left")
    assert by_rule.neuron_ids.tolist() == [11]
    assert by_rule.trial_ids.tolist() == [0, 2]
    by_mask = recording.bin(bin_s=0.1, units=[True, True, False], trials=[False, True, True])
    assert by_mask.neuron_ids.tolist() == [11, 12]
    assert by_mask.trial_ids.tolist() == [1, 2]
    by_id = recording.bin(bin_s=0.1, units=[20, 11], trials="level>=2")
    assert by_id.neuron_ids.tolist() == [20, 11]
    assert by_id.trial_ids.tolist() == [1, 2]


def test_a_minimum_rate_leaves_slow_units_out() -> None:
    trials = make_recording().bin(bin_s=0.1, min_rate_hz=1.5)  # 1.5 s observed: 4, 3 and 1 spikes
    assert trials.neuron_ids.tolist() == [11, 12]


def test_bins_outside_the_observed_intervals_are_missing_for_that_unit() -> None:
    often, once = np.array([[0.0, 0.5], [1.0, 1.45], [2.0, 3.0]]), np.array([[0.0, 3.0]])
    trials = make_recording(obs_intervals=[often, once, once]).bin(bin_s=0.1)
    assert np.isnan(trials.spikes[1, :, 0]).tolist() == [False] * 4 + [True] * 3
    assert np.isfinite(trials.spikes[1, :, 1:]).all()


def test_signals_are_interpolated_at_bin_centres() -> None:
    times = np.arange(0, 1.6, 0.01)
    signals = {"vel": (times, np.stack([times, -times], axis=1)), "pupil": (times, times**0)}
    trials = make_recording(signals=signals).bin(bin_s=0.1, behavior=["vel", "pupil"])
    assert trials.behavior_names == ("vel_x", "vel_y", "pupil")
    np.testing.assert_allclose(trials.behavior[1, :5, 0], 1.05 + 0.1 * np.arange(5), atol=1e-6)
    np.testing.assert_allclose(trials.behavior[1, :5, 1], -1.05 - 0.1 * np.arange(5), atol=1e-6)
    assert np.isnan(trials.behavior[2]).all()  # recorded until 1.59 s only


def test_a_long_gap_and_missing_samples_are_missing() -> None:
    times = np.array([0.0, 0.1, 0.2, 1.2, 1.3])
    values = np.array([0.0, 1.0, np.nan, 3.0, 4.0])
    recording = Recording([np.array([0.5])], trials={"go": [0.0]}, signals={"x": (times, values)})
    behavior = recording.bin("go", (0.0, 1.3), 0.1, behavior="x").behavior[0, :, 0]
    assert behavior[0] == pytest.approx(0.5)
    assert behavior[12] == pytest.approx(3.5)
    assert np.isnan(behavior[1:12]).all()


def test_bin_spike_times_takes_lists_and_mappings() -> None:
    trials = bin_spike_times(
        {"a": [0.1, 0.52], "b": [0.62]}, [0.0, 0.5], (0.0, 0.2), 0.1, condition=[1, 2]
    )
    assert trials.neuron_ids.tolist() == ["a", "b"]
    assert trials.spikes[:, :, 0].tolist() == [[0, 1], [1, 0]]
    assert trials.spikes[:, :, 1].tolist() == [[0, 0], [0, 1]]
    assert trials.condition.tolist() == [1, 2]


def test_cut_leaves_out_what_was_never_observed_and_labels_contiguous_blocks() -> None:
    spikes = np.arange(0.005, 40, 0.05)
    observed = np.array([[0.0, 10.0], [20.0, 40.0]])
    trials = Recording([spikes], obs_intervals=observed).cut(window_s=1.0, bin_s=0.1)
    assert trials.spikes.shape == (30, 10, 1)
    assert (trials.spikes == 2).all()
    assert trials.split.tolist() == ["train"] * 22 + ["val"] * 4 + ["test"] * 4


WRONG = [
    ({"spike_times": []}, "no units"),
    ({"spike_times": [[0.1], [np.nan], [0.2]]}, "spike times of unit 12 hold 1 NaN"),
    ({"spike_times": [[0.1], [["a"]], [0.2]]}, "spike times of unit 12"),
    ({"unit_ids": [1, 1, 2]}, "unit_ids holds .*1.* more than once"),
    ({"units": {"region": ["M1"]}}, "column 'region' of the units has 1 entries: there are 3"),
    ({"trials": {"go": [0.1, 0.2], "side": [1]}}, "column 'side' of the trials has 1 entries"),
    ({"trials": {"go": [[0.1], [0.2, 0.3]]}}, "no column of the trials"),
    ({"signals": {"x": (np.arange(3), np.zeros(4))}}, "signal 'x' has timestamps"),
    (
        {"signals": {"x": (np.zeros(3), np.zeros(3))}},
        "signal 'x' has timestamps that do not increase",
    ),
    ({"obs_intervals": [np.zeros((1, 2))]}, "obs_intervals has 1 entries: there are 3"),
    ({"obs_intervals": np.array([[1.0, 0.0]])}, "obs_intervals of unit 0"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG)
def test_a_wrong_recording_is_refused_by_name(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_recording(**fields)


WRONG_BINS = [
    ({"align": "gone"}, "no column 'gone': there is start_time, stop_time"),
    ({"align": "side"}, "'side' of the trials holds no times"),
    ({"window_s": (0.3, 0.1)}, "start before stop"),
    ({"window_s": 3}, "start before stop"),
    ({"window_s": (0.0, 0.25), "bin_s": 0.1}, "not a whole number of bins"),
    ({"bin_s": 0}, "bin_s is 0"),
    ({"units": "region==V1"}, "no row of the units is left"),
    ({"units": "color==red"}, "the units have no column 'color': there is region, heldout"),
    ({"units": [99]}, "no id 99"),
    ({"units": [True]}, "mask"),
    ({"units": "region"}, "cannot read the rule 'region'"),
    ({"units": "region>M1"}, "holds text"),
    ({"trials": "level==high"}, "compares numbers with 'high'"),
    ({"condition": "gone"}, "no column 'gone'"),
    ({"behavior": "hand_vel"}, "no signal 'hand_vel': there is nothing"),
    ({"min_rate_hz": 1e4}, "no unit fires at 10000"),
    ({"window_s": (50.0, 51.0), "bin_s": 0.1}, "no spike at all"),
    (
        {"trials": [0, 1, 2], "align": "go_time", "window_s": None, "bin_s": 5.0},
        "no trial has a time",
    ),
]


@pytest.mark.parametrize(("options", "message"), WRONG_BINS)
def test_a_wrong_binning_is_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_recording().bin(**options)


def test_a_recording_without_trials_says_to_cut_it() -> None:
    with pytest.raises(DataError, match=r"no trials: cut it into windows"):
        Recording([[0.1, 0.2]]).bin()
    with pytest.raises(DataError, match="windows cannot be split"):
        Recording([[0.1, 1.2]]).cut(window_s=0.5, bin_s=0.1)
    with pytest.raises(DataError, match="no spike at all"):
        Recording([[]]).cut()


def test_in_a_notebook_it_is_a_small_escaped_table() -> None:
    columns = {"<i>area</i>": ["a", "b"]}
    recording = Recording.from_spike_times(
        [np.array([0.1]), np.array([0.2, 0.3])], [0.0], units=columns
    )
    table = recording._repr_html_()
    assert "2 units, 1 trials" in table
    assert "&lt;i&gt;area&lt;/i&gt;" in table
    assert "<i>" not in table
    assert ">3<" in table  # spikes
