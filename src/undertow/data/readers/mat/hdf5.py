"""Variables of MATLAB files of version 7.3, which are HDF5."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.data.readers.hdf5_file import plain_array, raw_values
from undertow.data.readers.mat.variable import (
    DEEPEST,
    Kind,
    Variable,
    as_cells,
    as_text,
    full_matrix,
    unreadable,
)
from undertow.errors import DataError
from undertow.names import printable

if TYPE_CHECKING:
    import h5py

BYTES_A_REFERENCE = 8


def hdf5_variables(file: "h5py.File") -> Iterator[tuple[str, Variable]]:
    """The variables of a file by name; those in structs by dotted name.

    Raises:
        DataError: where structs lie in each other without an end.
    """
    return _variables(file, "", (), _Cells(file))


def _variables(
    group: Any, prefix: str, above: tuple[Any, ...], inside: "_Cells"
) -> Iterator[tuple[str, Variable]]:
    above = (*above, group)
    if len(above) > DEEPEST or group in above[:-1]:
        raise DataError(f"{printable(prefix)} in {group.file.filename} is a struct in itself.")
    for field, item in group.items():
        name = f"{prefix}{field}"
        if field.startswith("#"):  # where MATLAB keeps what cells refer to, and its own objects
            continue
        if _is_struct(item):
            yield from _variables(item, f"{name}.", above, inside)
        elif not _matlab_object(item) and (fields := inside.common_fields(item)):
            for f in fields:
                read = partial(inside.field_value, item, f)
                yield f"{name}.{f}", Variable("cell", _shape(item), read)
        elif (kind := _kind(item)) == "object":
            yield name, Variable("object", (), partial(unreadable, name))
        else:
            yield name, Variable(kind, _shape(item), partial(inside.value, item))


class _Cells:
    """Values of a file, with those that cells refer to.

    Each reference takes 8 bytes of the file: cells that refer to each other, or many to the same,
    would give more values than the file can hold references.
    """

    def __init__(self, file: "h5py.File") -> None:
        self.file = file
        self.left = file.id.get_filesize() // BYTES_A_REFERENCE

    def at(self, reference: Any) -> Any:
        """What a cell refers to."""
        self.left -= 1
        if self.left < 0:
            raise DataError(
                f"cells in {self.file.filename} refer to each other, or all to the same: the file "
                "is damaged, save it again."
            )
        return self.file[reference]

    def references(self, item: Any) -> Any:
        return raw_values(item).T.ravel()

    def common_fields(self, item: Any) -> list[str]:
        """The fields of a cell array whose cells are single structs of the same fields.

        None for any other array.
        """
        if "MATLAB_sparse" in item.attrs or _kind(item) != "cell" or 0 in _shape(item):
            return []
        fields: list[str] = []
        for ref in self.references(item):
            cell = self.file[ref]
            same = _is_struct(cell) and not _is_struct_array(cell)
            if not same or (fields and set(fields) != set(cell)):
                return []
            fields = list(cell)
        return fields

    def field_value(self, item: Any, field: str) -> np.ndarray:
        """One field of all cells."""
        values = [self.value(self.at(ref)[field]) for ref in self.references(item)]
        return as_cells(values, _shape(item))

    def value(self, item: Any, depth: int = 0) -> Any:
        """What a variable or a cell holds; see `Variable`."""
        if depth > DEEPEST:
            raise DataError(
                f"cells in {self.file.filename} lie in cells, more than {DEEPEST} deep: save them "
                "flat."
            )
        if _is_struct(item):
            return {name: self.value(part, depth + 1) for name, part in item.items()}
        kind, shape = _kind(item), _shape(item)
        if kind == "object":
            return unreadable("a value inside a cell or struct array")
        if "MATLAB_sparse" in item.attrs:
            return _sparse(item, shape)
        if kind == "cell":
            refs = [] if 0 in shape else self.references(item)
            return as_cells([self.value(self.at(ref), depth + 1) for ref in refs], shape)
        if 0 in shape:
            return "" if kind == "text" else np.zeros(shape)
        return _characters(item) if kind == "text" else _numbers(item)


def _is_struct_array(item: Any) -> bool:
    return any(
        _class_of(part) == "" and _kind(part) == "cell"
        for part in item.values()
        if not _is_struct(part)
    )


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
    import h5py

    if _matlab_object(item):
        return "object"
    if "MATLAB_sparse" in item.attrs:
        return "numbers"
    if not hasattr(item, "dtype") or item.shape is None:
        return "object"
    if h5py.check_string_dtype(item.dtype) is not None:  # as other programs than MATLAB write
        return "text"
    # fields of struct arrays are bare references
    if h5py.check_ref_dtype(item.dtype) is h5py.Reference:
        return "cell"
    if _class_of(item) == "cell" and item.attrs.get("MATLAB_empty", 0):
        return "cell"
    if _class_of(item) == "char":
        return "text" if item.dtype.kind in "iu" else "object"
    known = item.dtype.kind in "biuf" or item.dtype.names == ("real", "imag")
    return "numbers" if known else "object"


def _shape(item: Any) -> tuple[int, ...]:
    """The shape that MATLAB shows.

    HDF5 lists the axes the other way round, and empty arrays keep their shape as data.
    """
    if "MATLAB_sparse" in item.attrs:
        return int(item.attrs["MATLAB_sparse"]), len(item["jc"]) - 1
    if getattr(item, "shape", None) is None:
        return ()
    if item.attrs.get("MATLAB_empty", 0):
        return tuple(int(n) for n in raw_values(item).ravel())
    return tuple(item.shape[::-1])


def _numbers(item: Any) -> np.ndarray:
    data = raw_values(item).T
    return data["real"] + 1j * data["imag"] if data.dtype.names else data


def _characters(item: Any) -> str | np.ndarray:
    data = raw_values(item).T
    if data.dtype.kind not in "iu":
        return as_text([str(row) for row in plain_array(item).ravel()])
    rows = np.atleast_2d(data).astype("<u2")
    return as_text([row.tobytes().decode("utf-16-le", "replace") for row in rows])


def _sparse(item: "h5py.Group", shape: tuple[int, ...]) -> np.ndarray:
    """A sparse matrix, made full."""
    ends = plain_array(item["jc"])
    rows, data = (
        plain_array(item[name]) if name in item else np.zeros(0) for name in ("ir", "data")
    )
    return full_matrix(str(item.name).lstrip("/"), data, rows, ends, shape)
