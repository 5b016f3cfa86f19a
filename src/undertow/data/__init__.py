"""Recordings and binned trials: reading, binning, splitting, holding out."""

from undertow.data.arrays import as_trials, bin_spike_times, cut_windows
from undertow.data.joining import join_trials
from undertow.data.prediction import Prediction
from undertow.data.readers import (
    describe,
    from_pynapple,
    from_xarray,
    load,
    read_hdf5,
    read_mat,
    read_netcdf,
    read_npz,
    read_nwb,
    read_phy,
    write_hdf5,
)
from undertow.data.recording import Recording
from undertow.data.splits import Splits, fold_trials, split_trials, split_validation
from undertow.data.trialset import TrialSet

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
