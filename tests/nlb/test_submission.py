"""Submissions: what one may hold, and its file."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nlb.random_tensors import random_submission, random_tensors
from undertow.errors import DataError
from undertow.nlb import Submission, read_submission, write_submission

GROUP = "mc_maze_20"
SHAPES = {
    "train_rates_heldin": (4, 6, 3),
    "train_rates_heldout": (4, 6, 2),
    "eval_rates_heldin": (5, 6, 3),
    "eval_rates_heldout": (5, 6, 2),
    "eval_rates_heldin_forward": (5, 7, 3),
    "eval_rates_heldout_forward": (5, 7, 2),
}


def rates(**changed: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.gamma(1.0, 1.0, shape) for name, shape in SHAPES.items()} | changed


def without(*names: str) -> dict[str, np.ndarray]:
    return {name: array for name, array in rates().items() if name not in names}


SCALING = [
    random_tensors(f"mc_maze_{size}", 20, seed)
    for seed, size in enumerate(("large", "medium", "small"))
]


def test_round_trip_of_several_sets(tmp_path: Path) -> None:
    submission = random_submission(*SCALING)
    assert write_submission(submission, tmp_path / "scaling.h5") == tmp_path / "scaling.h5"
    found = read_submission(tmp_path / "scaling.h5")
    assert sorted(found) == sorted(submission) == sorted(each.group for each in SCALING)
    for group, arrays in submission.items():
        assert list(found[group]) == list(arrays)
        for name, array in arrays.items():
            assert found[group][name].dtype == np.float32
            np.testing.assert_array_equal(found[group][name], array)


def test_the_file_is_the_benchmarks(tmp_path: Path) -> None:
    with h5py.File(write_submission(Submission({GROUP: rates()}), tmp_path / "one.h5")) as file:
        assert list(file) == [GROUP]
        assert set(file[GROUP]) == set(SHAPES)
        for name, array in rates().items():
            assert (file[GROUP][name].dtype, file[GROUP][name].compression) == (np.float32, "gzip")
            np.testing.assert_array_equal(file[GROUP][name][()], array.astype(np.float32))


def test_submissions_are_joined_as_mappings(tmp_path: Path) -> None:
    one, other = Submission({GROUP: rates()}), Submission({"mc_rtt": rates()})
    both = Submission({**one, **other})
    assert (list(both), len(both), repr(both)) == (
        [GROUP, "mc_rtt"],
        2,
        "Submission(mc_maze_20, mc_rtt)",
    )
    write_submission(both, tmp_path / "both.h5")
    assert set(read_submission(tmp_path / "both.h5")) == {GROUP, "mc_rtt"}


def test_rates_are_float32_and_read_only() -> None:
    given_rates = rates()
    kept = Submission({GROUP: given_rates})[GROUP]["eval_rates_heldin"]
    assert kept.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 0
    assert given_rates["eval_rates_heldin"].flags.writeable


def test_forward_rates_and_the_training_rates_of_dmfc_may_be_missing(tmp_path: Path) -> None:
    forward = ("eval_rates_heldin_forward", "eval_rates_heldout_forward")
    assert set(Submission({GROUP: without(*forward)})[GROUP]) == set(SHAPES) - set(forward)
    train = ("train_rates_heldin", "train_rates_heldout")
    assert set(Submission({"dmfc_rsg": without(*train)})["dmfc_rsg"]) == set(SHAPES) - set(train)


def test_files_of_others(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        for name, array in (rates() | {"train_rates_heldin_forward": np.zeros(3)}).items():
            file[f"{GROUP}/{name}"] = array
    found = read_submission(tmp_path / "theirs.h5")
    np.testing.assert_array_equal(
        found[GROUP]["eval_rates_heldout"], np.float32(rates()["eval_rates_heldout"])
    )
    assert set(found[GROUP]) == set(SHAPES)


WRONG = [
    ({}, "the submission holds no group"),
    ({"mc_maze_10": rates()}, "'mc_maze_10' is no group of the benchmark: name it after the set"),
    (
        {GROUP: rates(eval_rates=np.zeros(3))},
        "mc_maze_20 holds eval_rates: a submission holds train_rates_heldin",
    ),
    (
        {GROUP: without("eval_rates_heldout")},
        "mc_maze_20 has no eval_rates_heldout: give eval_rates_heldin and",
    ),
    (
        {GROUP: without("train_rates_heldin", "train_rates_heldout")},
        "mc_maze_20 has no train_rates_heldin",
    ),
    ({GROUP: without("eval_rates_heldin_forward")}, "mc_maze_20 has no eval_rates_heldin_forward"),
    ({"dmfc_rsg": without("train_rates_heldout")}, "dmfc_rsg has no train_rates_heldout"),
    (
        {GROUP: rates(eval_rates_heldin=np.ones((5, 6)))},
        r"mc_maze_20/eval_rates_heldin has shape \(5, 6\): it must be \(trials, time, neurons\)",
    ),
    (
        {GROUP: rates(eval_rates_heldout=-np.ones((5, 6, 2)))},
        "mc_maze_20/eval_rates_heldout holds 60 negative or infinite value",
    ),
    (
        {GROUP: rates(train_rates_heldin=np.full((4, 6, 3), 1e39))},
        "mc_maze_20/train_rates_heldin holds 72 negative or infinite value",
    ),
    (
        {GROUP: rates(train_rates_heldin=np.array(["a"]))},
        "train_rates_heldin is not a plain numeric array",
    ),
]


@pytest.mark.parametrize(("given_rates", "message"), WRONG)
def test_wrong_rates_are_refused_by_name(
    given_rates: dict[str, dict[str, np.ndarray]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Submission(given_rates)


@given(st.sampled_from(list(SHAPES)), st.integers(0, 2), st.integers(0, 9))
def test_any_array_of_another_size_is_refused(name: str, axis: int, size: int) -> None:
    shape = tuple(size if k == axis else n for k, n in enumerate(SHAPES[name]))
    changed = rates(**{name: np.ones(shape)})
    if shape == SHAPES[name]:
        assert Submission({GROUP: changed})[GROUP][name].shape == shape
    else:
        with pytest.raises(
            DataError, match=r"has shape \(\d, \d, \d\): beside the other arrays it must be \("
        ):
            Submission({GROUP: changed})


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = write_submission(Submission({GROUP: rates()}), tmp_path / "one.h5")
    with pytest.raises(DataError, match=r"one\.h5 exists"):
        write_submission(Submission({"mc_rtt": rates()}), path)
    write_submission(Submission({"mc_rtt": rates()}), path, overwrite=True)
    assert list(read_submission(path)) == ["mc_rtt"]
    with h5py.File(tmp_path / "flat.h5", "w") as file:
        file["eval_rates_heldin"] = np.zeros((2, 3, 4))
    with pytest.raises(DataError, match=r"flat\.h5 holds no group: a submission has one a set"):
        read_submission(tmp_path / "flat.h5")
