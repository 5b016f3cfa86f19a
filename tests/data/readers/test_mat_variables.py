"""Variables of MATLAB files: text, sparse and empty values, and what only MATLAB reads."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse

from tests.data.readers.mat_files import cells, write_v5, write_v73
from undertow.data import read_mat
from undertow.data.readers.mat import opened_mat
from undertow.errors import DataError


def test_text_sparse_and_empty_values(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    variables = {
        "rows": np.array(["ab", "cde"]),
        "sparse": scipy.sparse.csc_matrix(np.eye(3)),
        "none": "",
    }
    write_v5(path, variables)
    with opened_mat(path) as found:
        assert found["rows"].read().tolist() == ["ab", "cde"]
        assert found["sparse"].read().tolist() == np.eye(3).tolist()
        assert found["none"].read() == ""
    write_v73(
        path, {"none": "", "nothing": np.zeros((0, 3)), "nested": cells([{"a": 2.0}, "text"])}
    )
    with h5py.File(path, "r+") as file:
        rows = file.create_dataset(
            "rows", data=np.array([[97, 99], [98, 100], [32, 101]], np.uint16)
        )
        rows.attrs["MATLAB_class"] = np.bytes_("char")
        sparse = file.create_group("sparse")
        sparse.attrs["MATLAB_sparse"] = np.uint64(3)
        for name, data in {"data": np.ones(3), "ir": [0, 1, 2], "jc": [0, 1, 2, 3]}.items():
            sparse[name] = data
    with opened_mat(path) as found:
        assert found["rows"].read().tolist() == ["ab", "cde"]
        assert found["sparse"].read().tolist() == np.eye(3).tolist()
        assert found["none"].read() == ""
        assert found["nothing"].read().shape == found["nothing"].shape == (0, 3)
        nested = found["nested"].read()
        assert nested[0, 0]["a"].item() == 2.0
        assert nested[0, 1] == "text"


def test_a_matlab_object_is_named_only_when_it_is_needed(tmp_path: Path) -> None:
    path = write_v73(tmp_path / "a.mat", {"spikes": np.ones((6, 8, 5)), "bin_ms": 10.0})
    with h5py.File(path, "r+") as file:
        file["when"] = np.zeros((1, 6), np.uint32)
        file["when"].attrs["MATLAB_object_decode"] = np.int32(3)
        file["when"].attrs["MATLAB_class"] = np.bytes_("datetime")
    assert read_mat(path).n_trials == 6
    with pytest.raises(DataError, match=r"when is a MATLAB object .* which only MATLAB can read"):
        read_mat(path, condition="when")
