"""HDF5 in the layout of the Neural Latents Benchmark, entry by entry."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from undertow.data import TrialSet, describe, load, read_hdf5, split_trials
from undertow.errors import DataError

RNG = np.random.default_rng(0)
SHAPES = {"heldin": (6, 4), "heldout": (6, 2), "heldin_forward": (3, 4), "heldout_forward": (3, 2)}


def counts(n_trials: int, name: str) -> np.ndarray:
    return RNG.poisson(1.0, (n_trials, *SHAPES[name])).astype(np.float32)


ARRAYS = {f"train_spikes_{name}": counts(5, name) for name in SHAPES} | {
    "train_behavior": RNG.normal(size=(5, 6, 2)),
    "eval_spikes_heldin": counts(3, "heldin"),
}
TARGETS = {f"eval_spikes_{name}": counts(3, name) for name in SHAPES if name != "heldin"} | {
    "eval_behavior": RNG.normal(size=(3, 6, 2)),
    "psth": np.zeros((2, 6, 6)),
}


def write(
    path: Path, arrays: Mapping[str, Any], group: str = "", targets: Mapping[str, Any] | None = None
) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
        for name, values in (targets or {}).items():
            file[f"{group}/{name}"] = values
    return path


def test_inputs_alone(tmp_path: Path) -> None:
    trials = read_hdf5(write(tmp_path / "inputs.h5", ARRAYS), bin_s=0.005)
    assert trials.spikes.shape == (8, 9, 6)
    assert (trials.bin_s, trials.forward_bins) == (0.005, 3)
    assert trials.heldout.tolist() == [False] * 4 + [True] * 2
    assert trials.split.tolist() == ["train"] * 5 + ["test"] * 3
    np.testing.assert_array_equal(trials.spikes[:5, :6, :4], ARRAYS["train_spikes_heldin"])
    np.testing.assert_array_equal(trials.spikes[:5, :6, 4:], ARRAYS["train_spikes_heldout"])
    np.testing.assert_array_equal(trials.spikes[:5, 6:, :4], ARRAYS["train_spikes_heldin_forward"])
    np.testing.assert_array_equal(trials.spikes[:5, 6:, 4:], ARRAYS["train_spikes_heldout_forward"])
    np.testing.assert_array_equal(trials.spikes[5:, :6, :4], ARRAYS["eval_spikes_heldin"])
    assert np.isnan(trials.spikes[5:, :6, 4:]).all()
    assert np.isnan(trials.spikes[5:, 6:]).all()
    np.testing.assert_allclose(trials.behavior[:5, :6], ARRAYS["train_behavior"], rtol=1e-6)
    assert np.isnan(trials.behavior[5:]).all()
    assert np.isnan(trials.behavior[:5, 6:]).all()


@pytest.mark.parametrize(
    ("group", "bin_s"), [("mc_maze_20", 0.02), ("mc_maze_small", 0.005), ("my_task_10", 0.01)]
)
def test_targets_in_a_group_fill_the_evaluation_trials_and_tell_the_bin_width(
    tmp_path: Path, group: str, bin_s: float
) -> None:
    trials = load(write(tmp_path / "both.h5", ARRAYS, group, TARGETS))
    assert trials.bin_s == bin_s
    assert trials.split.tolist() == ["train"] * 5 + ["val"] * 3
    np.testing.assert_array_equal(trials.spikes[5:, :6, 4:], TARGETS["eval_spikes_heldout"])
    np.testing.assert_array_equal(trials.spikes[5:, 6:, :4], TARGETS["eval_spikes_heldin_forward"])
    np.testing.assert_array_equal(trials.spikes[5:, 6:, 4:], TARGETS["eval_spikes_heldout_forward"])
    np.testing.assert_allclose(trials.behavior[5:, :6], TARGETS["eval_behavior"], rtol=1e-6)
    assert split_trials(trials).test.n_trials == 3


def test_the_same_at_the_top_of_the_file(tmp_path: Path) -> None:
    grouped = read_hdf5(write(tmp_path / "group.h5", ARRAYS, "mc_rtt_20", TARGETS))
    flat = read_hdf5(write(tmp_path / "flat.h5", {**ARRAYS, **TARGETS}), bin_s=0.02)
    inside = read_hdf5(write(tmp_path / "inside.h5", {}, "mc_rtt_20", {**ARRAYS, **TARGETS}))
    for other in (flat, inside):
        for name in ("spikes", "behavior", "heldout", "split", "bin_s", "forward_bins"):
            np.testing.assert_array_equal(
                getattr(grouped, name), getattr(other, name), err_msg=name
            )


def test_the_bin_width_must_be_told(tmp_path: Path) -> None:
    path = write(tmp_path / "inputs.h5", ARRAYS)
    with pytest.raises(
        DataError, match=r"inputs.h5 does not say how wide its bins are: pass bin_s"
    ):
        read_hdf5(path)
    assert read_hdf5(path, file_bin_s=0.005, bin_s=0.015).spikes.shape == (8, 3, 6)
    with h5py.File(path, "a") as file:
        file.attrs["bin_ms"] = 5
    assert read_hdf5(path).bin_s == 0.005


def test_conditions_and_behaviour_of_one_row_a_trial(tmp_path: Path) -> None:
    path = write(
        tmp_path / "rsg.h5",
        {name: ARRAYS[name] for name in ("train_spikes_heldin", "eval_spikes_heldin")},
        "dmfc_rsg_20",
        {"train_behavior": np.arange(10.0).reshape(5, 2), "eval_behavior": np.full((3, 2), np.nan)},
    )
    with h5py.File(path, "a") as file:
        for name, lists in (("train", [[0, 3], [1, 2, 4]]), ("eval", [[2], [0, 1]])):
            ragged = np.empty(2, object)
            ragged[:] = [np.array(each) for each in lists]
            file.create_dataset(
                f"dmfc_rsg_20/{name}_cond_idx", data=ragged, dtype=h5py.vlen_dtype(np.int32)
            )
    trials = TrialSet.from_hdf5(path)
    assert trials.condition.tolist() == [0, 1, 1, 0, 1, 1, 1, 0]
    assert not trials.heldout.any()
    assert trials.forward_bins == 0
    assert trials.behavior[1, :, 0].tolist() == [2.0] * 6
    assert np.isnan(trials.behavior[5:]).all()


def test_evaluation_trials_alone(tmp_path: Path) -> None:
    arrays = {"eval_spikes_heldin": ARRAYS["eval_spikes_heldin"]}
    trials = read_hdf5(write(tmp_path / "eval.h5", arrays), bin_s=0.02)
    assert trials.split.tolist() == ["test"] * 3


WRONG = [
    (
        {"train_spikes_heldout": np.zeros((4, 6, 2))},
        r"train_spikes_heldout .* has shape \(4, 6, 2\).*\(5, 6, 2\)",
    ),
    (
        {"eval_spikes_heldin": np.ones((3, 7, 4))},
        r"eval_spikes_heldin .* has shape \(3, 7, 4\).*\(3, 6, 4\)",
    ),
    (
        {"train_spikes_heldin": np.ones((5, 6))},
        r"train_spikes_heldin .* must be \(trials, time, neurons\)",
    ),
    ({"train_behavior": np.ones((5, 7, 2))}, r"train_behavior .* must be \(5, 6, 2\) or \(5, 2\)"),
    ({"train_spikes_heldin": -np.ones((5, 6, 4))}, "counts of spikes are zero or more"),
]


@pytest.mark.parametrize(("arrays", "message"), WRONG)
def test_wrong_arrays_are_refused_by_name(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "wrong.h5", {**ARRAYS, **arrays})
    with pytest.raises(DataError, match=message):
        read_hdf5(path, bin_s=0.005)


def test_several_data_sets_in_a_file_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "many.h5", ARRAYS, "mc_maze_20", TARGETS)
    with h5py.File(path, "a") as file:
        file["mc_rtt_20/eval_spikes_heldout"] = TARGETS["eval_spikes_heldout"]
    with pytest.raises(DataError, match="several data sets \\(mc_maze_20, mc_rtt_20\\)"):
        read_hdf5(path)


def test_the_benchmarks_own_software_writes_this_layout(tmp_path: Path) -> None:
    make_tensors = pytest.importorskip(
        "nlb_tools.make_tensors", reason="nlb-tools is not installed"
    )
    nested = {**ARRAYS, "mc_maze_20": TARGETS}
    make_tensors.save_to_h5(nested, str(tmp_path / "theirs.h5"))
    trials = read_hdf5(tmp_path / "theirs.h5")
    np.testing.assert_array_equal(trials.spikes[5:, :6, 4:], TARGETS["eval_spikes_heldout"])
    arrays = describe(tmp_path / "theirs.h5")["arrays"]
    assert "mc_maze_20/eval_behavior (3, 6, 2)" in arrays
    assert "train_spikes_heldin (5, 6, 4)" in arrays
