"""The layout of a safetensors file, checked before a tensor is read.

A file begins with the length of its JSON header, 8 bytes, and the header; the tensors' bytes
follow, one after the other without a gap.
"""

import json
from math import prod
from pathlib import Path
from typing import Any

from undertow.errors import ModelError
from undertow.names import printable, shown

METADATA, LENGTH_BYTES, LONGEST_HEADER = "__metadata__", 8, 100_000_000
ITEM_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "F16": 2, "BF16": 2, "I16": 2, "I32": 4, "F32": 4}
ITEM_BYTES |= {"I64": 8, "F64": 8}
"""Types that tensors here can have, and the bytes of one entry."""


def check_layout(path: Path) -> dict[str, str]:
    """Check that the parts of a safetensors file fit together, and return its metadata.

    Raises:
        ModelError: for a file that is no safetensors file, cut short, or with tensors of unknown
            type, outside the file, over one another or of another size than their shape.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if size < LENGTH_BYTES or not 2 <= length <= min(size - LENGTH_BYTES, LONGEST_HEADER):
            raise _damaged(path, "its header does not fit into the file")
        entries = _parsed(file.read(length), path)
    metadata = entries.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _damaged(path, "its metadata are not text")
    spans = sorted(_span(name, entry, path) for name, entry in entries.items())
    ends = [0, *(end for _, end, _ in spans)]
    for (start, _, name), before in zip(spans, ends, strict=False):
        if start != before:
            raise _damaged(path, f"tensor {name!r} does not begin where the one before ends")
    if ends[-1] != size - LENGTH_BYTES - length:
        raise _damaged(path, "its tensors do not fill the file")
    return metadata


def parsed_json(text: str | bytes, path: Path) -> Any:
    """What JSON text in a file holds.

    Raises:
        ModelError: for text that is no JSON, nested too deep, or with numbers of thousands of
            digits.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # no UTF-8 and no JSON are ValueErrors
        raise _damaged(path, "its header is no JSON that can be read") from None


def _parsed(header: bytes, path: Path) -> dict[str, Any]:
    entries = parsed_json(header, path)
    if not isinstance(entries, dict):
        raise _damaged(path, "its header is no table")
    return entries


def _span(name: str, entry: Any, path: Path) -> tuple[int, int, str]:
    """(first byte, byte after the last, name) of a tensor, whose size is that of its shape."""
    name = printable(name)
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, f"the entry of tensor {name!r} is incomplete")
    dtype, shape, span = (entry[key] for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise _damaged(path, f"tensor {name!r} has the unknown type {shown(dtype)}")
    if not _whole(shape) or not _whole(span) or len(span) != 2:
        raise _damaged(path, f"the shape or the place of tensor {name!r} are no whole numbers")
    if span[1] - span[0] != prod(shape) * ITEM_BYTES[dtype]:
        raise _damaged(path, f"tensor {name!r} has another size than its shape")
    return span[0], span[1], name


def _whole(values: Any) -> bool:
    most = 2**63
    return isinstance(values, list) and all(type(v) is int and 0 <= v < most for v in values)


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"{path} is not a file written by undertow, or is damaged: {why}.")
