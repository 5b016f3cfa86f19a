"""Tensors as files: the benchmark's layout and lfads-torch's, ours and others', entry by entry."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.nlb.random_tensors import N_EVAL, N_HELDIN, N_TRAIN, random_tensors
from undertow.data import TrialSet
from undertow.errors import DataError
from undertow.nlb import NLB_SETS, Tensors, read_nlb_tensors, read_targets, write_nlb_tensors


def assert_same_arrays(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        if array.dtype.kind == "O":
            assert [row.tolist() for row in found[name]] == [row.tolist() for row in array], name
            assert [row.dtype for row in found[name]] == [row.dtype for row in array], name
        else:
            np.testing.assert_array_equal(found[name], array, err_msg=name)


def assert_same(found: Tensors, expected: Tensors) -> None:
    assert (found.set_name, found.bin_ms, found.phase) == (
        expected.set_name,
        expected.bin_ms,
        expected.phase,
    )
    assert_same_arrays(found.inputs, expected.inputs)
    assert_same_arrays(found.targets, expected.targets)


@pytest.mark.parametrize("bin_ms", [5, 20])
@pytest.mark.parametrize("set_name", NLB_SETS)
def test_round_trip(tmp_path: Path, set_name: str, bin_ms: int) -> None:
    tensors = random_tensors(set_name, bin_ms)
    assert write_nlb_tensors(tensors, tmp_path / "both.h5") == tmp_path / "both.h5"
    assert_same(read_nlb_tensors(tmp_path / "both.h5"), tensors)


def test_round_trip_without_targets(tmp_path: Path) -> None:
    inputs = random_tensors("mc_rtt", 20).inputs
    tensors = Tensors(
        "mc_rtt", 20, "test", inputs | {"train_behavior": np.ones((N_TRAIN, 8, 2))}, {}
    )
    write_nlb_tensors(tensors, tmp_path / "inputs.h5")
    assert_same(read_nlb_tensors(tmp_path / "inputs.h5"), tensors)
    trials = TrialSet.from_hdf5(tmp_path / "inputs.h5")
    assert (trials.bin_s, set(trials.split)) == (0.02, {"train", "test"})
    assert trials.behavior_names == ("finger_vel_x", "finger_vel_y")


@given(
    hnp.arrays(
        st.sampled_from(
            [np.float16, np.float32, np.float64, np.int8, np.int64, np.uint16, np.bool_]
        ),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    )
)
def test_arrays_of_any_size_and_type_come_back(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.h5"
    tensors = Tensors("mc_maze", 5, "val", random_tensors("mc_maze", 5).inputs, {"extra": values})
    write_nlb_tensors(tensors, path)
    found = read_nlb_tensors(path).targets["extra"]
    assert (found.dtype, found.shape) == (values.dtype, values.shape)
    np.testing.assert_array_equal(found, values)


def test_a_file_is_in_the_benchmarks_layout(tmp_path: Path) -> None:
    tensors = random_tensors("mc_maze", 20)
    with h5py.File(write_nlb_tensors(tensors, tmp_path / "both.h5")) as file:
        assert set(file) == {*tensors.inputs, "mc_maze_20"}
        assert set(file["mc_maze_20"]) == set(tensors.targets)
        assert file["train_spikes_heldin"].compression == "gzip"
        assert h5py.check_vlen_dtype(file["mc_maze_20/eval_cond_idx"].dtype) == np.int64
        assert [len(row) for row in file["mc_maze_20/eval_cond_idx"]] == [3, 0, 2, 1]


def test_trials_of_a_written_file(tmp_path: Path) -> None:
    tensors = random_tensors("mc_maze_small", 20)
    write_nlb_tensors(tensors, tmp_path / "both.h5")
    trials = TrialSet.from_hdf5(tmp_path / "both.h5")
    np.testing.assert_array_equal(
        trials.spikes[:N_TRAIN, :8, :N_HELDIN], tensors.inputs["train_spikes_heldin"]
    )
    np.testing.assert_array_equal(
        trials.spikes[N_TRAIN:, :8, N_HELDIN:], tensors.targets["eval_spikes_heldout"]
    )
    np.testing.assert_allclose(
        trials.behavior[N_TRAIN:, :8], tensors.targets["eval_behavior"], rtol=1e-6
    )
    assert trials.behavior_names == ("hand_vel_x", "hand_vel_y")
    assert (trials.event, trials.start_s, trials.bin_s) == ("move_onset_time", -0.25, 0.02)
    expected = np.full(N_EVAL, -1)
    for k, index in enumerate(tensors.targets["eval_cond_idx"]):
        expected[index] = k
    assert trials.condition[N_TRAIN:].tolist() == expected.tolist()


def as_saved(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the benchmark's own software makes of dtypes: 32 bits a number."""
    saved = {}
    for name, array in arrays.items():
        if array.dtype.kind == "O":
            saved[name] = np.empty(len(array), dtype=object)
            saved[name][:] = [row.astype(np.int32) for row in array]
        else:
            saved[name] = array.astype(
                {"f": np.float32, "i": np.int32}.get(array.dtype.kind, array.dtype)
            )
    return saved


@pytest.mark.parametrize("set_name", ["area2_bump", "dmfc_rsg"])
def test_files_of_the_benchmarks_own_software(tmp_path: Path, set_name: str) -> None:
    """Inputs of training and evaluation trials and targets, each in a file of its own."""
    make_tensors = pytest.importorskip(
        "nlb_tools.make_tensors", reason="nlb-tools is not installed"
    )
    tensors = random_tensors(set_name, 20)
    parts = {
        "train": {k: v for k, v in tensors.inputs.items() if k.startswith("train")},
        "eval": {k: v for k, v in tensors.inputs.items() if k.startswith("eval")},
        "target": {tensors.group: dict(tensors.targets)},
    }
    for name, arrays in parts.items():
        make_tensors.save_to_h5(arrays, str(tmp_path / f"{name}.h5"))
    paths = [tmp_path / f"{name}.h5" for name in parts]
    expected = replace(tensors, inputs=as_saved(tensors.inputs), targets=as_saved(tensors.targets))
    assert_same(read_nlb_tensors(*paths), expected)
    assert read_nlb_tensors(*paths[:2], set_name=set_name, bin_ms=20).phase == "test"


def test_a_file_of_another_phase_is_refused(tmp_path: Path) -> None:
    path = write_nlb_tensors(random_tensors("mc_rtt", 20), tmp_path / "val.h5")
    with pytest.raises(DataError, match="of phase val, not test; give files of this phase"):
        read_nlb_tensors(path, phase="test")
    assert read_nlb_tensors(path, phase="val").phase == "val"


def test_the_benchmarks_own_software_reads_what_is_written(tmp_path: Path) -> None:
    make_tensors = pytest.importorskip(
        "nlb_tools.make_tensors", reason="nlb-tools is not installed"
    )
    tensors = random_tensors("dmfc_rsg", 5)
    with h5py.File(write_nlb_tensors(tensors, tmp_path / "both.h5")) as file:
        found = make_tensors.h5_to_dict(file)
    assert_same_arrays(found.pop("dmfc_rsg"), tensors.targets)
    assert_same_arrays(found, tensors.inputs)


def write_flat(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def test_without_a_group_names_tell_what_is_a_target(tmp_path: Path) -> None:
    tensors = random_tensors("mc_rtt", 5)
    both = write_flat(tmp_path / "both.h5", {**tensors.inputs, **tensors.targets})
    found = read_nlb_tensors(both, set_name="mc_rtt", bin_ms=5)
    behavior = {"train_behavior": tensors.targets["train_behavior"]}
    assert_same(found, replace(tensors, inputs={**tensors.inputs, **behavior}))
    inputs = write_flat(tmp_path / "inputs.h5", tensors.inputs | behavior)
    targets = write_flat(tmp_path / "targets.h5", tensors.targets)
    assert_same(read_nlb_tensors(inputs, targets, set_name="mc_rtt", bin_ms=5), found)
    with pytest.raises(
        DataError, match=r"both\.h5 does not say which set_name it holds: pass set_name"
    ):
        read_nlb_tensors(both)
    with pytest.raises(DataError, match="does not say which bin_ms it holds: pass bin_ms"):
        read_nlb_tensors(both, set_name="mc_rtt")


@pytest.mark.parametrize("rows", [[[0, 2], [1, 3]], np.array([[0, 2], [1, 3]], dtype=object)])
def test_lists_of_equal_length_are_lists_all_the_same(tmp_path: Path, rows: object) -> None:
    tensors = Tensors(
        "mc_maze", 5, "val", random_tensors("mc_maze", 5).inputs, {"eval_cond_idx": rows}
    )
    write_nlb_tensors(tensors, tmp_path / "ours.h5")
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        file["mc_maze/eval_cond_idx"] = [[0, 2], [1, 3]]
    for path in (tmp_path / "ours.h5", tmp_path / "theirs.h5"):
        (found,) = read_targets(path)
        assert found.targets["eval_cond_idx"].shape == (2,)
        assert [row.tolist() for row in found.targets["eval_cond_idx"]] == [[0, 2], [1, 3]]


def test_several_sets_in_a_file(tmp_path: Path) -> None:
    several = [random_tensors(name, 20) for name in ("mc_maze_large", "mc_maze_small")]
    path = tmp_path / "targets.h5"
    with h5py.File(path, "w") as file:
        for tensors in several:
            file[f"{tensors.group}/eval_spikes_heldout"] = tensors.targets["eval_spikes_heldout"]
            file[f"{tensors.set_name}/eval_spikes_heldout"] = np.zeros((2, 3, 4))
    found = read_targets(path)
    assert sorted(each.group for each in found) == sorted(
        name for each in several for name in (each.group, each.set_name)
    )
    chosen = read_nlb_tensors(path, set_name="mc_maze_small", bin_ms=20)
    np.testing.assert_array_equal(
        chosen.targets["eval_spikes_heldout"], several[1].targets["eval_spikes_heldout"]
    )
    with pytest.raises(
        DataError, match=r"hold mc_maze_large at 20 ms, .*: give the set_name and bin_ms of one"
    ):
        read_nlb_tensors(path, set_name="mc_maze_small")
    with pytest.raises(DataError, match="holds no group of the benchmark"):
        read_targets(write_flat(tmp_path / "flat.h5", {"eval_spikes_heldout": np.zeros((2, 3, 4))}))


def test_bin_widths_do_not_mix(tmp_path: Path) -> None:
    fine, coarse = random_tensors("mc_maze", 5), random_tensors("mc_maze", 20)
    inputs = write_nlb_tensors(replace(fine, targets={}), tmp_path / "inputs.h5")
    targets = write_nlb_tensors(replace(coarse, inputs={}), tmp_path / "targets.h5")
    with pytest.raises(
        DataError, match=r"bin_ms is 20 and 5 for .*: files and arguments must agree"
    ):
        read_nlb_tensors(inputs, targets)
    with pytest.raises(DataError, match="bin_ms is 20 and 5"):
        read_nlb_tensors(targets, bin_ms=5)
    with pytest.raises(DataError, match="set_name is mc_maze and mc_rtt"):
        read_nlb_tensors(targets, set_name="mc_rtt")
    unlabelled = write_flat(tmp_path / "unlabelled.h5", fine.inputs)
    with pytest.raises(
        DataError, match=r"_forward in .* has 3 forward bins and .* 6: they must be equal"
    ):
        read_nlb_tensors(unlabelled, targets)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="given no file"):
        read_nlb_tensors()
    with pytest.raises(
        DataError, match="hold no array of the benchmark: there is spikes at the top"
    ):
        read_nlb_tensors(
            write_flat(tmp_path / "other.h5", {"spikes": np.zeros(3)}), set_name="mc_maze", bin_ms=5
        )
    flat = write_flat(tmp_path / "flat.h5", {"train_spikes_heldin": np.zeros((3, 4))})
    with pytest.raises(
        DataError, match=r"train_spikes_heldin .* has shape \(3, 4\): it must be \(trials, time"
    ):
        read_nlb_tensors(flat, set_name="mc_maze", bin_ms=5)
    tensors = random_tensors("mc_maze", 5)
    one = write_flat(
        tmp_path / "one.h5", {"train_spikes_heldin": tensors.inputs["train_spikes_heldin"]}
    )
    two = write_flat(tmp_path / "two.h5", {"train_spikes_heldin": np.ones((2, 3, 4))})
    with pytest.raises(
        DataError, match="differ in train_spikes_heldin: give files of the same trials"
    ):
        read_nlb_tensors(one, two, set_name="mc_maze", bin_ms=5)
    with pytest.raises(DataError, match="'mc_maze_huge' is no group of the benchmark"):
        read_nlb_tensors(one, set_name="mc_maze_huge", bin_ms=5)


def test_nothing_is_overwritten_or_left_half_written(tmp_path: Path) -> None:
    tensors = random_tensors("mc_maze", 5)
    path = write_nlb_tensors(tensors, tmp_path / "both.h5")
    with pytest.raises(DataError, match="exists"):
        write_nlb_tensors(tensors, path)
    write_nlb_tensors(random_tensors("mc_maze", 20), path, overwrite=True)
    assert read_nlb_tensors(path).bin_ms == 20
    wrong = (
        {"eval_cond_idx": np.array([[0.5], [1.0]])},
        {"names": np.array(["a"])},
        {"objects": [None]},
    )
    for arrays in wrong:
        with pytest.raises(
            DataError, match=r"no list of integers|the benchmark's arrays are numeric"
        ):
            write_nlb_tensors(replace(tensors, targets=arrays), tmp_path / "wrong.h5")
    with pytest.raises(
        DataError, match="layout is 'nlb': it must be one of benchmark, lfads-torch"
    ):
        write_nlb_tensors(tensors, tmp_path / "wrong.h5", layout="nlb")  # type: ignore[arg-type]
    assert [file.name for file in tmp_path.iterdir()] == ["both.h5"]
