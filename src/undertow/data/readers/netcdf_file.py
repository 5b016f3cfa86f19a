"""netCDF 4 files: their structure checked by HDF5 alone, then opened by xarray."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undertow.data.readers.hdf5_file import declared, opened_hdf5
from undertow.data.readers.schema import Declared, check_sizes, damaged
from undertow.errors import DataError, DataWarning, UndertowError
from undertow.files import existing_file
from undertow.names import printable

if TYPE_CHECKING:
    import h5py
    import xarray

SCALES = ("DIMENSION_LIST", "REFERENCE_LIST")
"""Attributes of references that netCDF keeps at a dataset: its scales, and whose scale it is."""


@contextmanager
def opened_netcdf(path: str | Path) -> "Iterator[xarray.Dataset]":
    """An open netCDF 4 file as a data set whose values are read when asked for.

    Raises:
        DataError: for a file that is not there, is cut short or is no netCDF 4.
    """
    path = existing_file(path)
    try:
        _check_structure(path)
        import h5netcdf
        import xarray
        from xarray.backends import H5NetCDFStore

        with _quiet(), h5netcdf.File(path, "r", phony_dims="access") as file:
            yield xarray.open_dataset(H5NetCDFStore(file), decode_times=False, cache=False)
    except UndertowError as error:
        raise DataError(str(error).replace("as HDF5 (", "as netCDF 4 (")) from None
    except Exception as error:  # the reader raises many kinds for a file that breaks the format
        raise damaged(path, "netCDF 4", error) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of the libraries: of attributes that break a convention, packed values, …"""
    with warnings.catch_warnings():
        for kind in (UserWarning, RuntimeWarning, FutureWarning):
            warnings.simplefilter("ignore", kind)
        warnings.simplefilter("always", DataWarning)
        yield


def loaded(path: str | Path, dataset: "xarray.Dataset", names: list[str]) -> "xarray.Dataset":
    """The variables `names` and their coordinates in memory, where they fit there."""
    chosen: Any = dataset[[name for name in dict.fromkeys(names) if name in dataset.variables]]
    sizes = {str(name): variable for name, variable in chosen.variables.items()}
    check_sizes(path, [Declared(name, each.shape, each.dtype) for name, each in sizes.items()])
    return chosen.load()


def _check_structure(path: Path) -> None:
    """See that references have the shapes the libraries take for granted.

    A list of scales longer than a dataset has axes is written past the end of the room libhdf5 has
    for it.
    """
    with opened_hdf5(path) as file:
        datasets: list[Any] = []
        file.visititems(lambda _, item: datasets.append(item) if hasattr(item, "shape") else None)
        for dataset in datasets:
            for name in SCALES:
                _check_references(path, dataset, name)
            if len(dataset.shape or ()) == 1:  # xarray reads coordinates when it opens a file
                check_sizes(path, [declared(dataset)])


def _check_references(path: Path, dataset: "h5py.Dataset", name: str) -> None:
    from h5py import h5a, h5t

    if not h5a.exists(dataset.id, name.encode()):
        return
    attribute = h5a.open(dataset.id, name.encode())
    rank, kind = len(dataset.shape or ()), attribute.get_type()
    if name == "DIMENSION_LIST":
        inner = kind.get_super() if isinstance(kind, h5t.TypeVlenID) else None
        fits = attribute.shape == (rank,)
    else:
        members = kind.get_nmembers() if isinstance(kind, h5t.TypeCompoundID) else 0
        inner = kind.get_member_type(0) if members == 2 else None
        fits = len(attribute.shape) == 1
    refers = (
        isinstance(inner, h5t.TypeReferenceID) and inner.get_size() == h5t.STD_REF_OBJ.get_size()
    )
    if not fits or not refers:
        raise DataError(
            f"{path} is a damaged netCDF file: {name} of {printable(str(dataset.name))} has shape "
            f"{attribute.shape}, and there are {rank} dimensions: write the file again."
        )
