"""Model files: what is read is what was written; anything else is refused; nothing half-written is
left."""

import json
import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from undertow.errors import ModelError, WriteError
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


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_file_in_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    path = write_tensors(folder / "a", {"x": torch.ones(3)}, {"k": 1})
    tensors, header = read_tensors(path)
    assert header == {"k": 1}
    assert tensors["x"].tolist() == [1.0, 1.0, 1.0]


def test_a_full_disk_is_said_and_the_earlier_file_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tensors(tmp_path / "a", {"x": torch.ones(3)}, {})

    def full(*_: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: … (os error 28)")

    monkeypatch.setattr("undertow.training.checkpoint.save_file", full)
    with pytest.raises(WriteError, match=r"the disk is full\. The earlier one is kept"):
        write_tensors(path, {"x": torch.zeros(3)}, {})
    assert read_tensors(path)[0]["x"].tolist() == [1.0, 1.0, 1.0]
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
