"""HDF5 in the LFADS layout: reading, writing, round trips."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from undertow.data import TrialSet, read_hdf5, write_hdf5
from undertow.errors import DataError

RNG = np.random.default_rng(0)
FIELDS = ("spikes", "truth", "behavior", "stimulus", "lengths", "condition", "trial_ids", "split")
POPULATION = ("neuron_ids", "region", "heldout", "behavior_names", "behavior_kind")
CLOCK = ("bin_s", "start_s", "event", "forward_bins")


def rich_trials() -> TrialSet:
    spikes = RNG.poisson(1.0, (6, 5, 3)).astype(float)
    spikes[0, 0, 0] = np.nan
    return TrialSet(
        spikes,
        0.02,
        start_s=-0.25,
        event="move onset",
        lengths=[5, 4, 5, 5, 3, 5],
        behavior=RNG.normal(size=(6, 5, 2)),
        behavior_names=("x", "y"),
        stimulus=RNG.normal(size=(6, 5, 1)),
        condition=["b", "a", "b", "a", "c", "c"],
        region=["M1", "PMd", "M1"],
        neuron_ids=[5, 3, 9],
        trial_ids=["t0", "t1", "t2", "t3", "t4", "t5"],
        heldout=[False, True, False],
        forward_bins=1,
        truth=RNG.uniform(1, 5, (6, 5, 3)),
        split=["test", "train", "val", "none", "train", "train"],
    )


def assert_same(first: TrialSet, second: TrialSet) -> None:
    for name in (*FIELDS, *POPULATION, *CLOCK):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def test_all_a_trialset_holds_comes_back(tmp_path: Path) -> None:
    trials = rich_trials()
    assert_same(trials, read_hdf5(write_hdf5(trials, tmp_path / "rich.h5")))


def test_a_bare_trialset_comes_back_without_split(tmp_path: Path) -> None:
    trials = TrialSet(RNG.poisson(1.0, (4, 5, 3)), 0.005)
    back = read_hdf5(write_hdf5(trials, tmp_path / "bare.h5"))
    assert_same(trials, back)
    assert back.split is None
    assert back.behavior is None


def test_nothing_is_overwritten_unasked_and_nothing_half_written(tmp_path: Path) -> None:
    trials = rich_trials()
    path = write_hdf5(trials, tmp_path / "x.h5")
    before = path.read_bytes()
    with pytest.raises(DataError, match="exists: choose another name, or pass overwrite=True"):
        write_hdf5(trials, path)
    with pytest.raises(DataError, match="split holds 'holdout'"):
        write_hdf5(trials.replace(split=["holdout"] * 6), path, overwrite=True)
    assert path.read_bytes() == before
    write_hdf5(trials[:3], path, overwrite=True)
    assert read_hdf5(path).n_trials == 3
    assert [p.name for p in tmp_path.iterdir()] == ["x.h5"]
    with pytest.raises(DataError, match="is not a folder"):
        write_hdf5(trials, tmp_path / "no" / "x.h5")


def write_layout(path: Path, **datasets: object) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def test_trials_return_to_their_original_order_and_share_conditions_by_truth(
    tmp_path: Path,
) -> None:
    data = np.ones((6, 4, 2)) * np.arange(6)[:, None, None]
    truth = np.ones((6, 4, 2)) * np.array([9.0, 9.0, 2.0, 2.0, 4.0, 4.0])[:, None, None]
    train, valid = np.array([4, 0, 3]), np.array([5, 1, 2])
    path = write_layout(
        tmp_path / "order.h5",
        train_data=data[train],
        valid_data=data[valid],
        train_truth=truth[train],
        valid_truth=truth[valid],
        train_inds=train,
        valid_inds=valid,
        train_recon_data=np.zeros((3, 4, 9)),
        dt=0.004,
    )
    trials = read_hdf5(path)
    assert trials.spikes[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert trials.split.tolist() == ["train", "val", "val", "train", "train", "val"]
    assert trials.condition.tolist() == [0, 0, 1, 1, 2, 2]
    assert trials.bin_s == 0.004


def test_no_condition_is_guessed_where_truth_does_not_tell(tmp_path: Path) -> None:
    data = np.ones((4, 3, 2))
    each = RNG.uniform(1, 2, (4, 3, 2))
    assert (
        read_hdf5(write_layout(tmp_path / "a.h5", train_data=data, train_truth=each)).condition
        is None
    )
    shared = np.repeat(each[:2], 2, axis=0)
    path = write_layout(tmp_path / "b.h5", train_data=data, train_truth=shared, n_init_conds=[3])
    assert read_hdf5(path).condition is None
    assert read_hdf5(write_layout(tmp_path / "c.h5", train_data=data)).condition is None


def test_the_bin_width_comes_from_the_file_or_the_argument(tmp_path: Path) -> None:
    data = np.ones((4, 3, 2))
    assert read_hdf5(write_layout(tmp_path / "a.h5", train_data=data)).bin_s == 0.01
    assert read_hdf5(tmp_path / "a.h5", file_bin_s=0.005).bin_s == 0.005
    assert read_hdf5(write_layout(tmp_path / "b.h5", train_data=data, bin_ms=2)).bin_s == 0.002
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.attrs["bin_s"] = 0.02
    assert read_hdf5(tmp_path / "a.h5", bin_s=0.06).n_time == 1


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    path = write_layout(tmp_path / "other.h5", counts=np.ones(3))
    with pytest.raises(DataError, match="no dataset 'train_data' or 'valid_data': there is counts"):
        read_hdf5(path)
    ones = np.ones((2, 3, 4))
    with pytest.raises(DataError, match="has train_truth but not valid_truth"):
        read_hdf5(
            write_layout(tmp_path / "p.h5", train_data=ones, valid_data=ones, train_truth=ones)
        )
    with pytest.raises(DataError, match=r"valid_data in .* has shape \(2, 3, 5\)"):
        read_hdf5(write_layout(tmp_path / "q.h5", train_data=ones, valid_data=np.ones((2, 3, 5))))
    with pytest.raises(DataError, match="spikes holds 24 fractional"):
        read_hdf5(write_layout(tmp_path / "r.h5", train_data=ones / 2))
    with h5py.File(tmp_path / "group.h5", "w") as file:
        file.create_group("train_data")
    whole = path.read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("not HDF5 at all")
    with pytest.raises(DataError, match=r"train_data in .* is no array: it must be a dataset"):
        read_hdf5(tmp_path / "group.h5")
    for name in ("cut.h5", "text.h5"):
        with pytest.raises(DataError, match="cannot be read as HDF5"):
            read_hdf5(tmp_path / name)


def test_the_lorenz_file_has_twenty_conditions_of_forty_trials(
    test_data: Callable[[str], Path],
) -> None:
    trials = read_hdf5(test_data("lorenz_10ms.h5"))
    assert trials.spikes.shape == (800, 100, 60)
    assert trials.bin_s == 0.01
    assert trials.condition.tolist() == np.repeat(np.arange(20), 40).tolist()
    assert (trials.split == "train").sum() == 640
    for condition in range(20):
        rates = trials.truth[trials.condition == condition]
        assert (rates == rates[0]).all()
