"""Benchmark files that mean harm, or are broken: each is refused in one sentence, before any array
is made."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.nlb.random_tensors import N_TRAIN, random_submission, random_tensors
from undertow.data import TrialSet
from undertow.errors import DataError, DataWarning
from undertow.nlb import (
    nlb_preset,
    read_nlb_tensors,
    read_submission,
    read_targets,
    score_submission,
    trials_of,
    write_nlb_tensors,
    write_submission,
)

GROUP = "mc_maze_small_20"
TENSORS = random_tensors("mc_maze_small", 20)
INPUT, TARGET, RATES = "train_spikes_heldin", f"{GROUP}/eval_spikes_heldout", "eval_rates_heldin"
Change = Callable[[Any, str], object]


def replaced(value: Any, **options: Any) -> Change:
    def change(file: Any, name: str) -> None:
        del file[name]
        file.create_dataset(name, data=value, **options)

    return change


def declared(shape: tuple[int, ...]) -> Change:
    """A size of which nothing is stored."""

    def change(file: Any, name: str) -> None:
        del file[name]
        chunks = tuple(min(n, 8) or 1 for n in shape)
        file.create_dataset(name, shape, "f4", chunks=None if 0 in shape else chunks)

    return change


def lists(file: Any, name: str) -> None:
    del file[name]
    file.create_dataset(name, (2, 2, 2), h5py.vlen_dtype("i4"))[0, 0, 0] = np.array([1, 2])


def elsewhere(file: Any, name: str) -> None:
    del file[name]
    raw = Path(file.filename).with_suffix(".raw")
    np.ones(10_000).tofile(raw)
    file.create_dataset(name, (4, 8, 5), "f8", external=[(str(raw), 0, h5py.h5f.UNLIMITED)])


def linked(file: Any, name: str) -> None:
    del file[name]
    file[name] = h5py.ExternalLink("other.h5", "/data")


def nested(file: Any, name: str) -> None:
    group = file.create_group("deep")
    for _ in range(300):
        group = group.create_group("g")


def as_group(file: Any, name: str) -> None:
    del file[name]
    file.create_group(name)


CHANGES: dict[str, Change] = {
    "text": replaced(np.array([[["a"]]], object), dtype=h5py.string_dtype()),
    "bytes": replaced(np.array([[[b"\xff"]]])),
    "complex": replaced(np.ones((26, 8, 5), complex)),
    "records": replaced(np.zeros((26, 8, 5), [("a", "f4")])),
    "nothing": replaced(h5py.Empty("f4")),
    "a number": replaced(1.5),
    "a matrix": replaced(np.ones((26, 8))),
    "lists": lists,
    "other trials": replaced(np.ones((3, 8, 5))),
    "negative": replaced(np.full((26, 8, 5), -1.0)),
    "infinite": replaced(np.full((26, 8, 5), np.inf)),
    "too large": replaced(np.full((26, 8, 5), 1e300)),
    "exabytes": declared((2**20, 2**20, 2**20)),
    "zeros beside exabytes": declared((2**30, 2**30, 0)),
    "external storage": elsewhere,
    "external link": linked,
    "nested deep": nested,
}
ONE_NAME = {"a group": as_group} | CHANGES


def refused(use: Callable[[], object], message: str = ".") -> None:
    with pytest.raises(DataError, match=message) as caught:
        use()
    text = str(caught.value)
    assert len(text) < 600
    assert text.isprintable()


@pytest.mark.parametrize("name", [INPUT, TARGET])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_tensors(tmp_path: Path, change: Change, name: str) -> None:
    path = write_nlb_tensors(TENSORS, tmp_path / "tensors.h5")
    with h5py.File(path, "r+") as file:
        change(file, name)
    rates = random_submission(TENSORS)
    refused(lambda: [trials_of(found := read_nlb_tensors(path)), score_submission(rates, found)])
    refused(lambda: TrialSet.from_hdf5(path))


@pytest.mark.parametrize("change", ONE_NAME.values(), ids=ONE_NAME)
def test_submissions(tmp_path: Path, change: Change) -> None:
    path = write_submission(random_submission(TENSORS), tmp_path / "rates.h5")
    with h5py.File(path, "r+") as file:
        change(file, f"{GROUP}/{RATES}")
    refused(lambda: read_submission(path))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("bin_ms", "ten", "bin_ms is 'ten'"),
        ("bin_ms", 10**9, "bin_ms is 1000000000"),
        ("bin_ms", [5, 20], "must be a single value"),
        ("bin_ms", 5j, "complex numbers"),
        ("set_name", 7.5, "7.5 is no set"),
        ("set_name", "mc_maze_small" * 300, "is no set of the Neural Latents Benchmark"),
        ("set_name", b"\xff\xfe", "no UTF-8"),
        ("phase", "\x1b[31mtrain", "phase in .* it must be one of 'val', 'test'"),
        ("phase", np.array([], "f4"), "must be a single value"),
    ],
)
def test_labels(tmp_path: Path, name: str, value: Any, message: str) -> None:
    path = write_nlb_tensors(TENSORS, tmp_path / "tensors.h5")
    with h5py.File(path, "r+") as file:
        file.attrs[name] = value
    refused(lambda: read_nlb_tensors(path), message)


@pytest.mark.parametrize(
    "trials", [[[99]], [[-1]], [[0.5]], [["a"]], [[2**62]]], ids=["99", "-1", "half", "a", "far"]
)
def test_conditions_of_trials_that_are_not_there(tmp_path: Path, trials: list[list[Any]]) -> None:
    path = write_nlb_tensors(TENSORS, tmp_path / "tensors.h5")
    with h5py.File(path, "r+") as file:
        for part in ("train", "eval"):
            del file[f"{GROUP}/{part}_cond_idx"]
            file[f"{GROUP}/{part}_cond_idx"] = trials
    refused(lambda: trials_of(read_nlb_tensors(path)))
    refused(lambda: TrialSet.from_hdf5(path))


@pytest.mark.parametrize("group", ["mc_maze_" + "9" * 5000, "mc_maze_0", "x" * 3000, "\x1b[31m_20"])
def test_names_of_groups(tmp_path: Path, group: str) -> None:
    tensors = write_nlb_tensors(TENSORS, tmp_path / "tensors.h5")
    rates = write_submission(random_submission(TENSORS), tmp_path / "rates.h5")
    for path in (tensors, rates):
        with h5py.File(path, "r+") as file:
            file.move(GROUP, group)
    refused(lambda: read_submission(rates), "is no group of the benchmark")
    refused(lambda: read_targets(tensors), "holds no group of the benchmark")


def test_what_is_not_the_benchmarks_is_left_out_with_a_word(tmp_path: Path) -> None:
    path = write_nlb_tensors(TENSORS, tmp_path / "tensors.h5")
    with h5py.File(path, "r+") as file:
        file["notes"] = "of a colleague"
        file["depth_um"] = np.arange(5.0)
    with pytest.warns(DataWarning, match="left out notes, which are not the benchmark's"):
        found = read_nlb_tensors(path)
    assert set(found.inputs) == {*TENSORS.inputs, "depth_um"}


def test_a_target_without_a_value_is_refused(tmp_path: Path) -> None:
    path = write_nlb_tensors(TENSORS, tmp_path / "tensors.h5")
    with h5py.File(path, "r+") as file:
        file[f"{GROUP}/psth"][...] = np.nan
    rates = random_submission(TENSORS)
    refused(lambda: score_submission(rates, read_nlb_tensors(path)), "no condition has a bin")


@pytest.mark.parametrize("shape", [(18, 8, 0), (0, 8, 2), (18, 0, 2), (0, 0, 0)])
def test_behavior_of_nothing(shape: tuple[int, ...]) -> None:
    targets = {**TENSORS.targets, "eval_behavior": np.zeros(shape)}
    rates = random_submission(TENSORS)
    refused(lambda: score_submission(rates, replace(TENSORS, targets=targets)), "vel R2 of")


def test_rates_far_too_high_are_named(tmp_path: Path) -> None:
    rates = {name: np.array(each) for name, each in random_submission(TENSORS)[GROUP].items()}
    rates["train_rates_heldout"][: N_TRAIN // 2, :, 0] = 1e9
    from undertow.nlb import Submission

    with pytest.warns(DataWarning, match="vel R2 has few exact digits: some rates are so much"):
        score_submission(Submission({GROUP: rates}), TENSORS)


@pytest.mark.parametrize(
    "words",
    [
        ("mc_maze", 0, "smoothing", "reference"),
        ("mc_maze", np.nan, "smoothing", "reference"),
        ("mc_maze", "20", "smoothing", "reference"),
        ("a" * 5000, 20, "smoothing", "default"),
        (["mc_maze"], 20, "smoothing", "default"),
        ("mc_maze", 20, "smoothing", "\x1b[31m" * 2000),
        ("mc_maze", 20, "s" * 5000, "paper"),
    ],
)
def test_names_of_presets(words: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"no set|bin_ms|has no preset") as caught:
        nlb_preset(*words)
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()
