"""Model files: what is read is what was written; anything else is refused; nothing half-written is
left."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from undertow.errors import ModelError
from undertow.files import write_text
from undertow.training import read_header, read_tensors, write_tensors

TENSORS = {
    "a": torch.arange(6, dtype=torch.float64).view(2, 3),
    "b.c": torch.tensor(3.5),
    "view": torch.arange(6.0).view(2, 3).T,
}
HEADER = {"model": "x", "numbers": [1, 2.5, None], "text": "γ"}


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "m.safetensors", TENSORS, HEADER)
    tensors, header = read_tensors(path)
    assert header == HEADER == read_header(path)
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype


def test_no_part_is_left_and_the_old_file_survives_a_failed_write(tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "m.safetensors", TENSORS, HEADER)
    with pytest.raises(TypeError):
        write_tensors(path, TENSORS, {"not json": object()})
    write_text(tmp_path / "log.csv", "a\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.csv", "m.safetensors"]
    assert read_header(path) == HEADER


def foreign(metadata: dict[str, str]) -> bytes:
    """A valid safetensors file with these metadata and no tensors."""
    header = json.dumps({"__metadata__": metadata}).encode()
    return struct.pack("<Q", len(header)) + header


def spoiled(how: str, whole: bytes) -> bytes:
    contents: dict[str, Any] = {
        "empty": b"",
        "text": b"not a model at all, just some text",
        "no metadata": foreign({}),
        "metadata that is no JSON": foreign({"undertow": "{broken"}),
        "cut in the header": whole[:20],
        "cut in the tensors": whole[:-5],
        "zip": b"PK\x03\x04" + whole,
    }
    return contents[how]


@pytest.mark.parametrize(
    "how",
    [
        "empty",
        "text",
        "no metadata",
        "metadata that is no JSON",
        "cut in the header",
        "cut in the tensors",
        "zip",
    ],
)
def test_damaged_and_foreign_files_are_refused(how: str, tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "m.safetensors", TENSORS, HEADER)
    path.write_bytes(spoiled(how, path.read_bytes()))
    with pytest.raises(
        ModelError, match=r"m\.safetensors is not a file written by undertow, or is damaged"
    ):
        read_tensors(path)


@pytest.mark.parametrize("name", ["missing.safetensors", "."])
def test_a_path_without_a_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not there"):
        read_tensors(tmp_path / name)
