"""netCDF files as xarray writes them, whose dimension scales are a structure of their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.campaigns import bytewise
from tests.campaigns.target import Made, Rng, Target, chance, pick
from tests.campaigns.targets import hdf5_changes, reading

OPTIONS: dict[str, tuple[Any, ...]] = {
    **reading.OF_COUNTS,
    "dims": (["trial", "time", "neuron"], ["neuron", "time", "trial"], ["x"], ["trial"] * 3),
    "spikes": ("spikes", "truth", "none such"),
}


def make(rng: Rng, folder: Path) -> Made:
    """A netCDF file with a change in its arrays, its dimension scales or its bytes."""
    path = folder / "recording.nc"
    _write(rng, path)
    said: list[str] = []
    if chance(rng, 0.4):
        said.append(_scales(rng, path))
    if chance(rng, 0.5) or not said:
        said += hdf5_changes.change(rng, path)
    if chance(rng, 0.2):
        said.append(bytewise.damage(rng, path))
    return Made(path, said, reading.options(rng, OPTIONS) if chance(rng, 0.2) else {})


def _write(rng: Rng, path: Path) -> None:
    """The file that `Prediction.to_xarray` would make of a small set, by h5py alone: quick."""
    n_trials, n_time, n_neurons = reading.N_TRIALS, reading.N_TIME, reading.N_NEURONS
    scales = {
        "trial": np.arange(n_trials),
        "time": np.arange(n_time) * 0.02 + 0.01,
        "neuron": np.arange(n_neurons),
        "channel": np.array(["x", "y"], dtype=h5py.string_dtype()),
    }
    counts = rng.poisson(1.0, (n_trials, n_time, n_neurons))
    with h5py.File(path, "w") as file:
        file.attrs["bin_s"] = 0.02
        file.attrs["event"] = "go cue"
        for k, (name, values) in enumerate(scales.items()):
            file[name] = values
            file[name].make_scale(name)
            file[name].attrs["_Netcdf4Dimid"] = k
        _variable(file, "spikes", counts, ("trial", "time", "neuron"))
        _variable(file, "truth", counts * 10.0, ("trial", "time", "neuron"))
        velocity = rng.normal(size=(n_trials, n_time, 2))
        _variable(file, "behavior", velocity, ("trial", "time", "channel"))
        _variable(file, "condition", np.arange(n_trials) % 2, ("trial",))
        _variable(file, "heldout", np.zeros(n_neurons, np.int8), ("neuron",))


def _variable(file: Any, name: str, values: np.ndarray, dims: tuple[str, ...]) -> None:
    file[name] = values
    for axis, dim in enumerate(dims):
        file[name].dims[axis].attach_scale(file[dim])


def _scales(rng: Rng, path: Path) -> str:
    with h5py.File(path, "r+") as file:
        variables = [name for name in file if "DIMENSION_LIST" in file[name].attrs]
        name, way = str(pick(rng, variables)), str(pick(rng, SCALES))
        SCALES[way](rng, file, name)
    return f"{name}: {way}"


def _list_of(file: Any, name: str, references: list[Any]) -> None:
    """Another DIMENSION_LIST, one array of references for each axis it claims."""
    kind = h5py.vlen_dtype(h5py.ref_dtype)
    values = np.empty(len(references), dtype=object)
    for k, each in enumerate(references):
        values[k] = np.array([each], dtype=h5py.ref_dtype)
    del file[name].attrs["DIMENSION_LIST"]
    file[name].attrs.create("DIMENSION_LIST", values, dtype=kind)


def _longer(rng: Rng, file: Any, name: str) -> None:
    rank = file[name].ndim
    _list_of(file, name, [file["time"].ref] * (rank + int(pick(rng, (1, 3, 40)))))


def _shorter(rng: Rng, file: Any, name: str) -> None:
    _list_of(file, name, [file["trial"].ref] * max(file[name].ndim - 1, 1))


def _same(rng: Rng, file: Any, name: str) -> None:
    _list_of(file, name, [file["trial"].ref] * file[name].ndim)


def _to_itself(rng: Rng, file: Any, name: str) -> None:
    _list_of(file, name, [file[name].ref] * file[name].ndim)


def _to_group(rng: Rng, file: Any, name: str) -> None:
    file.create_group("a group")
    _list_of(file, name, [file["a group"].ref] * file[name].ndim)


def _null(rng: Rng, file: Any, name: str) -> None:
    _list_of(file, name, [h5py.Reference()] * file[name].ndim)


def _other_type(rng: Rng, file: Any, name: str) -> None:
    del file[name].attrs["DIMENSION_LIST"]
    file[name].attrs["DIMENSION_LIST"] = pick(rng, (np.arange(3), "text", np.ones((2, 2))))


def _none(rng: Rng, file: Any, name: str) -> None:
    del file[name].attrs["DIMENSION_LIST"]


def _no_scale(rng: Rng, file: Any, name: str) -> None:
    for key in ("CLASS", "NAME", "REFERENCE_LIST"):
        scale = file[str(pick(rng, ("trial", "time", "neuron")))]
        scale.attrs.pop(key, None) if key in scale.attrs else None


def _other_number(rng: Rng, file: Any, name: str) -> None:
    for dim in ("trial", "time", "neuron"):
        file[dim].attrs["_Netcdf4Dimid"] = pick(rng, (0, -1, 99, 2**40))


def _fill_value(rng: Rng, file: Any, name: str) -> None:
    key = str(pick(rng, ("_FillValue", "scale_factor", "add_offset", "dtype", "coordinates")))
    file[name].attrs[key] = pick(rng, (np.nan, 0.0, "text", np.arange(4), 1e308, "spikes spikes"))


def _units(rng: Rng, file: Any, name: str) -> None:
    file["time"].attrs["units"] = pick(rng, ("ms", "parsecs", "days since 0000-13-45", 7, "\x1b[m"))


SCALES: dict[str, Callable[[Rng, Any, str], None]] = {
    "dimension list longer than the rank": _longer,
    "dimension list too short": _shorter,
    "one dimension for all axes": _same,
    "a dimension of itself": _to_itself,
    "a group as dimension": _to_group,
    "null references": _null,
    "dimension list of another type": _other_type,
    "no dimension list": _none,
    "scales that are none": _no_scale,
    "dimension numbers": _other_number,
    "packing attributes": _fill_value,
    "units of time": _units,
}
TARGET = Target("netcdf", make, reading.use)
