"""The targets: one file per kind of input."""

from tests.campaigns.target import Target
from tests.campaigns.targets import (
    benchmark,
    hdf5,
    mat,
    model_files,
    netcdf,
    npz,
    nwb,
    phy,
    records,
    settings,
)

ALL = (
    npz.TARGET,
    hdf5.LFADS,
    hdf5.BENCHMARK,
    nwb.TARGET,
    mat.V5,
    mat.V73,
    phy.FOLDERS,
    phy.EVENTS,
    phy.TABLES,
    netcdf.TARGET,
    settings.TOML,
    settings.SET,
    settings.RULES,
    settings.FITS,
    model_files.MODELS,
    model_files.CHECKPOINTS,
    records.RUNS,
    records.RESULTS,
    records.STATISTICS,
    benchmark.SUBMISSIONS,
    benchmark.TENSORS,
    benchmark.PRESETS,
)
TARGETS: dict[str, Target] = {each.name: each for each in ALL}
