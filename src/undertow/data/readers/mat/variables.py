"""MATLAB files as flat tables of variables.

Versions 4 and 5 are read through SciPy, version 7.3 through HDF5.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from undertow.data.readers.hdf5_file import opened_hdf5
from undertow.errors import DataError
from undertow.files import existing_file

if TYPE_CHECKING:
    import h5py

Kind = Literal["numbers", "text", "cell", "object"]


@dataclass(frozen=True)
class Variable:
    """One MATLAB variable, read when asked for.

    Attributes:
        kind: 'numbers', 'text', 'cell' (also a field of a struct array), or 'object': what only
            MATLAB reads.
        shape: as MATLAB shows it.
        read: gives numbers as an array of that shape, text as a string (an array of them for
            several rows), a cell as an object array of values, a struct inside a cell as a
            dictionary.
    """

    kind: Kind
    shape: tuple[int, ...]
    read: Callable[[], Any]

    def __str__(self) -> str:
        return f"{self.shape}" if self.kind == "numbers" else f"{self.kind} {self.shape}"


Variables = dict[str, Variable]


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
            with opened_hdf5(path) as file:
                yield dict(_hdf5_variables(file))
        else:
            yield dict(_old_variables(_load_old(path)))
    except DataError:
        raise
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError, MemoryError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} cannot be read as a MATLAB file (cut short, damaged, or another kind of file): "
        f"{error}"
    )


def list_variables(path: str | Path) -> list[str]:
    """Names and shapes of the variables of a file.

    Examples: 'spikes (129, 100, 162)' and 'units.times cell (1, 30)'.
    """
    with opened_mat(path) as variables:
        return [f"{name} {variable}" for name, variable in variables.items()]


def _unreadable(name: str) -> Any:
    raise DataError(
        f"{name} is a MATLAB object (a table, string, datetime, function or class), which only "
        "MATLAB can read: save it as numbers, a cell array of char, or a struct."
    )


# --- versions 4 and 5 -------------------------------------------------------------------------


def _load_old(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    try:
        variables: dict[str, Any] = loadmat(path)
    except Exception as error:  # SciPy raises many kinds for a file that breaks the format
        raise _damaged(path, error) from None
    return {name: value for name, value in variables.items() if not name.startswith("__")}


def _old_variables(fields: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Variable]]:
    for field, value in fields.items():
        name = f"{prefix}{field}"
        if _is_object(value):
            yield name, Variable("object", value.shape, partial(_unreadable, name))
        elif value.dtype.names and value.size == 1:
            yield from _old_variables({f: value[f].item() for f in value.dtype.names}, f"{name}.")
        elif value.dtype.names or _all_structs(value):
            first = value.ravel()[0] if value.size else value
            for f in first.dtype.names:
                rows = [row[f] if value.dtype.names else row[f].item() for row in value.ravel()]
                yield f"{name}.{f}", _old_variable(_cells(rows, value.shape))
        else:
            yield name, _old_variable(value)


def _all_structs(value: Any) -> bool:
    """True for a cell array whose cells are single structs of the same fields.

    It reads as a struct array.
    """
    if value.dtype != object or value.size == 0:
        return False
    names = {
        None if _is_object(cell) or cell.size != 1 else cell.dtype.names for cell in value.ravel()
    }
    return len(names) == 1 and None not in names


def _old_variable(value: Any) -> Variable:
    kinds: dict[str, Kind] = {"U": "text", "O": "cell"}
    return Variable(kinds.get(value.dtype.kind, "numbers"), value.shape, partial(_old_value, value))


def _is_object(value: Any) -> bool:
    from scipy.io import matlab

    return isinstance(value, matlab.MatlabOpaque | matlab.MatlabFunction | matlab.MatlabObject)


def _old_value(value: Any) -> Any:
    from scipy.sparse import issparse

    if issparse(value):
        return value.toarray()
    if _is_object(value):
        return _unreadable("a value inside a cell or struct array")
    if value.dtype.names:
        structs = [{f: _old_value(row[f]) for f in value.dtype.names} for row in value.ravel()]
        return structs[0] if len(structs) == 1 else _cells(structs, value.shape)
    if value.dtype.kind == "O":
        return _cells([_old_value(item) for item in value.ravel()], value.shape)
    return _text(value.ravel().tolist()) if value.dtype.kind == "U" else value


# --- version 7.3 ------------------------------------------------------------------------------


def _hdf5_variables(group: Any, prefix: str = "") -> Iterator[tuple[str, Variable]]:
    for field, item in group.items():
        name = f"{prefix}{field}"
        if field.startswith("#"):  # where MATLAB keeps what cells refer to, and its own objects
            continue
        if _is_struct(item):
            yield from _hdf5_variables(item, f"{name}.")
        elif fields := _common_fields(item):
            for f in fields:
                yield f"{name}.{f}", Variable("cell", _shape(item), partial(_field_value, item, f))
        elif _matlab_object(item):
            yield name, Variable("object", (), partial(_unreadable, name))
        else:
            yield name, Variable(_kind(item), _shape(item), partial(_hdf5_value, item))


def _common_fields(item: Any) -> list[str]:
    """The fields of a cell array whose cells are single structs of the same fields; else none."""
    if (
        _matlab_object(item)
        or "MATLAB_sparse" in item.attrs
        or _kind(item) != "cell"
        or 0 in _shape(item)
    ):
        return []
    fields: list[str] = []
    for ref in item[()].ravel():
        cell = item.file[ref]
        if not _is_struct(cell) or _is_struct_array(cell) or (fields and set(fields) != set(cell)):
            return []
        fields = list(cell)
    return fields


def _is_struct_array(item: Any) -> bool:
    return any(
        _class_of(part) == "" and _kind(part) == "cell"
        for part in item.values()
        if not _is_struct(part)
    )


def _field_value(item: Any, field: str) -> np.ndarray:
    return _cells([_hdf5_value(item.file[ref][field]) for ref in item[()].T.ravel()], _shape(item))


def _class_of(item: Any) -> str:
    name = item.attrs.get("MATLAB_class", b"")
    return name.decode() if isinstance(name, bytes) else str(name)


def _is_struct(item: Any) -> bool:
    import h5py

    return (
        isinstance(item, h5py.Group)
        and "MATLAB_sparse" not in item.attrs
        and not _matlab_object(item)
    )


def _matlab_object(item: Any) -> bool:
    return "MATLAB_object_decode" in item.attrs or _class_of(item) == "function_handle"


def _kind(item: Any) -> Kind:
    if "MATLAB_sparse" in item.attrs:
        return "numbers"
    if (
        _class_of(item) == "cell" or item.dtype.kind == "O"
    ):  # fields of struct arrays are bare references
        return "cell"
    return "text" if _class_of(item) == "char" else "numbers"


def _shape(item: Any) -> tuple[int, ...]:
    """The shape that MATLAB shows.

    HDF5 lists the axes the other way round, and empty arrays keep their shape as data.
    """
    if "MATLAB_sparse" in item.attrs:
        return int(item.attrs["MATLAB_sparse"]), len(item["jc"]) - 1
    if item.attrs.get("MATLAB_empty", 0):
        return tuple(int(n) for n in item[()])
    return tuple(item.shape[::-1])


def _hdf5_value(item: Any) -> Any:
    if _matlab_object(item):
        return _unreadable("a value inside a cell or struct array")
    if _is_struct(item):
        return {name: _hdf5_value(part) for name, part in item.items()}
    kind, shape = _kind(item), _shape(item)
    if "MATLAB_sparse" in item.attrs:
        return _sparse(item, shape)
    if kind == "cell":
        found = [] if 0 in shape else [_hdf5_value(item.file[ref]) for ref in item[()].T.ravel()]
        return _cells(found, shape)
    if 0 in shape:
        return "" if kind == "text" else np.zeros(shape)
    data = item[()].T
    return (
        _text(["".join(map(chr, row)) for row in np.atleast_2d(data)]) if kind == "text" else data
    )


def _sparse(item: "h5py.Group", shape: tuple[int, ...]) -> np.ndarray:
    """A sparse matrix, made full."""
    from scipy.sparse import csc_matrix

    ends = item["jc"][()].astype(np.int64)
    if "data" not in item:
        return np.zeros(shape)
    rows = item["ir"][()].astype(np.int64)
    return np.asarray(
        csc_matrix((item["data"][()].astype(float), rows, ends), shape=shape).toarray()
    )


# --- both -------------------------------------------------------------------------------------


def _cells(values: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    cells = np.empty(len(values), object)
    for k, value in enumerate(values):  # one by one: NumPy would stack arrays of equal length
        cells[k] = value
    return cells.reshape(shape)


def _text(rows: list[str]) -> str | np.ndarray:
    """One row as a string; several as an array, without the blanks MATLAB pads them with."""
    return "".join(rows) if len(rows) < 2 else np.array([row.rstrip() for row in rows])
