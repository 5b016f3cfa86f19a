"""Types that libhdf5 takes on trust: damaged ones are refused before they are read."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from h5py import h5a, h5s, h5t

from undertow.data.readers.hdf5_file import opened_hdf5
from undertow.errors import DataError

LISTS = h5py.vlen_dtype(np.int32)
KINDS = {
    "lists": LISTS,
    "lists in a structure": np.dtype([("n", "i4"), ("list", LISTS)]),
    "text": h5py.string_dtype(),
}
SEQUENCE, TEXT, NOTHING = 0x00, 0x01, 0x0E
VLEN = 0x19  # version 1 of class 9, of any length


def write(path: Path, kind: np.dtype, as_attribute: bool) -> Path:
    with h5py.File(path, "w") as file:
        file["other"] = np.arange(3)
        if as_attribute:
            space, kind_id = h5s.create_simple((2,)), h5t.py_create(kind, logical=True)
            h5a.create(file["other"].id, b"values", kind_id, space)
        else:
            file.create_dataset("values", (2,), kind)
    return path


@pytest.mark.parametrize("as_attribute", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_lists_of_a_kind_there_is_not_are_refused(
    kind: str, as_attribute: bool, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.h5", KINDS[kind], as_attribute)
    with opened_hdf5(path) as file:
        assert "other" in file
    whole, bits = path.read_bytes(), TEXT if kind == "text" else SEQUENCE
    places = [
        at
        for at in range(len(whole) - 8)
        if whole[at] == VLEN
        and whole[at + 1] & 0x0F == bits
        and whole[at + 4 : at + 8] == bytes([16, 0, 0, 0])
    ]
    assert places
    damaged = bytearray(whole)
    for at in places:
        damaged[at + 1] = damaged[at + 1] & 0xF0 | NOTHING
    path.write_bytes(damaged)
    with pytest.raises(DataError, match="lists of a kind there is not"), opened_hdf5(path):
        pass
