"""Variables of MATLAB files of version 4 and 5, read by SciPy."""

import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from undertow.data.readers.mat.structure import check_structure
from undertow.data.readers.mat.variable import (
    Kind,
    Variable,
    as_cells,
    as_text,
    full_matrix,
    unreadable,
)
from undertow.data.readers.schema import damaged
from undertow.errors import UndertowError
from undertow.memory import check_memory


def load_old(path: Path) -> dict[str, Any]:
    """All variables of a file, as SciPy gives them.

    Raises:
        DataError: for a damaged file, or one that memory cannot hold.
    """
    from scipy.io import loadmat

    try:
        check_memory(
            check_structure(path), f"reading {path}", "save the variables that are needed alone."
        )
        with warnings.catch_warnings():  # of names that stand twice
            warnings.simplefilter("ignore", UserWarning)
            variables: dict[str, Any] = loadmat(path)
    except UndertowError:
        raise
    except Exception as error:  # SciPy raises many kinds for a file that breaks the format
        raise damaged(path, "a MATLAB file", error) from None
    return {name: value for name, value in variables.items() if not name.startswith("__")}


def old_variables(fields: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Variable]]:
    """The variables by name; those in structs by dotted name."""
    for field, value in fields.items():
        name = f"{prefix}{field}"
        if _is_object(value):
            yield name, Variable("object", value.shape, partial(unreadable, name))
        elif value.dtype.names and value.size == 1:
            yield from old_variables({f: value[f].item() for f in value.dtype.names}, f"{name}.")
        elif value.dtype.names or _all_structs(value):
            first = value.ravel()[0] if value.size else value
            for f in first.dtype.names:
                rows = [row[f] if value.dtype.names else row[f].item() for row in value.ravel()]
                yield f"{name}.{f}", _old_variable(as_cells(rows, value.shape))
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
        return full_matrix("in the file", value.data, value.indices, value.indptr, value.shape)
    if _is_object(value):
        return unreadable("a value inside a cell or struct array")
    if value.dtype.names:
        structs = [{f: _old_value(row[f]) for f in value.dtype.names} for row in value.ravel()]
        return structs[0] if len(structs) == 1 else as_cells(structs, value.shape)
    if value.dtype.kind == "O":
        return as_cells([_old_value(item) for item in value.ravel()], value.shape)
    return as_text(value.ravel().tolist()) if value.dtype.kind == "U" else value
