"""Recordings and binned trials: reading, binning, splitting, holding out."""

from undertow.data.arrays import as_trials, bin_spike_times, cut_windows
from undertow.data.folds import Folds, fewer_to_learn_from, fold_splits, fold_trials
from undertow.data.joining import join_trials
from undertow.data.prediction import Prediction
from undertow.data.readers.describe import describe
from undertow.data.readers.hdf5 import read_hdf5, write_hdf5
from undertow.data.readers.load import load
from undertow.data.readers.mat import read_mat
from undertow.data.readers.netcdf import from_xarray, read_netcdf
from undertow.data.readers.npz import read_npz
from undertow.data.readers.nwb import read_nwb
from undertow.data.readers.phy import read_phy
from undertow.data.readers.pynapple import from_pynapple
from undertow.data.readers.spike_files import read_spike_table
from undertow.data.readers.spike_tables import recording_from_table
from undertow.data.recording import Recording
from undertow.data.resampling import resample_trials
from undertow.data.sessions import Sessions
from undertow.data.splits import Splits, split_trials, split_validation
from undertow.data.trialset import TrialSet

__all__ = [
    "Folds",
    "Prediction",
    "Recording",
    "Sessions",
    "Splits",
    "TrialSet",
    "as_trials",
    "bin_spike_times",
    "cut_windows",
    "describe",
    "fewer_to_learn_from",
    "fold_splits",
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
    "read_spike_table",
    "recording_from_table",
    "resample_trials",
    "split_trials",
    "split_validation",
    "write_hdf5",
]
