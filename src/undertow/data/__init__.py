"""Recordings and binned trials: reading, binning, splitting, holding out."""

from undertow.data.arrays import as_trials
from undertow.data.describe import describe
from undertow.data.from_pynapple import from_pynapple
from undertow.data.from_xarray import from_xarray, read_netcdf
from undertow.data.hdf5 import read_hdf5, write_hdf5
from undertow.data.joining import join_trials
from undertow.data.load import load
from undertow.data.mat import read_mat
from undertow.data.npz import read_npz
from undertow.data.nwb import read_nwb
from undertow.data.phy import read_phy
from undertow.data.prediction import Prediction
from undertow.data.recording import Recording
from undertow.data.spike_times import bin_spike_times
from undertow.data.splits import Splits, fold_trials, split_trials, split_validation
from undertow.data.trialset import TrialSet
from undertow.data.windows import cut_windows

__all__ = [
    "Prediction",
    "Recording",
    "Splits",
    "TrialSet",
    "as_trials",
    "bin_spike_times",
    "cut_windows",
    "describe",
    "fold_trials",
    "from_pynapple",
    "from_xarray",
    "join_trials",
    "load",
    "read_hdf5",
    "read_mat",
    "read_netcdf",
    "read_npz",
    "read_nwb",
    "read_phy",
    "split_trials",
    "split_validation",
    "write_hdf5",
]
