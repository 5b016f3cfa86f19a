"""What `make_tensors` refuses, and what it makes of files that hold more or less than the public
ones."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.nlb.direct import Direct
from tests.nlb.made_sets import HELDOUT, UNIT_IDS, MadePart, MadeSet, make_set
from tests.nlb.nwb_writer import Series, write_part
from tests.nlb.test_making import assert_same
from undertow.errors import DataError, DataWarning
from undertow.nlb import make_tensors
from undertow.nlb import session as reading_module


@pytest.fixture(scope="module")
def maze(tmp_path_factory: pytest.TempPathFactory) -> MadeSet:
    return make_set("mc_maze_small", tmp_path_factory.mktemp("maze"))


@pytest.fixture(scope="module")
def train(maze: MadeSet) -> MadePart:
    return maze.parts[1]


def rewritten(part: MadePart, path: Path, **changes: Any) -> Path:
    """The train part again, with some of it changed; a trial column of None is left out."""
    trials = {
        k: v for k, v in {**part.trials, **changes.pop("trials", {})}.items() if v is not None
    }
    fields = {
        "heldout": HELDOUT,
        "obs_intervals": part.obs_intervals,
        "unit_ids": UNIT_IDS,
        "spikes": part.spike_times,
    }
    fields |= changes
    series = [
        Series(fields.get("series", "hand_vel"), fields.get("signal", part.signal), "m/s", 1e-3)
    ]
    return write_part(
        path,
        fields["spikes"],
        trials,
        fields["heldout"],
        fields["obs_intervals"],
        series,
        fields["unit_ids"],
    )


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading spikes fails the test: errors come before it."""

    def read(*_: Any) -> None:
        raise AssertionError("spikes were read before the error")

    monkeypatch.setattr(reading_module, "_read", read)


@pytest.mark.usefixtures("unread")
class TestRefused:
    def test_set(self, maze: MadeSet) -> None:
        with pytest.raises(DataError, match=r"'mc_mase' is no set .*did you mean 'mc_maze'\?"):
            make_tensors(maze.folder, "mc_mase", 5, "val")

    def test_bin_width(self, maze: MadeSet) -> None:
        with pytest.raises(
            DataError, match="bin_ms is 10: the benchmark has bins of 5 and of 20 ms"
        ):
            make_tensors(maze.folder, maze.name, 10, "val")

    def test_phase(self, maze: MadeSet) -> None:
        with pytest.raises(DataError, match="phase is 'train': it is 'val' or 'test'"):
            make_tensors(maze.folder, maze.name, 5, "train")  # type: ignore[arg-type]

    def test_missing_path(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"nothing\.nwb is not there"):
            make_tensors(tmp_path / "nothing.nwb", "mc_maze", 5, "val")

    def test_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"there is no \.nwb file in"):
            make_tensors(tmp_path, "mc_maze", 5, "val")

    def test_no_files(self) -> None:
        with pytest.raises(DataError, match=r"there is no \.nwb file in \[\]"):
            make_tensors([], "mc_maze", 5, "val")

    def test_series_of_another_set(self, maze: MadeSet) -> None:
        with pytest.raises(DataError, match="no time series 'finger_vel', the behaviour of mc_rtt"):
            make_tensors(maze.folder, "mc_rtt", 5, "val")

    def test_columns_of_another_set(self, maze: MadeSet) -> None:
        with pytest.raises(DataError, match=r"no trials\.go_time, which files of dmfc_rsg have"):
            make_tensors(maze.folder, "dmfc_rsg", 5, "val")
        with pytest.raises(
            DataError, match=r"no trials\.ctr_hold_bump, which training trials of area2_bump have"
        ):
            make_tensors(maze.folder, "area2_bump", 5, "val")

    @pytest.mark.parametrize("column", ["heldout", "obs_intervals"])
    def test_unit_column(self, train: MadePart, tmp_path: Path, column: str) -> None:
        path = rewritten(train, tmp_path / "a.nwb", **{column: None})
        with pytest.raises(
            DataError, match=rf"no units\.{column}, which files of mc_maze_small have"
        ):
            make_tensors(path, "mc_maze_small", 5, "val")

    def test_unknown_split(self, train: MadePart, tmp_path: Path) -> None:
        split = ["training", *train.trials["split"][1:]]
        path = rewritten(train, tmp_path / "a.nwb", trials={"split": split})
        with pytest.raises(
            DataError, match="trials of split 'training': the splits are train, val, test, none"
        ):
            make_tensors(path, "mc_maze_small", 5, "val")

    def test_phase_without_trials(self, train: MadePart, tmp_path: Path) -> None:
        with pytest.raises(
            DataError, match=r"no trial of split 'test', .*there is 'none' \(2\), 'train' \(12\)"
        ):
            make_tensors(train.path, "mc_maze_small", 5, "test")
        path = rewritten(
            train, tmp_path / "a.nwb", trials={"split": ["val"] * len(train.trials["split"])}
        )
        with pytest.raises(DataError, match="no trial of split 'train' to learn from"):
            make_tensors(path, "mc_maze_small", 5, "val")

    def test_trial_without_event(self, train: MadePart, tmp_path: Path) -> None:
        onset = np.where(
            np.arange(len(train.trials["split"])) == 3, np.nan, train.trials["move_onset_time"]
        )
        path = rewritten(train, tmp_path / "a.nwb", trials={"move_onset_time": onset})
        with pytest.raises(DataError, match=r"move_onset_time in .* is NaN in row 3"):
            make_tensors(path, "mc_maze_small", 5, "val")

    def test_text_for_a_number(self, train: MadePart, tmp_path: Path) -> None:
        path = rewritten(
            train, tmp_path / "a.nwb", trials={"trial_type": ["left"] * len(train.trials["split"])}
        )
        with pytest.raises(DataError, match=r"trials\.trial_type in .* is not one number a trial"):
            make_tensors(path, "mc_maze_small", 5, "val")

    def test_no_heldout_units(self, train: MadePart, tmp_path: Path) -> None:
        path = rewritten(train, tmp_path / "a.nwb", heldout=[False] * len(HELDOUT))
        with pytest.raises(DataError, match=r"no held-out unit \(units.heldout is never True\)"):
            make_tensors(path, "mc_maze_small", 5, "val")

    def test_files_of_two_sets(self, maze: MadeSet, train: MadePart, tmp_path: Path) -> None:
        path = rewritten(train, tmp_path / "z.nwb", unit_ids=[9, *UNIT_IDS[1:]])
        with pytest.raises(
            DataError, match=r"z\.nwb has other held-in units than .*give the files of one set only"
        ):
            make_tensors([*(part.path for part in maze.parts), path], "mc_maze_small", 5, "val")


def test_behavior_between_milliseconds(train: MadePart, tmp_path: Path) -> None:
    assert train.signal is not None
    times, values = train.signal
    path = rewritten(train, tmp_path / "a.nwb", signal=(times + 0.0003, values))
    with pytest.raises(DataError, match=r"'hand_vel' in .* has samples between milliseconds"):
        make_tensors(path, "mc_maze_small", 5, "val")


def test_no_condition_known(train: MadePart, tmp_path: Path) -> None:
    path = rewritten(
        train,
        tmp_path / "a.nwb",
        trials={"trial_type": np.full(len(train.trials["split"]), np.nan)},
    )
    with pytest.raises(
        DataError, match="no trial has a condition: trial_type, trial_version are NaN"
    ):
        make_tensors(path, "mc_maze_small", 5, "val")


def test_a_single_condition(train: MadePart, tmp_path: Path) -> None:
    n_trials = len(train.trials["split"])
    trials = {**train.trials, "trial_type": np.ones(n_trials), "trial_version": np.zeros(n_trials)}
    part = replace(train, path=tmp_path / "a.nwb", trials=trials)
    tensors = make_tensors(rewritten(part, part.path), "mc_maze_small", 20, "val")
    assert tensors.targets["train_cond_idx"].shape == (1,)
    assert tensors.targets["train_cond_idx"][0].tolist() == list(range(12))
    assert_same(
        tensors.targets, Direct(MadeSet("mc_maze_small", tmp_path, (part,)), 20, "val").targets()
    )


def test_one_file_a_list_and_a_folder(maze: MadeSet, train: MadePart, tmp_path: Path) -> None:
    whole = make_tensors(maze.folder, maze.name, 20, "test")
    listed = make_tensors([str(part.path) for part in reversed(maze.parts)], maze.name, 20, "test")
    assert_same(listed.inputs, whole.inputs)
    shutil.copy(train.path, tmp_path / "deep.nwb")
    alone = make_tensors(tmp_path / "deep.nwb", maze.name, 20, "val")
    assert_same(alone.targets, Direct(replace(maze, parts=(train,)), 20, "val").targets())


@pytest.mark.parametrize("name", ["mc_maze_small", "mc_rtt", "area2_bump", "dmfc_rsg"])
def test_test_part_alone(name: str, tmp_path: Path) -> None:
    recording = make_set(name, tmp_path)
    with pytest.warns(
        DataWarning, match=r"has no training trial: .* Add the set's train file to fit"
    ) as caught:
        tensors = make_tensors(recording.parts[0].path, name, 20, "test")
    assert caught[0].filename == __file__
    direct = Direct(replace(recording, parts=(recording.parts[0],)), 20, "test")
    assert_same(tensors.inputs, {"eval_spikes_heldin": direct.inputs_of_evaluation()})
    assert not tensors.targets


@pytest.mark.parametrize("name", ["mc_maze_small", "area2_bump", "dmfc_rsg"])
def test_targets_of_the_test_phase_where_the_truth_is_there(name: str, tmp_path: Path) -> None:
    """Files that hold the test trials' held-out spikes, as those the benchmark keeps to itself
    do."""
    recording = make_set(name, tmp_path / "public").parts[1]
    split = np.array(recording.trials["split"])
    split[np.flatnonzero(split == "val")[::2]] = "test"
    if name == "area2_bump":  # the reference refuses learned trials that run into each other
        split[[2, 8]] = "none"
    part = replace(
        recording, path=tmp_path / "whole.nwb", trials={**recording.trials, "split": split.tolist()}
    )
    series = [] if part.signal is None else [Series("hand_vel", part.signal, "m/s")]
    write_part(
        part.path, part.spike_times, part.trials, HELDOUT, part.obs_intervals, series, UNIT_IDS
    )
    tensors = make_tensors(part.path, name, 20, "test")
    direct = Direct(MadeSet(name, tmp_path, (part,)), 20, "test")
    assert_same(tensors.inputs, direct.inputs())
    assert_same(tensors.targets, direct.targets())


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        (1e13, "would take .* of memory.*: check that its times are in seconds"),
        (np.inf, "hold NaN or infinity"),
        (-1.0, "no pairs of a start and a later stop"),
    ],
)
def test_observed_times_that_cannot_be(
    train: MadePart, tmp_path: Path, stop: float, message: str
) -> None:
    path = rewritten(train, tmp_path / "a.nwb", obs_intervals=np.array([[0.0, stop]]))
    with pytest.raises(DataError, match=message):
        make_tensors(path, "mc_maze_small", 20, "val")


def test_events_in_another_unit(train: MadePart, tmp_path: Path) -> None:
    onset = np.asarray(train.trials["move_onset_time"]) * 1e9
    path = rewritten(train, tmp_path / "a.nwb", trials={"move_onset_time": onset})
    with pytest.raises(DataError, match=r"move_onset_time in .* s: times are in seconds"):
        make_tensors(path, "mc_maze_small", 20, "val")


def test_spike_times_without_a_number(train: MadePart, tmp_path: Path) -> None:
    spikes = [np.append(each, np.nan) for each in train.spike_times]
    path = rewritten(train, tmp_path / "a.nwb", spikes=spikes)
    with pytest.raises(DataError, match=r"spike times of row 0 in .* hold NaN or infinity"):
        make_tensors(path, "mc_maze_small", 20, "val")
    far = [np.append(each, 1e15) for each in train.spike_times]
    found = make_tensors(rewritten(train, tmp_path / "b.nwb", spikes=far), "mc_maze_small", 20)
    plain = make_tensors(train.path, "mc_maze_small", 20)
    assert_same(found.inputs, plain.inputs)
