"""`load`: any data file undertow reads, by its suffix, and folders of sorted spikes."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from undertow.data.readers.choosing import chosen, more_of
from undertow.data.readers.events import AroundEvents
from undertow.data.readers.hdf5 import read_hdf5
from undertow.data.readers.hdf5_file import list_datasets
from undertow.data.readers.mat import list_variables, read_mat
from undertow.data.readers.netcdf import list_netcdf, read_netcdf
from undertow.data.readers.npz import list_arrays, read_npz
from undertow.data.readers.nwb import list_contents, read_nwb
from undertow.data.readers.phy import is_phy_folder, list_phy, read_phy
from undertow.data.readers.spike_files import list_spike_table, read_spike_table
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.files import existing_file
from undertow.names import listed


class Format(NamedTuple):
    """A file format.

    Attributes:
        name: for people.
        read: path → trials.
        contents: path → what the file offers: its arrays with their shapes, or the names of what to
            align to, select by and read.
    """

    name: str
    read: Callable[..., TrialSet]
    contents: Callable[..., list[str] | dict[str, list[str]]]


PHY = "Phy"
FORMATS = {
    ".npz": Format("arrays (npz)", read_npz, list_arrays),
    ".h5": Format("HDF5", read_hdf5, list_datasets),
    ".hdf5": Format("HDF5", read_hdf5, list_datasets),
    ".nwb": Format("NWB", read_nwb, list_contents),
    ".mat": Format("MATLAB", read_mat, list_variables),
    ".nc": Format("netCDF (xarray)", read_netcdf, list_netcdf),
    ".csv": Format("table of spikes", read_spike_table, list_spike_table),
    ".tsv": Format("table of spikes", read_spike_table, list_spike_table),
    PHY: Format("Phy or Kilosort folder", read_phy, list_phy),
}
"""Suffix → format, and the one that is a folder."""
CHOICES = ("units", "trials")
"""Options of every format: which neurons and trials stay."""


def load(path: str | Path, bin_s: float | None = None, **options: Any) -> TrialSet:
    """Read trials from any data file or folder, by its suffix.

    Suffixes are `.npz`, `.h5`, `.hdf5`, `.nwb`, `.mat`, `.nc` (xarray), and `.csv` and `.tsv` for
    tables of spikes; folders are those of Phy and Kilosort.

    Args:
        path: the file or folder.
        bin_s: bin width in seconds; by default the file's own, 20 ms for spike times.
        options: options of the reader: `read_npz`, `read_hdf5`, `read_nwb`, `read_mat`,
            `read_netcdf`, `read_spike_table` or `read_phy`. For every format, `units` and `trials`
            choose neurons and trials by a mask, ids or a rule such as ``"region==MOp"``.

    Raises:
        DataError: when the file cannot be read, or an option is not one of that reader's.
    """
    found = format_of(path)
    known = options_of(found)
    if unknown := [name for name in options if name not in (*known, *CHOICES)]:
        what = "Phy folders" if found == PHY else f"{found} files"
        there = listed([*known, *(name for name in CHOICES if name not in known)], 40)
        raise DataError(f"{what} have no option {listed(unknown)}: there is {there}.")
    # formats of counts leave the choice of neurons and trials to us
    later = {name: options.pop(name) for name in CHOICES if name in options and name not in known}
    try:
        trials = FORMATS[found].read(path, bin_s=bin_s, **options)
        if not later:
            return trials
        return chosen(trials, later.get("units"), later.get("trials"), more_of(path))
    except DataError as error:
        named = str(path) in str(error)
        raise error if named else DataError(f"{path}: {error}") from None


def options_of(form: str) -> list[str]:
    """The options of a format's reader, beside the path and the bin width."""
    found = []
    for name, each in inspect.signature(FORMATS[form].read).parameters.items():
        shared = each.kind is inspect.Parameter.VAR_KEYWORD
        found += [*AroundEvents.__annotations__] if shared else [name]
    return [name for name in found if name not in ("path", "folder", "bin_s")]


def format_of(path: str | Path) -> str:
    """The key in `FORMATS` for an existing path.

    It is the suffix of a file, and 'Phy' for a folder of sorted spikes.

    Raises:
        DataError: for another folder, a file that is missing or empty, or an unknown suffix.
    """
    if is_phy_folder(path):
        return PHY
    if Path(path).is_dir():
        inside = [each.name for each in sorted(Path(path).iterdir()) if is_phy_folder(each)]
        hint = f" such as {Path(path) / inside[0]}" if inside else ""
        raise DataError(
            f"{path} is a folder without spike_times.npy: give the path of one data file, or of a "
            f"Phy or Kilosort folder{hint}."
        )
    suffix = existing_file(path).suffix.lower()
    if suffix not in FORMATS:
        there = [name for name in FORMATS if name.startswith(".")]
        raise DataError(
            f"{path} has the suffix {Path(path).suffix!r}: undertow reads {listed(there)} and Phy "
            "folders."
        )
    return suffix
