"""HDF5 files from elsewhere: links and values in other files, circles, sizes nothing holds."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from undertow.data import describe, load, read_hdf5
from undertow.data.readers.hdf5_file import checked_file, list_datasets, opened_hdf5, own_bin_s
from undertow.errors import DataError

ONES = np.ones((2, 3, 4))


def external_storage(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (2, 3, 4), "u1", external=[("/etc/hostname", 0, 24)])


def external_link(file: h5py.File, name: str) -> None:
    file["deep/down"] = h5py.ExternalLink("other.h5", "/secret")
    file[name] = ONES


def virtual_elsewhere(file: h5py.File, name: str) -> None:
    layout = h5py.VirtualLayout(ONES.shape, "f8")
    layout[:] = h5py.VirtualSource("other.h5", "secret", ONES.shape)
    file.create_virtual_dataset(name, layout)


@pytest.mark.parametrize("make", [external_storage, external_link, virtual_elsewhere])
@pytest.mark.parametrize(
    ("suffix", "name"), [(".h5", "train_data"), (".nc", "spikes"), (".mat", "spikes")]
)
@pytest.mark.parametrize("read", [load, describe, checked_file], ids=lambda f: f.__name__)
def test_no_file_shows_what_another_holds(
    tmp_path: Path,
    make: Callable[[h5py.File, str], None],
    suffix: str,
    name: str,
    read: Callable[[Path], object],
) -> None:
    with h5py.File(tmp_path / f"x{suffix}", "w") as file:
        make(file, name)
    with pytest.raises(DataError, match=r"another file: it is not followed; copy the data"):
        read(tmp_path / f"x{suffix}")


def test_virtual_data_of_the_file_itself_are_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["kept"] = ONES
        layout = h5py.VirtualLayout(ONES.shape, "f8")
        layout[:] = h5py.VirtualSource(file["kept"])
        file.create_virtual_dataset("train_data", layout)
    assert read_hdf5(tmp_path / "v.h5").n_trials == 2


def test_circles_of_links_end(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "circle.h5", "w") as file:
        group = file.create_group("a")
        group["itself"], group["soft"] = group, h5py.SoftLink("/a")
        file["train_data"] = ONES
    assert list_datasets(tmp_path / "circle.h5") == ["train_data (2, 3, 4)"]
    assert read_hdf5(tmp_path / "circle.h5").n_trials == 2


def test_sizes_that_nothing_holds_are_refused_before_reading(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("train_data", (2**20, 2**20, 2**10), "f8", chunks=(1, 1024, 4))
    with pytest.raises(
        DataError, match=r"train_data in .* declares 9.01 PB .* damaged or was never"
    ):
        read_hdf5(tmp_path / "huge.h5")


@pytest.mark.parametrize("value", ["ten", 1j, -5.0, np.nan, b"\xff\xfe"])
def test_a_bin_width_is_a_number_above_zero(tmp_path: Path, value: object) -> None:
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["bin_ms"] = value
        file["train_data"] = ONES
    with pytest.raises(DataError, match="bin_ms"), opened_hdf5(tmp_path / "b.h5") as file:
        own_bin_s(file)


WRONG = {
    "text": np.full((2, 3, 4), b"a"),
    "complex": ONES * 1j,
    "records": np.zeros((2, 3, 4), [("a", "i4")]),
}


@pytest.mark.parametrize("kind", WRONG)
def test_numbers_are_numbers(tmp_path: Path, kind: str) -> None:
    for name in ("train_data", "train_behavior", "train_truth", "train_inds"):
        with h5py.File(tmp_path / "k.h5", "w") as file:
            arrays = {"train_data": ONES, name: WRONG[kind]}
            for each, values in arrays.items():
                file[each] = values
        with pytest.raises(DataError, match=f"{name} in .* holds {kind}"):
            read_hdf5(tmp_path / "k.h5")


def test_text_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["train_data"] = ONES
        file["region"] = np.array([b"M1", b"\xff", b"a", b"b"])
    with pytest.raises(DataError, match=r"region in .* holds text that is no UTF-8"):
        read_hdf5(tmp_path / "t.h5")


def test_a_heap_without_an_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "heap.h5"
    with h5py.File(path, "w") as file:
        file["train_data"] = ONES
        file["region"] = np.array(["M1", "M1", "PMd", "PMd"], object)
    assert read_hdf5(path).region.tolist() == ["M1", "M1", "PMd", "PMd"]
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL")
    data[heap + 16 : heap + 32] = bytes(16)  # an unused object of no size
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"the heap of text and lists at byte .* has no end"):
        read_hdf5(path)


def test_groups_in_groups_end(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        file["train_data"] = ONES
        group = file
        for _ in range(150):
            group = group.create_group("a")
    with pytest.raises(DataError, match="groups lie in groups, more than 100 deep"):
        read_hdf5(tmp_path / "deep.h5")
