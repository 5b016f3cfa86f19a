"""The tags of MATLAB files of version 4 and 5: damage is found before SciPy meets it."""

import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from tests.data.readers.mat_files import cells, write_v5, write_v73
from tests.data.readers.test_mat import counts_variables
from undertow.data import load
from undertow.data.readers.mat.structure import check_structure
from undertow.data.readers.mat.structure_v4 import DamagedError
from undertow.data.readers.mat.variables import list_variables, opened_mat
from undertow.errors import DataError

EYE = csc_matrix(np.eye(3))


def test_the_walk_counts_what_a_file_holds(tmp_path: Path) -> None:
    for name, form in (("a.mat", "5"), ("b.mat", "4")):
        savemat(tmp_path / name, {"x": np.ones((5, 4)), "s": EYE, "t": "text"}, format=form)
        assert check_structure(tmp_path / name) >= 8 * 20 + 8 * 9
    write_v5(tmp_path / "c.mat", counts_variables())
    assert check_structure(tmp_path / "c.mat") > 0


def changed(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    return path


def test_what_would_end_the_process_is_refused(tmp_path: Path) -> None:
    plain = tmp_path / "p.mat"
    double, values = struct.pack("<II", 9, 48), struct.pack("<II", 0x7FFF, 48)
    savemat(plain, {"x": np.arange(6.0)[None] + 0.5})
    with pytest.raises(DamagedError, match="type 32767"):
        check_structure(changed(plain, double, values))
    savemat(plain, {"x": EYE})
    rows = struct.pack("<3i", 0, 1, 2)
    with pytest.raises(DamagedError, match="indices outside of it"):
        check_structure(changed(plain, rows, struct.pack("<3i", 0, 1, 2**30)))
    with pytest.raises(DataError, match=r"cannot be read as a MATLAB file .*indices outside"):
        load(plain)


def test_cells_in_cells_end(tmp_path: Path) -> None:
    deep: object = np.ones((1, 1))
    for _ in range(60):
        deep = cells([deep])
    savemat(tmp_path / "d.mat", {"spikes": deep})
    with pytest.raises(DataError, match="more than 40 deep"):
        load(tmp_path / "d.mat")


@pytest.mark.parametrize("shape", [(2**30, 2**30), (-1, 6), (7, 1)])
def test_shapes_fit_the_values(tmp_path: Path, shape: tuple[int, int]) -> None:
    path = tmp_path / "s.mat"
    savemat(path, {"x": np.arange(6.0)[None] + 0.5})
    with pytest.raises(DamagedError):
        check_structure(changed(path, struct.pack("<ii", 1, 6), struct.pack("<ii", *shape)))


def test_files_of_both_versions_cut_anywhere_are_refused(tmp_path: Path) -> None:
    for form in ("4", "5"):
        savemat(tmp_path / "w.mat", {"spikes": np.ones((3, 40)), "bin_ms": 5.0}, format=form)
        whole = (tmp_path / "w.mat").read_bytes()
        for size in range(4, len(whole) - 8, 97):
            (tmp_path / "c.mat").write_bytes(whole[:size])
            with pytest.raises(DataError):
                load(tmp_path / "c.mat")


def test_a_large_sparse_matrix_is_refused_with_its_memory(tmp_path: Path) -> None:
    huge = csc_matrix((np.ones(1), ([0], [0])), shape=(2**30, 2**20))
    savemat(tmp_path / "h.mat", {"spikes": huge})
    with pytest.raises(DataError, match=r"would take .*PB of memory"):
        load(tmp_path / "h.mat")


def test_cells_of_version_7_3_that_hold_themselves_end(tmp_path: Path) -> None:
    import h5py

    path = write_v73(tmp_path / "r.mat", {"spikes": cells([np.ones((1, 3)), np.ones((1, 2))])})
    with h5py.File(path, "r+") as file:
        file["spikes"][0, 0] = file["spikes"].ref
    assert list_variables(path) == ["spikes cell (1, 2)"]
    with opened_mat(path) as variables, pytest.raises(DataError, match=r"in cells|each other"):
        variables["spikes"].read()
    with h5py.File(path, "r+") as file:
        group = file.create_group("s")
        group["again"] = group
    with pytest.raises(DataError, match="is a struct in itself"):
        list_variables(path)


def test_signals_that_do_not_fit_are_named(tmp_path: Path) -> None:
    from undertow.errors import DataWarning

    for write in (write_v5, write_v73):
        path = write(tmp_path / "f.mat", counts_variables() | {"hand_vel": np.ones((5, 8, 2))})
        with pytest.warns(DataWarning, match=r"left out hand_vel \(5, 8, 2\)"):
            assert load(path).behavior_names == ("speed",)
