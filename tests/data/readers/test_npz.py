"""Reading npz files: names, conditions, behaviour, and files that cannot be read."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from undertow.data import TrialSet, read_npz
from undertow.data.readers.npz import list_arrays
from undertow.errors import DataError

COUNTS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path, **{"spikes": COUNTS, "bin_ms": 5, **arrays})
    return path


def test_every_named_array_arrives(tmp_path: Path) -> None:
    path = save(
        tmp_path / "all.npz",
        condition=[3, 1],
        hand_pos=np.ones((2, 4, 2)),
        hand_vel=np.zeros((2, 4, 3)),
        gaze=np.full((2, 4, 4), 2.0),
        note=np.zeros((2, 4)),
        stimulus=np.ones((2, 4, 1)),
        region=["M1", "M1", "PMd"],
        heldout=[0, 1, 0],
        truth=np.ones((2, 4, 3)),
        lengths=[4, 2],
        start_s=-0.1,
        event="go",
        forward_bins=1,
        split=["train", "test"],
        neuron_ids=[7, 8, 9],
        trial_ids=["a", "b"],
    )
    trials = read_npz(path)
    assert trials.bin_s == 0.005
    assert trials.condition.tolist() == [3, 1]
    assert trials.behavior_names == (
        *("hand_vel_x", "hand_vel_y", "hand_vel_z", "hand_pos_x", "hand_pos_y"),
        *("gaze_0", "gaze_1", "gaze_2", "gaze_3"),
    )
    assert trials.behavior[0, 0].tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]
    assert trials.stimulus.shape == (2, 4, 1)
    assert trials.region.tolist() == ["M1", "M1", "PMd"]
    assert trials.heldout.tolist() == [False, True, False]
    assert trials.lengths.tolist() == [4, 2]
    assert (trials.start_s, trials.event, trials.forward_bins) == (-0.1, "go", 1)
    assert trials.split.tolist() == ["train", "test"]
    assert trials.neuron_ids.tolist() == [7, 8, 9]
    assert trials.trial_ids.tolist() == ["a", "b"]
    assert (trials.truth == 1).all()


def test_the_condition_is_the_first_known_name_or_the_names_given(tmp_path: Path) -> None:
    path = save(tmp_path / "c.npz", cue=[1, 2], target=[3, 4], side=["l", "r"])
    assert read_npz(path).condition.tolist() == [3, 4]
    assert read_npz(path, condition="cue").condition.tolist() == [1, 2]
    assert read_npz(path, condition=["side", "cue"]).condition.tolist() == ["l/1", "r/2"]


def test_behaviour_is_chosen_by_name(tmp_path: Path) -> None:
    path = save(tmp_path / "b.npz", hand_vel=np.zeros((2, 4, 2)), speed=np.ones((2, 4)))
    assert read_npz(path, behavior="speed").behavior_names == ("speed",)
    assert read_npz(path, behavior=()).behavior is None


def test_rebinning_on_the_way_in_keeps_every_spike(tmp_path: Path) -> None:
    trials = TrialSet.from_npz(save(tmp_path / "r.npz"), bin_s=0.01)
    assert trials.spikes.sum() == COUNTS.sum()
    assert trials.n_time == 2


def test_a_file_without_bin_width_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, spikes=COUNTS)
    with pytest.raises(DataError, match=r"no bin width: save bin_ms .* or pass file_bin_s"):
        read_npz(path)
    assert read_npz(path, file_bin_s=0.002).bin_s == 0.002


WRONG = [
    ({"spikes": COUNTS.astype(float) - 1}, "spikes holds 1 negative"),
    ({"spikes": COUNTS + 0.5}, "spikes holds 24 fractional"),
    ({"spikes": np.where(COUNTS == 5, np.inf, COUNTS)}, r"1 infinite .* trial 0, bin 1, neuron 2"),
    ({"spikes": COUNTS[0]}, "spikes has 2 dimensions"),
    ({"spikes": COUNTS[:0]}, "at least one trial"),
    ({"spikes": np.zeros((2, 4, 3))}, "no spike at all"),
    ({"spikes": np.array([[1], [1, 2]], object)}, "spikes in .* is an object array"),
    ({"condition": np.array(["a", None], object)}, "condition in .* is an object array"),
    ({"condition": [1, 2, 3]}, r"condition has shape \(3,\): it must have 2 entries"),
    ({"region": ["M1"]}, "region has shape"),
    ({"bin_ms": [5, 5]}, "bin_ms in .* must be a single value"),
    ({"bin_ms": -5}, "bin_ms in .* is -5: it must be a number, above 0"),
    ({"truth": np.ones((2, 4))}, "truth has 2 dimensions"),
    ({"lengths": [4, 9]}, r"lengths\[1\] is 9"),
]


@pytest.mark.parametrize(("arrays", "message"), WRONG)
def test_wrong_arrays_are_refused_by_name(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_npz(save(tmp_path / "wrong.npz", **arrays))


def test_an_object_array_that_is_not_needed_does_not_matter(tmp_path: Path) -> None:
    path = save(tmp_path / "o.npz", notes=np.array([{}, None], object))
    assert read_npz(path).n_trials == 2
    assert "notes (object array)" in list_arrays(path)


def test_missing_arrays_and_wrong_shapes_name_what_is_there(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", counts=COUNTS, bin_ms=5)
    with pytest.raises(DataError, match="no array 'spikes': there is counts, bin_ms"):
        read_npz(tmp_path / "m.npz")
    path = save(tmp_path / "n.npz", hand_vel=np.zeros((2, 5, 2)))
    with pytest.raises(DataError, match="no array 'force': there is"):
        read_npz(path, behavior="force")
    with pytest.raises(DataError, match=r"hand_vel in .* has shape \(2, 5, 2\)"):
        read_npz(path, behavior="hand_vel")
    with pytest.raises(DataError, match="no array 'side'"):
        read_npz(path, condition="side")


def test_files_that_are_no_npz_are_refused(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[150] ^= 0xFF
    for name, content in {
        "cut": whole[: len(whole) // 2],
        "text": b"not a zip",
        "flipped": flipped,
    }.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(bytes(content))
        with pytest.raises(DataError, match=r"cannot be read as \.npz"):
            read_npz(path)
    (tmp_path / "empty.npz").write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        read_npz(tmp_path / "empty.npz")
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, COUNTS)
    with pytest.raises(DataError, match="single array"):
        read_npz(tmp_path / "single.npz")
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("spikes", "text")
    with pytest.raises(DataError, match="spikes"):
        read_npz(tmp_path / "zip.npz")


def test_maze_reaches(test_data: Callable[[str], Path]) -> None:
    path = test_data("maze_reach_5ms.npz")
    fine, wide = read_npz(path), read_npz(path, bin_s=0.02)
    assert fine.spikes.shape == (129, 100, 162)
    assert wide.spikes.shape == (129, 25, 162)
    assert wide.spikes.sum() == fine.spikes.sum() == 56400
    assert np.unique(wide.condition).size == 9
    assert wide.behavior_names == ("hand_vel_x", "hand_vel_y", "hand_pos_x", "hand_pos_y")
    with np.load(path) as arrays:
        mean = arrays["hand_vel"].reshape(129, 25, 4, 2).mean(axis=2)
    np.testing.assert_allclose(wide.behavior[:, :, :2], mean, rtol=1e-5, atol=1e-3)
