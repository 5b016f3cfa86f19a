"""Checkpoints and model files: safetensors with a JSON header.

Each is written under a temporary name and then moved into place.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save_file
from torch import Tensor

from undertow.errors import ModelError
from undertow.files import os_error, written_whole
from undertow.training.tensor_file import check_layout, parsed_json

HEADER = "undertow"


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> Path:
    """Write tensors and a JSON-able header to one file.

    A reader sees either the old file or the new one, never a part of it.
    """
    plain = {k: v.cpu().contiguous() for k, v in tensors.items()}
    with written_whole(path, overwrite=True) as temporary:
        try:
            save_file(plain, temporary, {HEADER: json.dumps(header)})
        except SafetensorError as error:
            raise os_error(str(error)) from None
    return path


def read_tensors(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Raises:
        ModelError: when the file is missing, damaged or not one of undertow's.
    """
    header = read_header(path)
    try:
        return _tensors(path, device), header
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path} is not a file written by undertow, or is damaged ({type(error).__name__})."
        ) from None


def _tensors(path: Path, device: str) -> dict[str, Tensor]:
    try:
        str(path).encode()
    except UnicodeEncodeError:  # safetensors opens no path that is not text
        return {k: v.to(device) for k, v in load(path.read_bytes()).items()}
    with safe_open(path, framework="pt", device=device) as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118


def read_header(path: Path) -> dict[str, Any]:
    """Read the JSON header alone, once the file's layout is found right.

    Raises:
        ModelError: as `read_tensors`.
    """
    if not path.is_file():
        raise ModelError(f"{path} is not there: it should be a model file written by undertow.")
    try:
        metadata = check_layout(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from None
    header = parsed_json(metadata.get(HEADER, "null"), path)
    if not isinstance(header, dict):
        raise ModelError(
            f"{path} is not a file written by undertow, or is damaged: its own header is missing."
        )
    return header
