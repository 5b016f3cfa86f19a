"""Labels and stimuli of a TrialSet, and how every reader fills them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.readers.nwb_files import write_nwb
from undertow.data import (
    Recording,
    TrialSet,
    describe,
    join_trials,
    load,
    read_hdf5,
    read_npz,
    read_nwb,
    split_trials,
    write_hdf5,
)
from undertow.errors import DataError, DataWarning

RNG = np.random.default_rng(0)
CHOICE = np.array(["left", "right", "", "left", "right", "left"])
SPIKES = [np.array([0.05, 0.25, 1.25, 2.3])]
TRIALS: dict[str, Any] = {
    "start_time": [0.0, 1.0, 2.0],
    "contrast": [0.25, 1.0, 0.0],
    "choice": ["left", "right", "left"],
    "correct": [True, False, True],
}


def make_trials(**fields: Any) -> TrialSet:
    defaults: dict[str, Any] = {
        "spikes": RNG.poisson(1.0, (6, 5, 3)),
        "bin_s": 0.02,
        "stimulus": RNG.normal(size=(6, 5, 2)),
        "stimulus_names": ("contrast", "sound"),
        "labels": {
            "choice": CHOICE,
            "reward": [1.0, 0, 1, 1, 0, 0],
            "level": [0.5, np.nan, 1, 1, 0.5, 0],
        },
    }
    return TrialSet(**{**defaults, **fields})


def ramp_recording() -> Recording:
    times = np.arange(0, 3, 0.001)
    return Recording(
        SPIKES, trials=TRIALS, signals={"force": (times, np.stack([times, 2 * times], axis=1))}
    )


def test_labels_follow_their_trials() -> None:
    trials = make_trials()
    assert trials.labels["reward"].dtype == np.int64
    assert trials[[5, 0]].labels["choice"].tolist() == ["left", "left"]
    assert trials.select(time=slice(1, 3), neurons=[0]).labels["choice"].tolist() == CHOICE.tolist()
    assert trials.rebin(0.1).labels["reward"].tolist() == [1, 0, 1, 1, 0, 0]
    joined = join_trials(trials[:2], trials[2:])
    for name, values in trials.labels.items():
        np.testing.assert_array_equal(joined.labels[name], values)
    with pytest.raises(ValueError, match="read-only"):
        trials.labels["reward"][0] = 7


def test_splitting_and_joining_keep_every_trial_with_its_label() -> None:
    reward = np.arange(40) % 2
    trials = TrialSet(RNG.poisson(1.0, (40, 5, 3)), 0.02, labels={"reward": reward})
    joined = join_trials(*split_trials(trials))
    assert (joined.labels["reward"] == joined.trial_ids % 2).all()
    with pytest.raises(DataError, match="only some of them hold the same labels"):
        join_trials(trials[:2], trials[2:].replace(labels=None))


def test_hdf5_gives_labels_and_stimulus_back(tmp_path: Path) -> None:
    trials = make_trials(split=["test", "train", "val", "none", "train", "train"])
    back = read_hdf5(write_hdf5(trials, tmp_path / "labels.h5"))
    assert list(back.labels) == ["choice", "reward", "level"]
    for name, values in trials.labels.items():
        np.testing.assert_array_equal(back.labels[name], values)
    assert back.stimulus_names == ("contrast", "sound")
    np.testing.assert_array_equal(back.stimulus, trials.stimulus)


def test_new_signals_of_another_width_lose_the_old_names() -> None:
    trials = make_trials()
    assert trials.replace(stimulus=np.zeros((6, 5, 1))).stimulus_names == ("stimulus_0",)
    assert trials.replace(stimulus=np.zeros((6, 5, 2))).stimulus_names == ("contrast", "sound")
    assert trials.replace(stimulus=None).stimulus_names == ()


WRONG = [
    (
        {"labels": {"choice": ["a", "b"]}},
        r"labels\['choice'\] has shape \(2,\): it must have 6 entries",
    ),
    ({"labels": {"choice": [{}] * 6}}, r"labels\['choice'\] is an object array"),
    ({"labels": {"choice": np.zeros(6, complex)}}, r"labels\['choice'\] has dtype complex"),
    (
        {"labels": {"time": np.linspace(0, 1, 6)}},
        r"labels\['time'\] is different in each of 6 trials",
    ),
    ({"stimulus_names": ("contrast",)}, "stimulus_names has 1 entries: stimulus has 2 channels"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG)
def test_wrong_labels_and_names_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_trials(**fields)


def test_a_recording_gives_signals_and_trial_columns_as_stimulus() -> None:
    trials = ramp_recording().bin(
        "start_time",
        (0.0, 0.4),
        0.1,
        stimulus=["contrast", "force", "correct"],
        label=("choice", "correct"),
    )
    assert trials.stimulus_names == ("contrast", "force_x", "force_y", "correct")
    assert trials.stimulus[:, :, 0].tolist() == [[0.25] * 4, [1.0] * 4, [0.0] * 4]
    np.testing.assert_allclose(trials.stimulus[1, :, 2], 2 * (1.05 + 0.1 * np.arange(4)), rtol=1e-6)
    assert trials.stimulus[:, 0, 3].tolist() == [1, 0, 1]
    assert trials.labels["choice"].tolist() == ["left", "right", "left"]
    assert trials.labels["correct"].tolist() == [True, False, True]
    assert trials.behavior is None


def test_columns_and_labels_belong_to_the_trials_chosen() -> None:
    trials = ramp_recording().bin(
        "start_time", (0.0, 0.4), 0.1, trials="choice==left", stimulus="contrast", label="choice"
    )
    assert trials.stimulus[:, 0, 0].tolist() == [0.25, 0.0]
    assert trials.labels["choice"].tolist() == ["left", "left"]


def test_trials_of_different_length_have_no_stimulus_past_their_end() -> None:
    recording = Recording(SPIKES, trials={**TRIALS, "stop_time": [0.3, 1.4, 2.35]})
    trials = recording.bin(bin_s=0.1, stimulus="contrast")
    assert (
        np.isfinite(trials.stimulus[..., 0]).sum(axis=1).tolist()
        == trials.lengths.tolist()
        == [3, 4, 3]
    )


def test_windows_of_a_recording_take_signals_only() -> None:
    times = np.arange(0, 20, 0.01)
    recording = Recording([np.arange(0.005, 20, 0.05)], signals={"sound": (times, times)})
    trials = recording.cut(1.0, 0.1, stimulus="sound")
    first_s = trials.stimulus[0, 0, 0] - 0.05
    np.testing.assert_allclose(
        trials.stimulus[:, :, 0].ravel(), first_s + 0.05 + 0.1 * np.arange(190), rtol=1e-5
    )
    with pytest.raises(DataError, match="no signal or trial column 'tone': there is sound"):
        recording.cut(1.0, 0.1, stimulus="tone")


def test_what_cannot_be_a_stimulus_or_a_label_is_named() -> None:
    with pytest.raises(DataError, match="'choice' holds text: a stimulus is numbers"):
        ramp_recording().bin("start_time", (0.0, 0.4), 0.1, stimulus="choice")
    with pytest.raises(
        DataError, match="no signal or trial column 'tone': there is force, start_time, contrast"
    ):
        ramp_recording().bin("start_time", (0.0, 0.4), 0.1, stimulus="tone")
    with pytest.raises(DataError, match="the trials have no column 'tone'"):
        ramp_recording().bin("start_time", (0.0, 0.4), 0.1, label="tone")


def test_nwb_series_and_columns(tmp_path: Path) -> None:
    times = np.arange(0, 3, 0.001)
    series = {"sound": (times, times), "hand_vel": (times, -times)}
    path = write_nwb(
        tmp_path / "task.nwb", SPIKES, {**TRIALS, "stop_time": [0.5, 1.5, 2.5]}, series=series
    )
    trials = read_nwb(
        path,
        bin_s=0.1,
        window_s=(0.0, 0.4),
        behavior="hand_vel",
        stimulus=["sound", "contrast"],
        label=["choice", "correct"],
    )
    assert trials.behavior_names == ("hand_vel",)
    assert trials.stimulus_names == ("sound", "contrast")
    np.testing.assert_allclose(trials.stimulus[2, :, 0], 2.05 + 0.1 * np.arange(4), rtol=1e-6)
    assert trials.stimulus[:, 3, 1].tolist() == [0.25, 1.0, 0.0]
    assert trials.labels["choice"].tolist() == ["left", "right", "left"]
    found = describe(path, label="choice", stimulus="contrast")
    assert found["labels"] == {"choice": {"left": 2, "right": 1}}
    assert found["stimulus"] == ["contrast"]
    with pytest.raises(
        DataError, match="no time series tone: there is hand_vel, sound, and the trial columns st"
    ):
        read_nwb(path, stimulus="tone")
    with pytest.raises(DataError, match="no time series contrast: there is hand_vel, sound"):
        read_nwb(path, behavior="contrast")


def test_npz_arrays(tmp_path: Path) -> None:
    spikes, sound = RNG.poisson(1.0, (6, 4, 3)).astype(np.uint8), RNG.normal(size=(6, 4))
    path = tmp_path / "task.npz"
    np.savez(
        path,
        spikes=spikes,
        bin_ms=10,
        contrast=[0, 0.5, 1, 0, 0.5, 1],
        sound=sound,
        light=sound[..., None],
        hand_vel=np.stack([sound, sound], axis=2),
        choice=CHOICE,
        feedback=np.array([-1, 1, 1, 1, -1, 1]),
    )
    trials = load(path, stimulus=["contrast", "sound", "light"], label=["choice", "feedback"])
    assert trials.stimulus_names == ("contrast", "sound", "light")
    assert trials.stimulus[:, 2, 0].tolist() == [0, 0.5, 1, 0, 0.5, 1]
    np.testing.assert_allclose(trials.stimulus[:, :, 1], sound, rtol=1e-6)
    assert trials.behavior_names == ("hand_vel_x", "hand_vel_y")  # light is a stimulus here
    assert trials.labels["feedback"].tolist() == [-1, 1, 1, 1, -1, 1]
    assert read_npz(path).stimulus is None
    with pytest.raises(DataError, match="no array 'tone'"):
        read_npz(path, stimulus="tone")
    with pytest.raises(
        DataError, match=r"bin_ms in .* has shape \(\): a stimulus must be \(6, 4\) by channels"
    ):
        read_npz(path, stimulus="bin_ms")


def test_a_real_decision_task(test_data: Callable[[str], Path]) -> None:
    path = test_data("visual_decision_s11_10ms.npz")
    with pytest.warns(DataWarning, match="never spike"):
        trials = read_npz(
            path, label=["feedback", "contrast_left"], stimulus=["contrast_left", "contrast_right"]
        )
    feedback = trials.labels["feedback"]
    assert max(np.mean(feedback == -1), np.mean(feedback == 1)) == pytest.approx(0.795, abs=0.001)
    assert np.unique(trials.labels["contrast_left"]).tolist() == [0, 0.25, 0.5, 1]
    assert (trials.stimulus == trials.stimulus[:, :1]).all()
    np.testing.assert_array_equal(trials.stimulus[:, 0, 0], trials.labels["contrast_left"])


def test_real_cues(test_data: Callable[[str], Path]) -> None:
    trials = read_npz(test_data("prefrontal_K070217_30ms.npz"), label=["cue", "target"])
    assert set(trials.labels["cue"].tolist()) == {1, 2, 3, 4}
    assert (trials.labels["target"] % 2 == trials.labels["cue"] % 2).all()


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "longdouble"])
def test_whole_numbers_of_any_precision_become_integers(kind: str) -> None:
    numbers = np.array([1, 2, 1, 2, 1, 2], kind)
    assert make_trials(labels={"side": numbers}).labels["side"].dtype == np.int64
    numbers[0] = np.inf
    assert make_trials(labels={"side": numbers}).labels["side"].dtype.kind == "f"
