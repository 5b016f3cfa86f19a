"""NWB files: small ones written here, and a real one."""

import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.data.readers.nwb_files import write_nwb
from undertow.data import Recording, TrialSet, read_nwb
from undertow.data.readers import nwb_tables
from undertow.data.readers.nwb import list_contents, read_recording
from undertow.errors import DataError, DataWarning

SPIKES = [np.array([0.05, 0.25, 1.25]), np.array([0.15, 1.35, 1.6])]
TRIALS = {
    "start_time": [0.0, 1.0],
    "stop_time": [0.5, 1.7],
    "go_time": [0.2, 1.2],
    "side": ["left", "right"],
}
MAZE = "mc_maze_small_desc-test_ecephys.nwb"


@pytest.fixture(scope="module")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two units, two trials of different length, observed intervals, a held-out unit, regions and a
    signal."""
    times = np.arange(0, 2, 0.01)
    return write_nwb(
        tmp_path_factory.mktemp("nwb") / "full.nwb",
        SPIKES,
        TRIALS,
        units={"heldout": [False, True], "quality": [0.9, 0.2]},
        unit_ids=[101, 202],
        obs_intervals=[np.array([[0.0, 0.5], [1.0, 1.4]]), np.array([[0.0, 2.0]])],
        series={"hand_vel": (times, np.stack([times, -times], axis=1)), "pupil": (times, times)},
        locations=["M1", "PMd"],
        conversion=0.5,
    )


def test_trials_of_different_length_observed_intervals_and_labels(full_file: Path) -> None:
    trials = read_nwb(full_file, bin_s=0.1)
    assert trials.lengths.tolist() == [5, 7]
    assert trials.event == "start_time"
    assert trials.spikes[0, :5].T.tolist() == [[1, 0, 1, 0, 0], [0, 1, 0, 0, 0]]
    assert np.isnan(trials.spikes[0, 5:]).all()
    assert np.isnan(trials.spikes[1, :, 0]).tolist() == [False] * 4 + [True] * 3
    assert trials.spikes[1, :, 1].tolist() == [0, 0, 0, 1, 0, 0, 1]
    assert trials.neuron_ids.tolist() == [101, 202]
    assert trials.heldout.tolist() == [False, True]
    assert trials.region.tolist() == ["M1", "PMd"]


def test_alignment_condition_units_and_behaviour(full_file: Path) -> None:
    trials = TrialSet.from_nwb(
        full_file,
        bin_s=0.1,
        align="go_time",
        window_s=(-0.2, 0.2),
        units="quality>0.5",
        condition="side",
        behavior=["hand_vel", "pupil"],
    )
    assert trials.spikes[:, :, 0].tolist() == [[1, 0, 1, 0], [0, 0, 1, 0]]
    assert trials.condition.tolist() == ["left", "right"]
    assert trials.behavior_names == ("hand_vel_x", "hand_vel_y", "pupil")
    np.testing.assert_allclose(
        trials.behavior[1, :, 0], 0.5 * np.array([1.05, 1.15, 1.25, 1.35]), rtol=1e-5
    )


def test_only_the_units_kept_are_read(full_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[slice | None] = []
    original = nwb_tables.read_numbers

    def spy(path: Path, dataset: h5py.Dataset, part: slice | None = None) -> np.ndarray:
        if dataset.name == "/units/spike_times":
            read.append(part)
        return original(path, dataset, part)

    monkeypatch.setattr(nwb_tables, "read_numbers", spy)
    recording = Recording.from_nwb(full_file, units=[202])
    assert read == [slice(3, 6)]
    assert recording.unit_ids.tolist() == [202]
    assert recording.signals == {}


def test_contents_are_listed(full_file: Path) -> None:
    contents = list_contents(full_file)
    assert contents["trial_columns"] == ["start_time", "stop_time", "go_time", "side"]
    assert contents["unit_columns"] == ["heldout", "quality", "region"]
    assert contents["time_series"] == ["hand_vel", "pupil"]


def test_a_file_without_trials_is_cut_into_windows(tmp_path: Path) -> None:
    path = write_nwb(tmp_path / "free.nwb", [np.arange(0.005, 20, 0.05)])
    trials = read_nwb(path, bin_s=0.1, cut_s=2.0)
    assert trials.spikes.shape == (9, 20, 1)
    assert trials.split.tolist() == ["train"] * 7 + ["val", "test"]
    with pytest.raises(
        DataError, match="has no trials or events, which align, condition would need"
    ):
        read_nwb(path, align="go_time", condition="side")


def test_what_a_file_lacks_is_named(full_file: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no units with spike times"):
        read_nwb(write_nwb(tmp_path / "no_units.nwb", None, TRIALS))
    with pytest.raises(DataError, match="no column 'move_onset_time': there is start_time"):
        read_nwb(full_file, align="move_onset_time")
    with pytest.raises(DataError, match="no time series force: there is hand_vel, pupil"):
        read_nwb(full_file, behavior="force")
    with pytest.raises(DataError, match="no id 7: the ids run 101 … 202"):
        read_nwb(full_file, units=[7])


def test_files_that_are_no_nwb_are_refused(full_file: Path, tmp_path: Path) -> None:
    whole = full_file.read_bytes()
    (tmp_path / "cut.nwb").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.nwb").write_text("no NWB")
    for name in ("cut.nwb", "text.nwb"):
        with pytest.raises(DataError, match="cannot be read"):
            read_nwb(tmp_path / name)
    with h5py.File(tmp_path / "plain.nwb", "w") as file:
        file["counts"] = [1]
    with pytest.raises(
        DataError, match="HDF5 but no NWB file: it has no nwb_version; there is counts"
    ):
        read_nwb(tmp_path / "plain.nwb")
    with h5py.File(tmp_path / "claims.nwb", "w") as file:
        file.attrs["nwb_version"] = "2.4.0"
    with pytest.raises(DataError, match="no units with spike times"):
        read_nwb(tmp_path / "claims.nwb")


def write_session(path: Path) -> Path:
    """Several electrodes a unit, signals by rate, in the stimulus group and in channels of their
    own scale."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the writer's warnings are not under test
        from pynwb import NWBHDF5IO, NWBFile, TimeSeries
        from pynwb.ecephys import ElectricalSeries

        nwb = NWBFile("a test", "test", datetime(2024, 1, 1, tzinfo=UTC))
        device = nwb.create_device("array")
        for location in ("CA1", "CA1", "PFC"):
            group = nwb.create_electrode_group(
                f"g{len(nwb.electrode_groups)}", "group", location, device
            )
            nwb.add_electrode(location=location, group=group)
        for times, electrodes in zip(SPIKES, ([0, 1], [2, 0]), strict=True):
            nwb.add_unit(spike_times=times, electrodes=electrodes)
        for start in (0.0, 1.0):
            nwb.add_trial(start_time=start, stop_time=start + 0.5)
        ramp = np.arange(2000) / 1000
        nwb.add_stimulus(
            TimeSeries(name="tone", data=ramp, unit="V", starting_time=0.0, rate=1000.0, offset=3.0)
        )
        nwb.add_acquisition(TimeSeries(name="tone_copy", data=ramp, unit="V", timestamps=ramp))
        rows = nwb.create_electrode_table_region([0, 1], "two")
        lfp = ElectricalSeries(
            name="lfp",
            data=np.stack([ramp, ramp], axis=1),
            electrodes=rows,
            rate=1000.0,
            starting_time=0.0,
            channel_conversion=[1.0, 4.0],
            conversion=0.5,
        )
        nwb.add_acquisition(lfp)
        with NWBHDF5IO(str(path), "w") as writer:
            writer.write(nwb)
    return path


def test_series_by_rate_in_any_group_with_their_scale_and_regions_of_electrodes(
    tmp_path: Path,
) -> None:
    path = write_session(tmp_path / "session.nwb")
    trials = read_nwb(
        path, bin_s=0.1, window_s=(0.0, 0.5), stimulus="tone", behavior=["lfp", "tone_copy"]
    )
    centres = np.array([0.0, 1.0])[:, None] + 0.05 + 0.1 * np.arange(5)
    np.testing.assert_allclose(trials.stimulus[..., 0], 3 + centres, rtol=1e-6)
    assert trials.behavior_names == ("lfp_x", "lfp_y", "tone_copy")
    for k, scale in enumerate((0.5, 2.0, 1.0)):
        np.testing.assert_allclose(trials.behavior[..., k], scale * centres, rtol=1e-5)
    assert trials.region.tolist() == ["CA1", "PFC"]


@pytest.mark.parametrize("column", ["region", "brain_region", "brain_area", "location"])
def test_regions_of_a_unit_column_go_before_those_of_electrodes(
    tmp_path: Path, column: str
) -> None:
    path = write_nwb(
        tmp_path / "u.nwb", SPIKES, TRIALS, units={column: ["V1", "LP"]}, locations=["a", "b"]
    )
    assert read_nwb(path, bin_s=0.1).region.tolist() == ["V1", "LP"]
    assert read_nwb(path, bin_s=0.1, units="region==LP").n_neurons == 1


def test_the_benchmark_file(test_data: Callable[[str], Path]) -> None:
    path = test_data(MAZE)
    trials = read_nwb(path, bin_s=0.02, align="move_onset_time", window_s=(-0.25, 0.45))
    assert trials.spikes.shape == (100, 35, 107)
    assert np.isfinite(trials.spikes).all()
    recording = read_recording(path)
    assert sum(map(len, recording.spike_times)) == 32897
    assert trials.spikes.sum() == 32897  # the file holds nothing but these windows
    assert (trials.split == "test").all()
    assert not trials.heldout.any()


def test_the_benchmark_file_entry_by_entry(test_data: Callable[[str], Path]) -> None:
    recording = read_recording(test_data(MAZE), units=[1011, 1022, 2861])
    trials = recording.bin("move_onset_time", (-0.25, 0.45), 0.005)
    onset = recording.trials["move_onset_time"]
    for trial in (0, 57, 99):
        for unit, times in enumerate(recording.spike_times):
            ms = np.round((times - onset[trial] + 0.25) * 1e6).astype(
                int
            )  # whole µs: exact at edges
            bins = ms[(ms >= 0) & (ms < 700_000)] // 5000
            assert (
                trials.spikes[trial, :, unit].tolist() == np.bincount(bins, minlength=140).tolist()
            )


def test_past_the_observed_intervals_the_benchmark_file_is_missing(
    test_data: Callable[[str], Path],
) -> None:
    window_s = (-0.25, 0.65)
    with pytest.warns(DataWarning) as caught:
        trials = read_nwb(test_data(MAZE), bin_s=0.02, align="move_onset_time", window_s=window_s)
    assert "1 of 100 trials reach out of the recording" in str(caught[-1].message)
    assert np.isnan(trials.spikes[:-1, 35:40]).all()  # 0.1 s between the segments is not observed
    with pytest.warns(DataWarning, match="never spike"):
        assert read_nwb(test_data(MAZE), trials="start_time<10").n_trials == 13
