"""Seconds typed as milliseconds or the reverse: refused or said, with the cause, before work."""

import warnings
from typing import Any

import numpy as np
import pytest

from undertow.data import Recording, TrialSet, bin_spike_times
from undertow.errors import DataError, DataWarning

RNG = np.random.default_rng(0)
SPIKES = [np.sort(RNG.uniform(0, 600, 3000)) for _ in range(4)]
EVENTS = np.arange(5, 595, 5.0)


def recording(spikes: list[np.ndarray] = SPIKES, **fields: Any) -> Recording:
    """Four units of 5 spikes/s over 10 minutes, an event every 5 s."""
    return Recording.from_spike_times(spikes, **{"events": EVENTS, **fields})


REFUSED = [
    (
        {},
        {"window_s": (-500, 1500)},
        r"\(-500, 1500\).* -500 to 1500 ms is \(-0\.5, 1\.5\)",
    ),
    ({}, {"window_s": (0, 150)}, r"an event every 5 s"),
    (
        {},
        {"window_s": (0.0, 1.0), "bin_s": 20},
        r"bin_s is 20 s, longer than a window.*0\.02",
    ),
    ({}, {"window_s": (0.0, 1.0), "bin_s": 2e-5}, r"less than a spike lasts.*20 ms is 0\.02"),
    ({}, {"window_s": (0.0, 1.0), "bin_s": 1e-300}, r"less than a spike lasts"),
    (
        {"spikes": [1e3 * each for each in SPIKES]},
        {},
        r"no unit fires .* 6\.94 days.* milli",
    ),
    ({"spikes": [3e4 * each for each in SPIKES]}, {}, r"208 days.* or by the sampling rate"),
    ({"spikes": [1e-3 * each for each in SPIKES]}, {}, r"faster than any neuron: spike times must"),
    (
        {"events": 1e3 * EVENTS + 1e4},
        {},
        r"no spike at all in .*'event' look like millis",
    ),
    ({"events": EVENTS + 5000}, {}, r"both must be in seconds on one clock"),
]


@pytest.mark.parametrize(("fields", "options", "message"), REFUSED)
def test_what_cannot_be_meant_is_refused_with_its_cause(
    fields: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        recording(**fields).bin("event", **{"window_s": (-0.5, 1.5), **options})


def test_a_recording_cut_into_windows_is_checked_too() -> None:
    for factor, message in ((3e4, "208 days"), (1e-3, "faster than any neuron")):
        with pytest.raises(DataError, match=message):
            recording([factor * each for each in SPIKES]).cut()
    with pytest.raises(DataError, match="reach to infinity"):
        recording(obs_intervals=np.array([[-np.inf, np.inf]])).cut()


def test_what_does_not_fit_into_memory_is_refused_before_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("undertow.memory.machine_memory", lambda: 2**20)
    sized = r"counts of 118 trials × 2,000 bins of 0\.001 s × 4 units would take .* MB .* 1\.05 MB"
    with pytest.raises(DataError, match=sized):
        recording().bin("event", (-0.5, 1.5), 0.001)
    with pytest.raises(DataError, match=r"599 trials × 1,000 bins .* times are in seconds"):
        recording().cut(1.0, 0.001)


@pytest.mark.parametrize("bin_s", [np.nan, np.inf, 0, -0.02, "ten", 1j, None, [0.02, 0.02]])
def test_a_bin_width_that_is_none_is_refused_everywhere(bin_s: Any) -> None:
    trials = TrialSet(np.ones((3, 4, 2)), 0.01)
    for use in (recording().bin, recording().cut, trials.rebin):
        with pytest.raises(DataError, match=r"bin_s is .*: it must be a number of seconds"):
            use(bin_s=bin_s)


def test_what_is_odd_is_said() -> None:
    with pytest.warns(DataWarning, match=r"bin_s is 20 s: bins are in seconds, 20 ms is 0\.02"):
        TrialSet(np.ones((3, 4, 2)), 20)
    with pytest.warns(DataWarning, match=r"less than a spike lasts"):
        TrialSet(np.ones((3, 4, 2)), 2e-5)
    slow = [np.append(7.0, np.sort(RNG.uniform(100, 6e4, 200))) for _ in range(3)]
    with pytest.warns(DataWarning) as said:
        bin_spike_times(slow, np.arange(5, 100, 5.0), (0, 5.0), 0.1)
    texts = " ".join(str(each.message) for each in said)
    assert "no unit fires at 0.05 spikes/s or more over 16.6 hours" in texts
    assert "lie within 90 s of a recording of" in texts


def test_spike_times_stored_too_coarsely_are_said() -> None:
    late = [np.sort(RNG.uniform(0, 600, 3000)) + 40_000 for _ in range(2)]
    events = EVENTS + 40_000
    single = [each.astype(np.float32) for each in late]
    with pytest.warns(DataWarning, match=r"at 40,600 s .* in steps of 3\.9 ms, for bins of 20"):
        bin_spike_times(single, events, (0, 1.0), 0.02)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bin_spike_times(late, events, (0, 1.0), 0.02)
        bin_spike_times(single, events, (0, 1.0), 0.1)
        bin_spike_times([each.astype(np.float32) for each in SPIKES], EVENTS, (0, 1.0), 0.02)


def endless(n: int = 10, **last: float) -> Recording:
    """Trials of 2 s, one every 5 s, the last with another stop time."""
    start = np.arange(n) * 5.0
    stop = start + 2.0
    stop[-1] = last.get("stop", stop[-1])
    return recording(events={"start_time": start, "stop_time": stop})


@pytest.mark.parametrize("stop", [47_000.0, 1e12, 1e300])
def test_one_endless_trial_names_itself_and_is_left_out(stop: float) -> None:
    with pytest.warns(DataWarning, match=r"1 of 10 trials .* trial 9 lasts .*, the median 2 s"):
        trials = endless(stop=stop).bin()
    assert trials.shape == (9, 100, 4)


def test_an_endless_trial_that_was_chosen_is_kept_or_refused_for_its_memory() -> None:
    chosen = np.arange(10)
    assert endless(stop=145.0).bin(trials=chosen).n_time == 5000
    with pytest.raises(DataError, match=r"of memory.*trial 9 lasts 1e\+12 s; mend its stop_time"):
        endless(stop=1e12).bin(trials=chosen)


def test_stop_times_that_are_none_are_no_trials() -> None:
    for stop in (np.nan, np.inf, -np.inf, 3.0):
        with pytest.warns(DataWarning, match="1 of 10 trials have no time"):
            assert endless(stop=stop).bin().n_trials == 9
    text = recording(events={"start_time": EVENTS, "stop_time": EVENTS.astype(str)})
    with pytest.raises(DataError, match="'stop_time' of the trials holds no times"):
        text.bin()


def test_a_window_longer_than_the_recording_is_refused_before_its_bins_are_made() -> None:
    with pytest.raises(DataError, match=r"cut_s is 1e\+09, and the recording lasts .* not one"):
        recording().cut(1e9, 0.02)
