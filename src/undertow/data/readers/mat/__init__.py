"""MATLAB files of every version, without MATLAB: trials of counts, recordings of spike times."""

from undertow.data.readers.mat.reading import read_mat, read_recording
from undertow.data.readers.mat.variables import list_variables, opened_mat

__all__ = ["list_variables", "opened_mat", "read_mat", "read_recording"]
