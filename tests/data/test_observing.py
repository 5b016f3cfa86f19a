"""Windows that reach out of the recording: missing there, counted, and zeros at its edges kept."""

import warnings

import numpy as np
import pytest

from undertow.data import Recording, bin_spike_times
from undertow.data.observing import longest_silence_s, recorded_span_s
from undertow.errors import DataWarning

SPIKES = [np.arange(10.005, 50, 0.1), np.arange(10.055, 50, 0.1)]
"""Two units that fire in turn, every 50 ms, from 10 to 50 s."""


def test_bins_before_and_after_the_recording_are_missing_and_counted() -> None:
    events = np.array([9.5, 20.0, 49.5, 70.0])
    with pytest.warns(DataWarning) as said:
        trials = bin_spike_times(SPIKES, events, (0.0, 1.0), 0.1)
    assert len(said) == 1
    text = str(said[0].message)
    assert "3 of 4 trials reach out of the recording, which runs from 9.9" in text
    assert "50 % of the bins lie outside, and are missing (NaN). 1 of them lie wholly" in text
    missing = np.isnan(trials.spikes[:, :, 0])
    assert missing.sum(axis=1).tolist() == [5, 0, 5, 10]
    assert (np.isnan(trials.spikes) == missing[:, :, None]).all()
    assert not (trials.spikes[0] == 0)[:3].any()


def test_a_slow_population_keeps_its_zeros_at_the_edges() -> None:
    rng = np.random.default_rng(1)
    slow = [np.sort(rng.uniform(0, 400, 60)) for _ in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trials = bin_spike_times(slow, np.arange(0, 400, 2.0), (0.0, 2.0), 0.1)
    assert np.isfinite(trials.spikes).all()


def test_trials_that_begin_in_the_recording_belong_to_it_and_later_ones_do_not() -> None:
    start = np.array([10.0, 30.0, 49.0, 100.0])
    table = {"start_time": start, "stop_time": start + 4.0}
    span = recorded_span_s(SPIKES, None, table)
    assert span[1] == pytest.approx(53.0)
    endless = {"start_time": start, "stop_time": start + np.array([4, 4, 4000, 4])}
    assert recorded_span_s(SPIKES, None, endless)[1] == pytest.approx(50.05, abs=0.1)
    with pytest.warns(DataWarning, match="1 of 4 trials reach out"):
        trials = Recording(SPIKES, trials=table).bin(bin_s=0.1)
    assert np.isnan(trials.spikes).all(axis=(1, 2)).tolist() == [False] * 3 + [True]
    assert (trials.spikes[2, 15:] == 0).all()


def test_with_observed_intervals_they_are_the_recording() -> None:
    observed = np.array([[10.0, 20.0], [30.0, 40.0]])
    recording = Recording(SPIKES, trials={"go": [15.0, 24.5, 39.5]}, obs_intervals=observed)
    with pytest.warns(DataWarning, match=r"1 of 3 trials reach out .* from 10 to 40 s: 17 %"):
        trials = recording.bin("go", (0.0, 1.0), 0.1)
    assert np.isnan(trials.spikes[1]).all()  # a gap inside: missing, but inside the recording


def test_the_longest_silence_is_found() -> None:
    silent = [np.append(SPIKES[0][SPIKES[0] < 20], 27.5), SPIKES[1][SPIKES[1] > 27]]
    assert longest_silence_s(silent, (10.005, 50.0)) == pytest.approx(27.055 - 19.905, abs=1e-3)
    assert longest_silence_s([np.ones(3)], (1.0, 1.0)) == 0
    assert recorded_span_s([np.ones(3)], None, {}) == (-np.inf, np.inf)
