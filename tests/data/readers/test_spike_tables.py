"""Flat tables of spikes: one row a spike, in a recording or in trials."""

import numpy as np
import pytest

from undertow.data.readers.spike_tables import constant_columns, recording_from_table
from undertow.errors import DataError, DataWarning

NEURONS = np.array([7, 3, 7, 3, 3, 7])
TIMES = np.array([0.31, 0.05, 0.12, 0.95, 0.5, 0.2])
TRIALS = np.array([2, 1, 1, 2, 1, 4])


def test_without_trials_it_is_a_recording() -> None:
    recording = recording_from_table(NEURONS, TIMES)
    assert recording.unit_ids.tolist() == [3, 7]
    assert [times.tolist() for times in recording.spike_times] == [
        [0.05, 0.5, 0.95],
        [0.12, 0.2, 0.31],
    ]
    assert recording.n_trials == 0
    aligned = recording_from_table(NEURONS, TIMES, trials={"go": [0.0, 0.5]})
    assert aligned.bin("go", (0.0, 0.5), 0.25).spikes[..., 1].tolist() == [[2, 1], [0, 0]]


@pytest.mark.filterwarnings("ignore:.*reach out of the recording")
def test_times_from_each_trial_are_put_side_by_side() -> None:
    recording = recording_from_table(NEURONS, TIMES, TRIALS)
    trials = recording.bin(bin_s=0.24)
    assert trials.trial_ids.tolist() == [1, 2, 4]
    assert trials.spikes[:, :, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 1], [0] * 4]
    assert trials.spikes[:, :, 1].tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    wide = recording.bin("start_time", (-0.5, 1.5), 0.5)
    assert np.isnan(wide.spikes[:, [0, 2, 3]]).all()  # before and after the trials: not observed
    assert np.isfinite(recording.bin("start_time", (0.0, 0.95), 0.05).spikes).all()


def test_negative_times_reach_before_each_trial() -> None:
    recording = recording_from_table([1, 1], [-0.5, 0.75], ["a", "b"])
    trials = recording.bin("start_time", (-0.5, 0.8), 0.1)
    assert np.isfinite(trials.spikes).all()
    assert trials.spikes.sum() == 2
    assert trials.trial_ids.tolist() == ["a", "b"]


def test_times_through_the_recording_are_known_by_trials_that_follow_each_other() -> None:
    times = TIMES + 3.0 * TRIALS
    with pytest.warns(DataWarning, match="each of 3 trials is taken to start at its first spike"):
        recording = recording_from_table(NEURONS, times, TRIALS)
    np.testing.assert_allclose(recording.trials["start_time"], [3.05, 6.31, 12.2])
    starts = {"start_time": [3.0, 6.0, 12.0], "stop_time": [4.0, 7.0, 13.0]}
    recording = recording_from_table(NEURONS, times, TRIALS, trials=starts)
    assert recording.bin(bin_s=0.5).spikes[..., 0].tolist() == [[1, 1], [0, 1], [0, 0]]
    forced = recording_from_table(NEURONS, times, TRIALS, clock="trial")
    assert forced.obs_intervals is not None


def test_columns_that_are_the_same_for_all_spikes_of_an_id() -> None:
    columns = {
        "region": np.where(NEURONS == 3, "M1", "V1"),
        "depth": np.where(NEURONS == 3, np.nan, 2.0),
        "side": np.where(TRIALS == 1, "left", "right"),
    }
    found = constant_columns(columns, NEURONS)
    assert found["region"].tolist() == ["M1", "V1"]
    np.testing.assert_array_equal(found["depth"], [np.nan, 2.0])
    assert list(constant_columns(columns, TRIALS)) == ["side"]
    units = recording_from_table(NEURONS, TIMES, units={"region": found["region"]})
    assert units.select_units("region==V1").unit_ids.tolist() == [7]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1, 2], [0.5]), "2 neuron ids, 1 times: one of each per spike"),
        (([1], [0.5], [1, 2]), "1 neuron ids, 1 times and 2 trial ids"),
        (([], []), "no rows"),
        (([1.5], [0.5]), "neuron ids hold 1.5: they must be whole numbers or text"),
        (([np.nan], [0.5]), "neuron ids hold nan"),
        ((["", "a"], [0.5, 1]), "neuron ids are empty in 1 rows"),
        (([1], ["x"]), "spike times have dtype"),
        (([1], [np.inf]), "1 NaN or infinite"),
        (([1], [0.0], [3]), "all spikes are at 0.0 s"),
        (([1j], [0.5]), "neuron ids have dtype complex128"),
    ],
)
def test_what_is_no_table_of_spikes_is_refused(columns: tuple, message: str) -> None:
    with pytest.raises(DataError, match=message):
        recording_from_table(*columns)


def test_a_trial_table_has_one_row_a_trial() -> None:
    with pytest.raises(DataError, match=r"has 2 rows: the spikes are of 3 trials \(1 … 4\)"):
        recording_from_table(NEURONS, TIMES, TRIALS, trials={"side": ["a", "b"]})
    with pytest.raises(DataError, match="clock is 'sun': it must be one of 'trial', 'recording'"):
        recording_from_table(NEURONS, TIMES, TRIALS, clock="sun")  # type: ignore[arg-type]
