"""The targets: one file per kind of input."""

from tests.campaigns.target import Target
from tests.campaigns.targets import hdf5, mat, netcdf, npz

ALL = (npz.TARGET, hdf5.LFADS, hdf5.BENCHMARK, mat.V5, mat.V73, netcdf.TARGET)
TARGETS: dict[str, Target] = {each.name: each for each in ALL}
