"""What a file holds, in one dictionary."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.data.readers.nwb_files import write_nwb
from undertow.data import describe
from undertow.errors import DataError


def test_an_npz_file(tmp_path: Path) -> None:
    spikes = np.zeros((4, 10, 3))
    spikes[:, :, 0] = 1
    spikes[0, 0, 1] = 1
    arrays = {
        "condition": [1, 1, 2, 2],
        "region": ["M1", "M1", "V1"],
        "heldout": [0, 1, 0],
        "forward_bins": 2,
    }
    np.savez(tmp_path / "a.npz", spikes=spikes, bin_ms=20, hand_vel=np.zeros((4, 10, 2)), **arrays)
    info = describe(tmp_path / "a.npz")
    assert info["kind"] == "arrays (npz)"
    assert (info["trials"], info["bins"], info["bin_s"], info["neurons"], info["spikes"]) == (
        4,
        10,
        0.02,
        3,
        41,
    )
    assert info["rate_hz"] == pytest.approx({"min": 0.0, "median": 1.25, "max": 50.0})
    assert info["silent_neurons"] == [2]
    assert "never spike" in info["warnings"][0]
    assert info["heldout_neurons"] == [1]
    assert info["forward_bins"] == 2
    assert info["conditions"] == {"1": 2, "2": 2}
    assert info["regions"] == {"M1": 2, "V1": 1}
    assert info["behavior"] == ["hand_vel_x", "hand_vel_y"]
    assert "spikes (4, 10, 3)" in info["arrays"]
    json.dumps(info)


def test_an_nwb_file_says_what_to_align_to(tmp_path: Path) -> None:
    trials = {"start_time": [0.0, 1.0], "stop_time": [0.5, 1.7], "go_time": [0.1, 1.1]}
    path = write_nwb(
        tmp_path / "a.nwb", [np.arange(0.0, 2.0, 0.05)], trials, units={"depth": [3.0]}
    )
    info = describe(path, bin_s=0.1)
    assert info["trial_columns"] == ["start_time", "stop_time", "go_time"]
    assert info["unit_columns"] == ["depth"]
    assert info["time_series"] == []
    assert info["trial_length_s"] == pytest.approx([0.5, 0.7])
    assert info["missing_bins"] == 0
    json.dumps(info)


def test_a_wrong_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not there"):
        describe(tmp_path / "gone.npz")


def test_real_recordings(test_data: Callable[[str], Path]) -> None:
    mouse = describe(
        test_data("visual_decision_s11_10ms.npz"), condition=("contrast_left", "contrast_right")
    )
    assert len(mouse["silent_neurons"]) == 25
    assert mouse["regions"]["MOp"] == 447
    assert sum(mouse["conditions"].values()) == 342
    maze = describe(test_data("mc_maze_small_desc-test_ecephys.nwb"))
    assert (maze["trials"], maze["neurons"], maze["spikes"]) == (100, 107, 32897)
    assert "move_onset_time" in maze["trial_columns"]
    assert maze["splits"] == {"test": 100}
