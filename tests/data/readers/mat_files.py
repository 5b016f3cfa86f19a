"""MATLAB files for tests: version 5 as SciPy writes it, version 7.3 as MATLAB lays it out in
HDF5."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.io import savemat

Struct = dict[str, Any]


def cells(values: list[Any]) -> np.ndarray:
    """A cell array, 1 × n."""
    array = np.empty((1, len(values)), object)
    for k, value in enumerate(values):
        array[0, k] = value
    return array


def write_v5(path: Path, variables: Mapping[str, Any]) -> Path:
    """Version 5: numbers are arrays, text strings, structs dictionaries (lists of them struct
    arrays)."""
    savemat(
        path, {name: _for_scipy(value) for name, value in variables.items()}, do_compression=True
    )
    return path


def _for_scipy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _for_scipy(part) for name, part in value.items()}
    if isinstance(value, list):
        array = np.empty((1, len(value)), [(name, object) for name in value[0]])
        for k, struct in enumerate(value):
            array[0, k] = tuple(_for_scipy(part) for part in struct.values())
        return array
    if isinstance(value, np.ndarray) and value.dtype == object:
        return cells([_for_scipy(part) for part in value[0]]) if len(value) == 1 else value
    return value


def write_v73(path: Path, variables: Mapping[str, Any]) -> Path:
    """Version 7.3 of the same: axes reversed, text as uint16, cells and struct arrays as
    references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            _write(file, file, name, value)
    header = (
        b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024 HDF5 "
        b"schema 1.00 ."
    )
    with path.open("r+b") as raw:
        raw.write(header.ljust(116) + bytes(8) + b"\x00\x02IM")
    return path


def _write(file: h5py.File, group: h5py.Group, name: str, value: Any) -> h5py.HLObject:
    if isinstance(value, dict):
        struct = group.create_group(name)
        struct.attrs["MATLAB_class"] = np.bytes_("struct")
        for field, part in value.items():
            _write(file, struct, field, part)
        return struct
    if isinstance(value, list):
        struct = group.create_group(name)
        struct.attrs["MATLAB_class"] = np.bytes_("struct")
        for field in value[0]:
            _references(file, struct, field, cells([each[field] for each in value]))
        return struct
    if isinstance(value, np.ndarray) and value.dtype == object:
        item = _references(file, group, name, value)
        item.attrs["MATLAB_class"] = np.bytes_("cell")
        return item
    return _plain(group, name, value)


def _references(file: h5py.File, group: h5py.Group, name: str, value: np.ndarray) -> h5py.Dataset:
    kept = file.require_group("#refs#")
    item = group.create_dataset(name, value.shape[::-1], h5py.ref_dtype)
    for row, column in np.ndindex(*value.shape):
        item[column, row] = _write(file, kept, f"r{len(kept)}", value[row, column]).ref
    return item


def _plain(group: h5py.Group, name: str, value: Any) -> h5py.Dataset:
    text = isinstance(value, str)
    array = (
        np.array([[ord(letter) for letter in value]], np.uint16) if text else np.atleast_2d(value)
    )
    if array.size == 0:
        item = group.create_dataset(name, data=np.array(array.shape, np.uint64))
        item.attrs["MATLAB_empty"] = np.uint8(1)
    else:
        item = group.create_dataset(name, data=array.T)
    kinds = {
        "b": "logical",
        "f": "double",
        "u": f"uint{8 * array.itemsize}",
        "i": f"int{8 * array.itemsize}",
    }
    item.attrs["MATLAB_class"] = np.bytes_("char" if text else kinds[array.dtype.kind])
    return item
