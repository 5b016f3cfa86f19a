"""Headers of npz files: seen before anything is read, whatever they say."""

import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from undertow.data import describe, load, read_npz
from undertow.data.readers.npz import list_arrays
from undertow.data.readers.npz_file import declared_arrays
from undertow.errors import DataError, DataWarning

COUNTS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def write(path: Path, header: str, data: bytes = b"", version: int = 1) -> Path:
    """A file whose `spikes` have this header."""
    text = header.encode("latin1")
    start = (
        b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little")
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("spikes.npy", start + text + data)
    return path


def header(shape: str, descr: str = "'|u1'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"


HEADERS = {
    "cut": "{'descr': '|u1', 'fortran_order': Fal",
    "brackets": header("(" * 5000),
    "nested": header("-" * 5000 + "1"),
    "true": header("(True, True, True)"),
    "negative": header("(2, -4, 3)"),
    "float": header("(2.0, 4, 3)"),
    "exabytes": header("(1000000000, 1000000000, 3)"),
    "more than there is": header("(2, 4, 30)"),
    "unknown": header("(2, 4, 3)", "'|Q9'"),
    "null": "\0" * 60,
    "digits": header("(" + "9" * 5000 + ",)"),
    "escape": header("(2, 4, 3)", r"'\d'"),
}


@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize("read", [load, list_arrays, describe], ids=lambda f: f.__name__)
def test_headers_that_cannot_be_are_refused_in_a_line(tmp_path: Path, kind: str, read: Any) -> None:
    path = write(tmp_path / "h.npz", HEADERS[kind], bytes(24))
    with pytest.raises(DataError, match=r"cannot be read as \.npz .*spikes") as found:
        read(path)
    assert len(str(found.value)) < 500
    assert "\n" not in str(found.value)


def test_an_array_that_inflates_to_more_than_a_file_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("spikes.npy", b"")
    info = {"shape": (2, 4, 3), "descr": "|u1", "fortran_order": False}
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, info | {"shape": (10**6, 10**6, 10)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("spikes.npy", stream.getvalue())
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24  # the size that the directory says it has
    data[at : at + 4] = (2**32 - 2).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="spikes"):
        read_npz(path)


@pytest.mark.parametrize(
    "content", [b"spikes,bin\n1,2\n", b"\x80\x04\x95K\x00\x00\x00.", b"PK\x03\x04"]
)
@pytest.mark.parametrize("read", [load, describe, list_arrays], ids=lambda f: f.__name__)
def test_text_and_pickle_are_no_npz(tmp_path: Path, content: bytes, read: Any) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        read(tmp_path / "x.npz")


def test_only_what_is_used_is_read_and_all_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "u.npz"
    np.savez(
        path, spikes=COUNTS, bin_ms=5, notes=np.array([{}, None], object), photo=np.ones((300, 300))
    )
    data = bytearray(path.read_bytes())
    at = data.index(np.ones(90_000).tobytes()) + 700_000
    data[at] ^= 0xFF  # nobody reads the photo
    path.write_bytes(bytes(data))
    assert read_npz(path).n_trials == 2
    assert declared_arrays(path)["photo"].shape == (300, 300)
    assert list_arrays(path) == [
        *("spikes (2, 4, 3)", "bin_ms ()", "notes (object array)", "photo (300, 300)")
    ]


OTHER = {
    "bin_ms": ["ten", 1j, np.datetime64("2020-01-01"), [5, 5], np.nan, -1, True],
    "spikes": [COUNTS * 1j, COUNTS.astype("U1"), COUNTS[0], COUNTS.astype("M8[s]"), 3],
    "heldout": [[2, 0, 0], ["a", "b", "c"], [1j, 0, 0]],
    "lengths": [["a", "b"], [1j, 2], [np.nan, 2]],
    "condition": [[1j, 2], np.array(["2020", "2021"], "M8[Y]"), [b"\xff", b"a"]],
    "hand_vel": [],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in OTHER.items() for v in values])
def test_numbers_are_numbers_and_nothing_else_reaches_the_user(
    tmp_path: Path, name: str, value: Any
) -> None:
    arrays = {"spikes": COUNTS, "bin_ms": 5, "hand_vel": np.ones((2, 4, 2)), name: value}
    np.savez(tmp_path / "o.npz", **arrays)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=name):
            read_npz(tmp_path / "o.npz")


@pytest.mark.parametrize("shape", [(1, 4, 2), (2, 5, 2), (2, 4)])
def test_signals_that_do_not_fit_are_named(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.savez(tmp_path / "s.npz", spikes=COUNTS, bin_ms=5, hand_vel=np.ones(shape))
    with pytest.warns(DataWarning, match=r"left out hand_vel \(.*do not fit the trials and bins"):
        assert read_npz(tmp_path / "s.npz").behavior is None
    assert read_npz(tmp_path / "s.npz", behavior=()).behavior is None
    if shape != (2, 4):
        with pytest.raises(DataError, match=r"hand_vel in .* has shape"):
            read_npz(tmp_path / "s.npz", behavior="hand_vel")
