"""Readers: one file per file format, and `load`, which picks one by the suffix."""

from undertow.data.readers.describe import describe
from undertow.data.readers.hdf5 import read_hdf5, write_hdf5
from undertow.data.readers.load import load
from undertow.data.readers.mat import read_mat
from undertow.data.readers.netcdf import from_xarray, read_netcdf
from undertow.data.readers.npz import read_npz
from undertow.data.readers.nwb import read_nwb
from undertow.data.readers.phy import read_phy
from undertow.data.readers.pynapple import from_pynapple

__all__ = [
    "describe",
    "from_pynapple",
    "from_xarray",
    "load",
    "read_hdf5",
    "read_mat",
    "read_netcdf",
    "read_npz",
    "read_nwb",
    "read_phy",
    "write_hdf5",
]
