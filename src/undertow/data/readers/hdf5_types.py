"""Types of HDF5 values that libhdf5 takes on trust, and crashes on where they are damaged."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undertow.data.readers.schema import damaged
from undertow.names import printable

if TYPE_CHECKING:
    import h5py

OF_BITS, SEQUENCE = 3, 0
"""Where the bits of a class begin in an encoded type; those of a sequence of any length."""


def check_types(path: str | Path, file: "h5py.File", all_values: bool = True) -> None:
    """Refuse values and attributes of any length that are neither a sequence nor text.

    The type says which in four bits, of which two values have a meaning (HDF5 File Format
    Specification, IV.A.2.d, "Class specific information for Variable-Length").

    Args:
        path: names the file in errors.
        file: open for reading.
        all_values: whether to look at datasets too, or at attributes alone.

    Raises:
        DataError: naming the object.
    """
    from h5py import h5a, h5o

    def wrong(name: bytes, info: Any) -> bytes | None:
        values = all_values and info.type == h5o.TYPE_DATASET
        if not (values or info.num_attrs):
            return None
        item = h5o.open(file.id, name)
        kinds = [item.get_type()] if values else []
        for k in range(info.num_attrs):
            with suppress(OSError, RuntimeError, KeyError):  # what nobody can open, nobody reads
                kinds.append(h5a.open(item, index=k).get_type())
        return None if all(map(_sound, kinds)) else name

    if (name := h5o.visit(file.id, wrong, info=True)) is not None:
        what = printable(name.decode("utf-8", "replace"))
        raise damaged(path, "HDF5", f"{what} holds lists of a kind there is not")


def _sound(kind: Any) -> bool:
    from h5py import h5t

    if isinstance(kind, h5t.TypeCompoundID):
        return all(_sound(kind.get_member_type(k)) for k in range(kind.get_nmembers()))
    if isinstance(kind, h5t.TypeVlenID):
        return kind.encode()[OF_BITS] & 0x0F == SEQUENCE and _sound(kind.get_super())
    return _sound(kind.get_super()) if isinstance(kind, h5t.TypeArrayID) else True
