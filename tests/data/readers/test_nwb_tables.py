"""NWB files as laboratories write them: other tables, units without intervals or electrodes; and
files that are damaged or lead out of themselves."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.data.readers.nwb_files import write_nwb
from undertow.data import Recording, describe, load, read_nwb
from undertow.data.readers.nwb import list_contents, read_recording
from undertow.errors import DataError, DataWarning

SPIKES = [np.arange(0.05, 4, 0.1), np.arange(0.02, 4, 0.25), np.arange(0.3, 3, 0.2)]
TRIALS = {
    "start_time": [0.0, 1.0, 2.0],
    "stop_time": [0.5, 1.7, 2.5],
    "outcome": ["hit", "miss", "hit"],
    "rt": [0.4, 0.9, np.nan],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    times = np.arange(0, 4, 0.01)
    return write_nwb(
        tmp_path_factory.mktemp("nwb") / "whole.nwb",
        SPIKES,
        TRIALS,
        obs_intervals=[np.array([[0.0, 4.0]]), np.array([[0.0, 2.0]]), np.array([[0.0, 4.0]])],
        series={"speed": (times, np.stack([times, times], axis=1))},
        locations=["M1", "PMd", "M1"],
    )


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copy(whole, tmp_path / "a.nwb"))


def add_table(file: h5py.File, name: str, **columns: Any) -> None:
    group = file.create_group(f"intervals/{name}")
    group.attrs["colnames"] = list(columns)
    group["id"] = np.arange(len(columns["start_time"]))
    for column, values in columns.items():
        group[column] = values


def replace(file: h5py.File, name: str, values: Any) -> None:
    """Another dataset in the place of one, its attributes kept."""
    attributes = dict(file[name].attrs)
    del file[name]
    file[name] = values
    file[name].attrs.update(attributes)


def test_any_table_of_intervals_can_be_the_trials(path: Path) -> None:
    with h5py.File(path, "a") as file:
        add_table(file, "epochs", start_time=[0.2, 2.2], stop_time=[1.2, 3.2], tag=["a", "b"])
    trials = read_nwb(path, bin_s=0.1, table="epochs", condition="tag")
    assert trials.shape == (2, 10, 3)
    assert trials.condition.tolist() == ["a", "b"]
    assert read_nwb(path, bin_s=0.1).n_trials == 3
    assert Recording.from_nwb(path, table="epochs").n_trials == 2
    contents = list_contents(path)
    assert contents["tables"] == [
        "epochs (2 rows): start_time, stop_time, tag",
        "trials (3 rows): start_time, stop_time, outcome, rt",
    ]
    assert contents["signals"] == ["speed (400, 2) m/s"]
    with pytest.raises(DataError, match=r"no table of intervals 'epoch': did you mean 'epochs'\?"):
        read_nwb(path, table="epoch")


def test_trials_are_left_out_by_an_expression(path: Path) -> None:
    assert read_nwb(path, bin_s=0.1, trials="outcome==hit and rt<0.8").trial_ids.tolist() == [0]
    kept = load(path, bin_s=0.1, trials="isnan(rt) or outcome==miss", units="region in (M1, V1)")
    assert kept.trial_ids.tolist() == [1, 2]
    assert kept.n_neurons == 2


def test_a_unit_without_intervals_is_observed_when_others_are(path: Path) -> None:
    with h5py.File(path, "a") as file:
        replace(file, "units/obs_intervals_index", np.array([1, 1, 2], np.uint8))
    with pytest.warns(DataWarning, match="1 of 3 units do not say when they were observed"):
        trials = read_nwb(path, bin_s=0.1, window_s=(0.0, 0.5))
    assert np.isfinite(trials.spikes).all() or np.isnan(trials.spikes[2, :, 2]).any()
    assert np.isfinite(trials.spikes[:, :, 1]).all()
    assert trials.spikes[..., 1].sum() > 0
    with h5py.File(path, "a") as file:
        replace(file, "units/obs_intervals_index", np.array([0, 0, 0], np.uint8))
    assert np.isfinite(read_nwb(path, bin_s=0.1, window_s=(0.0, 0.5)).spikes).all()


def test_spikes_outside_what_others_observed_were_observed(path: Path) -> None:
    with h5py.File(path, "a") as file:
        replace(file, "units/obs_intervals", np.array([[0.0, 1.0], [0.0, 1.0]]))
        replace(file, "units/obs_intervals_index", np.array([1, 2, 2], np.uint8))
    with pytest.warns(DataWarning, match="do not say"):
        recording = read_recording(path)
    np.testing.assert_allclose(recording.obs_intervals[2], [[0.0, 1.0], [0.3, 2.9]])


def test_a_unit_without_electrodes_leaves_the_regions_of_others(path: Path) -> None:
    with h5py.File(path, "a") as file:
        replace(file, "units/electrodes_index", np.array([1, 1, 3], np.uint8))
    trials = read_nwb(path, bin_s=0.1)
    assert trials.region.tolist() == ["M1", "unknown", "PMd"]
    assert read_nwb(path, bin_s=0.1, units="region!=unknown").n_neurons == 2


def test_columns_of_another_length_are_left_out_and_named(path: Path) -> None:
    with h5py.File(path, "a") as file:
        replace(file, "intervals/trials/rt", [0.1, 0.2])
    with pytest.warns(DataWarning, match=r"rt of /intervals/trials are left out"):
        assert read_nwb(path, bin_s=0.1).n_trials == 3


def test_a_file_of_the_users_own_link_is_read(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link.nwb").symlink_to(path)
    assert read_nwb(tmp_path / "link.nwb", bin_s=0.1).n_trials == 3


def outside(file: h5py.File) -> None:
    file["acquisition/raw"] = h5py.ExternalLink("secret.h5", "/spikes")


def storage(file: h5py.File) -> None:
    del file["units/spike_times"]
    secret = Path(file.filename).with_name("secret.bin")
    secret.write_bytes(bytes(8 * 85))
    file.create_dataset("units/spike_times", (85,), "f8", external=[(str(secret), 0, 8 * 85)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((85,), "f8")
    layout[:] = h5py.VirtualSource("secret.h5", "spikes", (85,))
    del file["units/spike_times"]
    file.create_virtual_dataset("units/spike_times", layout)


def soft_circle(file: h5py.File) -> None:
    file["processing/behavior/again"] = h5py.SoftLink("/processing")


def hard_circle(file: h5py.File) -> None:
    file["processing/behavior/again"] = file["processing"]


def deep(file: h5py.File) -> None:
    file.create_group("scratch/" + "/".join(["x"] * 100))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (outside, "acquisition/raw .*is a link .*another file.*copy"),
        (storage, "units/spike_times .*another file.*copy"),
        (virtual, "units/spike_times .*another file.*copy"),
        (soft_circle, "/processing/behavior/again is a link to a group it lies in"),
        (hard_circle, "/processing/behavior/again is a link to a group it lies in"),
        (deep, "groups more than 50 deep"),
    ],
)
def test_files_that_lead_out_of_themselves_or_in_circles_are_refused(
    path: Path, change: Callable[[h5py.File], None], message: str
) -> None:
    with h5py.File(path, "a") as file:
        change(file)
    for read in (read_nwb, describe):
        with pytest.raises(DataError, match=message):
            read(path)


def test_links_inside_the_file_are_followed(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["acquisition/nowhere"] = h5py.SoftLink("/no/such/thing")
        file["acquisition/self"] = h5py.SoftLink("/acquisition/self")
        file.move("processing/behavior/speed/timestamps", "acquisition/clock")
        file["processing/behavior/speed/timestamps"] = h5py.SoftLink("/acquisition/clock")
    assert read_nwb(path, bin_s=0.1, behavior="speed").behavior.shape == (3, 7, 2)


UNIT = "units/spike_times"
BROKEN: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "no index": (lambda f: f.pop(f"{UNIT}_index"), "has no spike_times_index"),
    "past the end": (lambda f: replace(f, f"{UNIT}_index", [1, 2, 9999]), "must grow .* by 70"),
    "backwards": (lambda f: replace(f, f"{UNIT}_index", [9, 2, 12]), "must grow"),
    "negative": (lambda f: replace(f, f"{UNIT}_index", [-9, 2, 12]), "must grow"),
    "too short": (lambda f: replace(f, f"{UNIT}_index", [9]), "one whole number for each of 3"),
    "floats": (lambda f: replace(f, f"{UNIT}_index", [0.5, 1, 2]), "one whole number for each"),
    "text": (lambda f: replace(f, UNIT, ["a"] * 85), "holds no array of numbers"),
    "a group": (lambda f: (f.pop(UNIT), f.create_group(UNIT)), "must grow|no array of numbers"),
    "a number": (lambda f: replace(f, UNIT, 3.0), "must grow|no array of numbers"),
    "NaN": (lambda f: replace(f, UNIT, np.full(85, np.nan)), "NaN or infinite"),
    "no ids": (lambda f: f.pop("units/id"), "no ids of its rows"),
    "electrodes": (lambda f: replace(f, "units/electrodes", [0, 1, 77]), "names electrode 77"),
    "no units": (lambda f: f.pop("units"), "no units with spike times"),
    "intervals": (lambda f: replace(f, "units/obs_intervals", np.ones(3)), "start and stop times"),
    "times": (lambda f: replace(f, "processing/behavior/speed/timestamps", [1.0]), "1 timestamps"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_in_a_line(path: Path, name: str) -> None:
    change, message = BROKEN[name]
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(DataError, match=message) as caught:
        read_nwb(path, bin_s=0.1, behavior="speed")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_more_than_fits_in_memory_is_refused_before_it_is_read(path: Path) -> None:
    with h5py.File(path, "a") as file:
        for name, size in (("units/spike_times", 2**45), ("processing/behavior/speed/data", 2**45)):
            attributes = dict(file[name].attrs)
            del file[name]
            file.create_dataset(name, (size,), "f8", chunks=(1000,))
            file[name].attrs.update(attributes)
        replace(file, "units/spike_times_index", [10, 20, 2**45])
    with pytest.raises(DataError, match=r"would take .* of memory"):
        read_nwb(path, bin_s=0.1)
    with pytest.raises(DataError, match=r"speed/data .* would take"):
        read_nwb(path, bin_s=0.1, units=[0], behavior="speed")


def test_a_table_that_is_an_endless_dataset_is_no_table(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["units"]
        file.create_dataset("units", (2**62,), "u1", chunks=(64,))
    with pytest.raises(DataError, match="no units with spike times"):
        read_nwb(path, bin_s=0.1)
    with pytest.raises(DataError, match="no ids of its rows"):
        list_contents(path)


def test_regions_are_offered_where_units_have_no_column_of_their_own(whole: Path) -> None:
    assert list_contents(whole)["unit_columns"] == ["region"]
    assert load(whole, 0.1, units="region==M1").n_neurons == 2
