"""MATLAB files: version 5 through SciPy, version 7.3 as HDF5 with MATLAB's attributes."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.io import savemat

from tests.campaigns import bytewise, hostile
from tests.campaigns.target import Made, Rng, Target, chance
from tests.campaigns.targets import hdf5_changes, reading

OPTIONS: dict[str, tuple[Any, ...]] = {
    **reading.OF_TIMES,
    "spikes": ("spikes", "data.spikes", "none such", "condition"),
    "axes": ("trials,time,neurons", "neurons,time,trials", "trials,trials,time", "x", ""),
    "events": ("trials", "go", ["go", "trials"], "none such"),
    "file_bin_s": (0.02, 0.0, float("nan")),
}


def make_v5(rng: Rng, folder: Path) -> Made:
    """A file of version 5, with counts or cells of spike times."""
    path = folder / "recording.mat"
    fields, said = _fields(rng), []
    if chance(rng, 0.5):
        fields, said = hostile.fields(rng, fields)
    named = {_name(k): _saved(v) for k, v in fields.items()}
    savemat(path, named, do_compression=chance(rng, 0.3), long_field_names=True)
    if chance(rng, 0.5) or not said:
        said.append(bytewise.damage(rng, path))
    return Made(path, said, reading.options(rng, OPTIONS) if chance(rng, 0.3) else {})


def _name(name: str) -> str:
    """MATLAB's rule for names holds in the writer as well."""
    return "".join(c for c in name if c.isalnum() and c.isascii()).lstrip("0123456789_")[:60] or "x"


def _saved(value: Any) -> Any:
    array = np.asarray(value)
    return array.astype(float) if array.dtype.kind in "mMgV" and not array.dtype.names else value


def _fields(rng: Rng) -> dict[str, Any]:
    """Counts with what goes with them, or spike times with events."""
    if chance(rng, 0.5):
        return {k: v for k, v in reading.arrays(rng).items() if k != "event"}
    times = np.empty((1, reading.N_NEURONS), dtype=object)
    for k, spikes in enumerate(reading.spike_times(rng)):
        times[0, k] = spikes[None]
    table = reading.trial_table()
    go = table.pop("go_time")
    table.pop("outcome")
    signal = {"time": np.linspace(0, 10, 200), "data": np.ones((200, 2))}
    return {"spikes": times, "trials": table, "go": go, "hand": signal}


def make_v73(rng: Rng, folder: Path) -> Made:
    """A file of version 7.3."""
    path, said = folder / "recording.mat", []
    fields = _fields(rng)
    if chance(rng, 0.4):
        fields, said = hostile.fields(rng, fields)
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in fields.items():
            _write(file, name.replace("\x00", "") or "x", value)
    if chance(rng, 0.5) or not said:
        said += hdf5_changes.change(rng, path)
    if chance(rng, 0.15):
        said.append(bytewise.damage(rng, path))
    return Made(path, said, reading.options(rng, OPTIONS) if chance(rng, 0.3) else {})


def _write(place: Any, name: str, value: Any) -> None:
    """A variable as MATLAB writes it: axes turned, its class an attribute, cells by reference."""
    if isinstance(value, dict):
        group = place.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for field, each in value.items():
            _write(group, field, each)
        return
    array = np.asarray(value)
    if array.dtype.kind == "O":
        _write_cell(place, name, array)
        return
    kind = {"U": "char", "b": "logical"}.get(array.dtype.kind, "double")
    if kind == "char":
        text = "".join(str(each) for each in array.ravel()) or " "
        array = np.array([ord(c) for c in text], dtype=np.uint16)[:, None]
    stored = hdf5_changes.storable(array)
    place[name] = stored if stored.ndim > 1 else np.atleast_2d(stored)
    if stored.ndim > 2:
        del place[name]
        place[name] = stored.T
    place[name].attrs["MATLAB_class"] = np.bytes_(kind)


def _write_cell(place: Any, name: str, cells: np.ndarray) -> None:
    references = []
    for k, each in enumerate(cells.ravel()):
        where = f"#refs#/{abs(hash(name)) % 97}_{k}"
        place.file.require_group("#refs#")
        if where not in place.file:
            place.file[where] = np.zeros((1, 1)) if each is None else np.asarray(each, float).T
            place.file[where].attrs["MATLAB_class"] = np.bytes_("double")
        references.append(place.file[where].ref)
    made = place.create_dataset(name, (cells.size, 1), dtype=h5py.ref_dtype)
    made[:, 0] = references
    made.attrs["MATLAB_class"] = np.bytes_("cell")


V5 = Target("mat v5", make_v5, reading.use, share=1.5)
V73 = Target("mat v7.3", make_v73, reading.use)
