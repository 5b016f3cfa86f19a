"""`load`: by suffix, and every way a path can be wrong."""

from pathlib import Path

import numpy as np
import pytest

from tests.data.readers.nwb_files import write_nwb
from undertow.data import TrialSet, load, write_hdf5
from undertow.errors import DataError

COUNTS = np.ones((4, 6, 2), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.savez(tmp_path / "a.npz", spikes=COUNTS, bin_ms=10)
    write_hdf5(TrialSet(COUNTS, 0.01), tmp_path / "a.h5")
    (tmp_path / "a.hdf5").write_bytes((tmp_path / "a.h5").read_bytes())
    trials = {"start_time": [0.0, 1.0], "stop_time": [0.5, 1.5]}
    write_nwb(tmp_path / "a.nwb", [np.arange(0.0, 2.0, 0.02)], trials)
    return tmp_path


def test_each_suffix_finds_its_reader(folder: Path) -> None:
    for name in ("a.npz", "a.h5", "a.hdf5"):
        assert load(folder / name).n_time == 6
        assert load(str(folder / name), bin_s=0.03).n_time == 2
    assert load(folder / "a.nwb").bin_s == 0.02
    assert load(folder / "a.nwb", bin_s=0.1, window_s=(0.0, 0.3)).n_time == 3


def test_wrong_paths_are_refused(folder: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.npz is not there"):
        load(folder / "gone.npz")
    with pytest.raises(DataError, match="is a folder"):
        load(folder)
    (folder / "data.xls").write_text("1,2")
    with pytest.raises(
        DataError, match=r"suffix '\.xls': undertow reads \.npz, \.h5, \.hdf5, \.nwb"
    ):
        load(folder / "data.xls")


def test_a_file_of_another_kind_under_a_known_suffix_is_refused(folder: Path) -> None:
    contents = {name: (folder / name).read_bytes() for name in ("a.npz", "a.h5", "a.nwb")}
    for source, suffix in (
        ("a.npz", ".h5"),
        ("a.npz", ".nwb"),
        ("a.h5", ".npz"),
        ("a.h5", ".nwb"),
        ("a.nwb", ".h5"),
    ):
        path = folder / f"other{suffix}"
        path.write_bytes(contents[source])
        with pytest.raises(DataError, match=f"other\\{suffix}"):
            load(path)


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.nwb"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_truncated_file_is_a_data_error(folder: Path, name: str, share: float) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match="cannot be read"):
        load(folder / name)


def test_options_of_other_readers_are_refused(folder: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"\.npz files have no option axes: there is condition, behavior, file_bin_s",
    ):
        load(folder / "a.npz", axes="time,trials,neurons")


def test_an_error_in_the_arrays_names_the_file(folder: Path) -> None:
    np.savez(folder / "bad.npz", spikes=-COUNTS.astype(float), bin_ms=10)
    with pytest.raises(DataError, match=r"bad\.npz: spikes holds 48 negative"):
        load(folder / "bad.npz")
