"""MATLAB files as flat tables of variables.

Versions 4 and 5 are read through SciPy, version 7.3 through HDF5.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from undertow.data.readers.hdf5_file import ERRORS, opened_hdf5
from undertow.data.readers.mat.hdf5 import hdf5_variables
from undertow.data.readers.mat.old import load_old, old_variables
from undertow.data.readers.mat.variable import Variable, Variables
from undertow.data.readers.schema import damaged
from undertow.errors import UndertowError
from undertow.files import existing_file
from undertow.names import printable

__all__ = ["Variable", "Variables", "list_variables", "opened_mat"]


@contextmanager
def opened_mat(path: str | Path) -> Iterator[Variables]:
    """The variables of a `.mat` file by name; those in structs by dotted name, 'data.spikes'.

    Of a version 7.3 file only what is read is loaded. Nothing in the file is ever executed.

    Raises:
        DataError: for a file that is not there, is cut short or is no MATLAB file.
    """
    import h5py

    path = existing_file(path)
    try:
        if h5py.is_hdf5(path):
            with opened_hdf5(path, all_values=False) as file:
                yield dict(hdf5_variables(file))
        else:
            yield dict(old_variables(load_old(path)))
    except UndertowError:
        raise
    except (*ERRORS, struct.error, zlib.error) as error:
        raise damaged(path, "a MATLAB file", error) from error


def list_variables(path: str | Path) -> list[str]:
    """Names and shapes of the variables of a file.

    Examples: 'spikes (129, 100, 162)' and 'units.times cell (1, 30)'.
    """
    with opened_mat(path) as variables:
        return [f"{printable(name)} {variable}" for name, variable in variables.items()]
