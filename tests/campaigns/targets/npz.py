"""`.npz` files: arrays of other kinds, hostile headers, damaged archives."""

import io
import zipfile
from pathlib import Path

import numpy as np

from tests.campaigns import bytewise, hostile
from tests.campaigns.target import Made, Rng, Target, chance, pick
from tests.campaigns.targets import reading

SHAPES = (
    "(True, 8, 4)",
    "(6, 8, -4)",
    "(9223372036854775807, 8, 4)",
    "(1000000, 1000000, 1000000)",
    "(6, 8, 4.5)",
    "(6, 8, 'a')",
    "[6, 8, 4]",
    "()",
    "(6, 8",
    "None",
)
DTYPES = ("'|O'", "'<f8,<f8'", "'<U99999999'", "'|V100'", "[('a', '<f8', (99999, 99999))]", "7")
PICKLED = b"\x80\x04N."
"""None, as pickle writes it."""


def make(rng: Rng, folder: Path) -> Made:
    """A `.npz`, damaged in its bytes, its headers or its arrays."""
    path = folder / "recording.npz"
    fields, said = reading.arrays(rng), []
    if chance(rng, 0.6):
        fields, said = hostile.fields(rng, fields)
    options = reading.options(rng, reading.OF_COUNTS) if chance(rng, 0.3) else {}
    if chance(rng, 0.05):
        return Made(path, [_other_file(rng, path)], options)
    entries = {f"{name}.npy": npy_bytes(value) for name, value in fields.items()}
    if chance(rng, 0.25) and entries:
        name = pick(rng, entries)
        how, entries[name] = header(rng, entries[name])
        said.append(f"{name[:40]!a}: {how}")
    _write(rng, path, entries)
    if chance(rng, 0.25) or not said:
        said.append(bytewise.damage(rng, path))
    return Made(path, said, options)


def npy_bytes(value: np.ndarray) -> bytes:
    """The bytes of a `.npy` file; objects as the pickle of nothing, written out."""
    file = io.BytesIO()
    if value.dtype.hasobject:
        declared = {"descr": "|O", "fortran_order": False, "shape": value.shape}
        np.lib.format.write_array_header_1_0(file, declared)
        file.write(PICKLED)
    else:
        np.save(file, value, allow_pickle=False)
    return file.getvalue()


def _write(rng: Rng, path: Path, entries: dict[str, bytes]) -> None:
    kind = zipfile.ZIP_DEFLATED if chance(rng, 0.3) else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
        if chance(rng, 0.05) and entries:
            archive.writestr("notes.txt", "no array")


def header(rng: Rng, data: bytes) -> tuple[str, bytes]:
    """(how, the bytes of a `.npy` with another header)."""
    way = pick(rng, ("cut short", "shape", "dtype", "order", "deep", "no npy", "version"))
    if way == "cut short":
        return "header cut short", data[: int(rng.integers(1, 100))]
    if way == "no npy":
        return "no npy", b"text" * 30
    if way == "version":
        return "version", data[:6] + bytes([int(rng.integers(256)), 0]) + data[8:]
    shape, dtype = pick(rng, SHAPES), "'<f8'"
    if way == "dtype":
        shape, dtype = "(6, 8, 4)", pick(rng, DTYPES)
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}"
    if way == "order":
        text = text.replace("False", str(pick(rng, ("7", "None", "'a'", "True"))))
    if way == "deep":
        text = "(" * 3000 + ")" * 3000
    body = text.encode("latin1")
    packed = body + b" " * (-(len(body) + 11) % 64) + b"\n"
    return f"header {text[:90]}", b"\x93NUMPY\x01\x00" + len(packed).to_bytes(2, "little") + packed


def _other_file(rng: Rng, path: Path) -> str:
    """Another kind of file under the name of a `.npz`."""
    kinds = {
        "text": b"trial,time\n1,2\n" * 20,
        "a pickle": PICKLED,
        "a single array": npy_bytes(np.ones((3, 3))),
        "an empty archive": b"PK\x05\x06" + bytes(18),
        "empty": b"",
        "TOML": b"[a]\nb = 1\n",
        "one byte": b"P",
        "a start of an archive": b"PK\x03\x04",
    }
    kind = str(pick(rng, kinds))
    path.write_bytes(kinds[kind])
    return kind


TARGET = Target("npz", make, reading.use, share=2.0)
